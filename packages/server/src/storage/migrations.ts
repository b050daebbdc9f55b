import { type Kysely, type RawBuilder, sql } from "kysely";
import { type Migration, type MigrationProvider, Migrator } from "kysely/migration";
import { serverErrors } from "../errors.ts";
import type { DatabaseLocation } from "./database-location.ts";
import type { Queries } from "./schema.ts";

/** What differs between dialects: the types for bytes and for text, which is everywhere compared byte by byte. */
interface ColumnTypes {
  readonly bytes: "blob" | "bytea";
  readonly text: "text" | RawBuilder<unknown>;
}

const columnTypes: Readonly<Record<DatabaseLocation["kind"], ColumnTypes>> = {
  sqlite: { bytes: "blob", text: "text" },
  postgres: { bytes: "bytea", text: sql`text collate "C"` },
};

/** Brings the database to the schema of this version. Errors: SERVER_SCHEMA_NEW, STORE_FAILED, STORE_FULL, STORE_BUSY. */
export async function migrate(db: Queries, location: DatabaseLocation): Promise<void> {
  const migrator = migratorOf(db, location);
  await refuseNewer(migrator, db);
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : serverErrors.error("STORE_FAILED", {}, error);
}

/** Refuses a database of another schema than this version's. Errors: SERVER_SCHEMA_OLD, SERVER_SCHEMA_NEW. */
export async function requireMigrated(db: Queries, location: DatabaseLocation): Promise<void> {
  const migrator = migratorOf(db, location);
  await refuseNewer(migrator, db);
  const missing = (await migrator.getMigrations()).filter(({ executedAt }) => executedAt === undefined);
  if (missing.length > 0) throw serverErrors.error("SERVER_SCHEMA_OLD", { missing: missing.map(({ name }) => name).join(" ") });
}

function migratorOf(db: Queries, location: DatabaseLocation): Migrator {
  const provider: MigrationProvider = { getMigrations: async () => migrations(columnTypes[location.kind]) };
  return new Migrator({ db, provider, ...(location.kind === "postgres" ? { migrationTableSchema: location.schema } : {}) });
}

const executedTable = "kysely_migration";

async function refuseNewer(migrator: Migrator, db: Queries): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === executedTable)) return;
  const known = new Set((await migrator.getMigrations()).map(({ name }) => name));
  const executed = await db.withTables<{ [executedTable]: { name: string } }>().selectFrom(executedTable).select("name").execute();
  const unknown = executed.find(({ name }) => !known.has(name));
  if (unknown !== undefined) throw serverErrors.error("SERVER_SCHEMA_NEW", { migration: unknown.name });
}

/** By name, in the order of the names. A migration that was released is never changed. */
function migrations(types: ColumnTypes): Record<string, Migration> {
  return {
    "0001-delivery": { up: (db) => createDelivery(db, types) },
    "0002-broadcasts": { up: (db) => createBroadcasts(db, types) },
    "0003-sealed-keys": { up: (db) => separateSealedKeys(db, types) },
    "0004-orders": { up: (db) => createOrders(db, types) },
  };
}

async function createDelivery(db: Kysely<unknown>, { bytes, text }: ColumnTypes): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("operator_tokens")
    .addColumn("digest", bytes, (column) => column.primaryKey().notNull())
    .addColumn("label", text, (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();

  await schema
    .createTable("enrolment_tokens")
    .addColumn("id", bytes, (column) => column.primaryKey().notNull())
    .addColumn("secret_digest", bytes, (column) => column.notNull())
    .addColumn("name", text, (column) => column.notNull().unique())
    .addColumn("model", text, (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addColumn("signing_key_digest", bytes)
    .addColumn("signing_thumbprint", bytes, (column) => column.unique())
    .addColumn("signing_chain", bytes)
    .addColumn("keys", bytes)
    .addColumn("certificate_expires_at", "bigint")
    .addColumn("bound_at", "bigint")
    .execute();

  await schema
    .createTable("terminals")
    .addColumn("name", text, (column) => column.primaryKey().notNull())
    .addColumn("model", text, (column) => column.notNull())
    .addColumn("signing_key_digest", bytes, (column) => column.notNull().unique())
    .addColumn("signing_thumbprint", bytes, (column) => column.notNull().unique())
    .addColumn("signing_chain", bytes, (column) => column.notNull())
    .addColumn("certificate_expires_at", "bigint", (column) => column.notNull())
    .addColumn("enrolled_at", "bigint", (column) => column.notNull())
    .addColumn("last_seen_at", "bigint")
    .addColumn("installed", bytes, (column) => column.notNull())
    .addColumn("inbox_position", "bigint", (column) => column.notNull())
    .execute();
  await schema
    .createTable("terminal_keys")
    .addColumn("terminal", text, (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addColumn("purpose", text, (column) => column.notNull())
    .addColumn("kind", text, (column) => column.notNull())
    .addColumn("position", "integer", (column) => column.notNull())
    .addColumn("key_digest", bytes, (column) => column.notNull().unique())
    .addColumn("signing_thumbprint", bytes, (column) => column.unique())
    .addColumn("chain", bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint("terminal_keys_key", ["terminal", "purpose", "kind"])
    .execute();

  await schema
    .createTable("releases")
    .addColumn("artefact_id", bytes, (column) => column.primaryKey().notNull())
    .addColumn("module", text, (column) => column.notNull())
    .addColumn("version", text, (column) => column.notNull())
    .addColumn("sequence", "bigint", (column) => column.notNull())
    .addColumn("description", bytes, (column) => column.notNull())
    .addColumn("statement", bytes, (column) => column.notNull())
    .addColumn("publisher", text, (column) => column.notNull())
    .addColumn("published_at", "bigint", (column) => column.notNull())
    .addColumn("accepted_at", "bigint", (column) => column.notNull())
    .execute();
  await schema
    .createTable("release_models")
    .addColumn("module", text, (column) => column.notNull())
    .addColumn("model", text, (column) => column.notNull())
    .addColumn("sequence", "bigint", (column) => column.notNull())
    .addColumn("artefact_id", bytes, (column) => column.notNull().references("releases.artefact_id").onDelete("cascade"))
    .addPrimaryKeyConstraint("release_models_key", ["model", "module", "sequence"])
    .execute();

  await schema
    .createTable("replay_entries")
    .addColumn("mechanism", text, (column) => column.notNull())
    .addColumn("originator", bytes, (column) => column.notNull())
    .addColumn("nonce", bytes, (column) => column.notNull())
    .addColumn("remember_until", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("replay_entries_key", ["originator", "mechanism", "nonce"])
    .execute();
  await schema.createIndex("replay_entries_until").on("replay_entries").column("remember_until").execute();
  await schema
    .createTable("replay_floor")
    .addColumn("id", "integer", (column) => column.primaryKey().notNull())
    .addColumn("remember_until", "bigint", (column) => column.notNull())
    .execute();

  await schema
    .createTable("challenges")
    .addColumn("challenge", bytes, (column) => column.primaryKey().notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();

  await schema
    .createTable("pending_links")
    .addColumn("reference", bytes, (column) => column.primaryKey().notNull())
    .addColumn("terminal", text, (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addColumn("signing_thumbprint", bytes, (column) => column.notNull())
    .addColumn("artefact_id", bytes)
    .addColumn("sent", bytes)
    .addColumn("state", bytes, (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await schema.createIndex("pending_links_terminal").on("pending_links").column("terminal").execute();

  await schema
    .createTable("links")
    .addColumn("id", bytes, (column) => column.primaryKey().notNull())
    .addColumn("terminal", text, (column) => column.references("terminals.name").onDelete("cascade"))
    .addColumn("signing_thumbprint", bytes)
    .addColumn("offered", bytes)
    .addColumn("stage", text, (column) => column.notNull())
    .addColumn("state", bytes, (column) => column.notNull())
    .addColumn("version", "bigint", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addColumn("opening_digest", bytes, (column) => column.notNull().unique())
    .addColumn("request_digest", bytes, (column) => column.notNull())
    .addColumn("response", bytes, (column) => column.notNull())
    .execute();
  await schema.createIndex("links_terminal").on("links").columns(["terminal", "created_at"]).execute();

  await schema
    .createTable("inbox_messages")
    .addColumn("terminal", text, (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addColumn("position", "bigint", (column) => column.notNull())
    .addColumn("reference", bytes, (column) => column.notNull().unique())
    .addColumn("message", bytes, (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("inbox_messages_key", ["terminal", "position"])
    .execute();

  await schema
    .createTable("licences")
    .addColumn("digest", bytes, (column) => column.primaryKey().notNull())
    .addColumn("terminal", text, (column) => column.notNull())
    .addColumn("artefact_id", bytes, (column) => column.notNull())
    .addColumn("licence", bytes, (column) => column.notNull())
    .addColumn("issued_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await schema.createIndex("licences_terminal").on("licences").columns(["terminal", "artefact_id", "issued_at"]).execute();
}

async function createBroadcasts(db: Kysely<unknown>, { bytes, text }: ColumnTypes): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("groups")
    .addColumn("name", text, (column) => column.primaryKey().notNull())
    .addColumn("last_epoch", "bigint", (column) => column.notNull())
    .addColumn("is_stale", "integer", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await schema
    .createTable("group_members")
    .addColumn("group_name", text, (column) => column.notNull().references("groups.name").onDelete("cascade"))
    .addColumn("terminal", text, (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addPrimaryKeyConstraint("group_members_key", ["group_name", "terminal"])
    .execute();
  await schema.createIndex("group_members_terminal").on("group_members").column("terminal").execute();
  await schema
    .createTable("group_epochs")
    .addColumn("group_name", text, (column) => column.notNull().references("groups.name").onDelete("cascade"))
    .addColumn("epoch", "bigint", (column) => column.notNull())
    .addColumn("record", bytes, (column) => column.notNull())
    .addColumn("seeds", bytes, (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("group_epochs_key", ["group_name", "epoch"])
    .execute();

  await schema
    .createTable("broadcasts")
    .addColumn("id", bytes, (column) => column.primaryKey().notNull())
    .addColumn("artefact_id", bytes, (column) => column.notNull().references("releases.artefact_id").onDelete("cascade"))
    .addColumn("mechanism", text, (column) => column.notNull())
    .addColumn("suite", text, (column) => column.notNull())
    .addColumn("group_name", text, (column) => column.references("groups.name").onDelete("cascade"))
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("ends_at", "bigint", (column) => column.notNull())
    .addColumn("position", "bigint", (column) => column.notNull().unique())
    .addColumn("message", bytes, (column) => column.notNull())
    .addColumn("wrap", bytes, (column) => column.notNull())
    .addColumn("issued_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addColumn("renew_at", "bigint", (column) => column.notNull())
    .execute();
  await schema
    .createTable("broadcast_channel")
    .addColumn("id", "integer", (column) => column.primaryKey().notNull())
    .addColumn("position", "bigint", (column) => column.notNull())
    .execute();
}

/**
 * The sealed content key stands beside the release. Statements of before carry it themselves, in a form that no terminal takes any more:
 * they stay, for their sequence numbers are used up, and are not offered. Nor are their broadcasts, which live for hours.
 */
async function separateSealedKeys(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema.alterTable("releases").addColumn("sealed_key", bytes).execute();
  await sql`delete from broadcasts`.execute(db);
}

/** Orders may be for names that are not enrolled yet, or for all: "*". */
async function createOrders({ schema }: Kysely<unknown>, { bytes, text }: ColumnTypes): Promise<void> {
  await schema
    .createTable("orders")
    .addColumn("number", "bigint", (column) => column.primaryKey().notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addColumn("statement", bytes, (column) => column.notNull())
    .execute();
  await schema
    .createTable("order_recipients")
    .addColumn("terminal", text, (column) => column.notNull())
    .addColumn("number", "bigint", (column) => column.notNull().references("orders.number").onDelete("cascade"))
    .addPrimaryKeyConstraint("order_recipients_key", ["terminal", "number"])
    .execute();
}
