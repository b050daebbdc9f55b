import type { Kysely } from "kysely";
import { type Migration, type MigrationProvider, Migrator } from "kysely/migration";
import { serverErrors } from "../errors.ts";
import type { Queries } from "./schema.ts";

/** What differs between dialects: the name of the type for bytes. */
export type BytesType = "blob" | "bytea";

/** Brings the database to the schema of this version. Errors: SERVER_SCHEMA_NEW, STORE_FAILED, STORE_FULL, STORE_BUSY. */
export async function migrate(db: Queries, bytesType: BytesType): Promise<void> {
  const migrator = migratorOf(db, bytesType);
  await refuseNewer(migrator, db);
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : serverErrors.error("STORE_FAILED", {}, error);
}

/** Refuses a database of another schema than this version's. Errors: SERVER_SCHEMA_OLD, SERVER_SCHEMA_NEW. */
export async function requireMigrated(db: Queries, bytesType: BytesType): Promise<void> {
  const migrator = migratorOf(db, bytesType);
  await refuseNewer(migrator, db);
  const missing = (await migrator.getMigrations()).filter(({ executedAt }) => executedAt === undefined);
  if (missing.length > 0) throw serverErrors.error("SERVER_SCHEMA_OLD", { missing: missing.map(({ name }) => name).join(" ") });
}

function migratorOf(db: Queries, bytesType: BytesType): Migrator {
  const provider: MigrationProvider = { getMigrations: async () => migrations(bytesType) };
  return new Migrator({ db, provider });
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
function migrations(bytes: BytesType): Record<string, Migration> {
  return { "0001-delivery": { up: (db) => createDelivery(db, bytes) } };
}

async function createDelivery(db: Kysely<unknown>, bytes: BytesType): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("operator_tokens")
    .addColumn("digest", bytes, (column) => column.primaryKey().notNull())
    .addColumn("label", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();

  await schema
    .createTable("enrolment_tokens")
    .addColumn("id", bytes, (column) => column.primaryKey().notNull())
    .addColumn("secret_digest", bytes, (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull().unique())
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addColumn("signing_key_digest", bytes)
    .addColumn("signing_thumbprint", bytes, (column) => column.unique())
    .addColumn("signing_chain", bytes)
    .addColumn("decryption_keys", bytes)
    .addColumn("certificate_expires_at", "bigint")
    .addColumn("bound_at", "bigint")
    .execute();

  await schema
    .createTable("terminals")
    .addColumn("name", "text", (column) => column.primaryKey().notNull())
    .addColumn("model", "text", (column) => column.notNull())
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
    .createTable("terminal_decryption_keys")
    .addColumn("terminal", "text", (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("position", "integer", (column) => column.notNull())
    .addColumn("key_digest", bytes, (column) => column.notNull().unique())
    .addColumn("chain", bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint("terminal_decryption_keys_key", ["terminal", "kind"])
    .execute();

  await schema
    .createTable("releases")
    .addColumn("artefact_id", bytes, (column) => column.primaryKey().notNull())
    .addColumn("module", "text", (column) => column.notNull())
    .addColumn("version", "text", (column) => column.notNull())
    .addColumn("sequence", "bigint", (column) => column.notNull())
    .addColumn("description", bytes, (column) => column.notNull())
    .addColumn("statement", bytes, (column) => column.notNull())
    .addColumn("publisher", "text", (column) => column.notNull())
    .addColumn("published_at", "bigint", (column) => column.notNull())
    .addColumn("accepted_at", "bigint", (column) => column.notNull())
    .execute();
  await schema
    .createTable("release_models")
    .addColumn("module", "text", (column) => column.notNull())
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("sequence", "bigint", (column) => column.notNull())
    .addColumn("artefact_id", bytes, (column) => column.notNull().references("releases.artefact_id").onDelete("cascade"))
    .addPrimaryKeyConstraint("release_models_key", ["model", "module", "sequence"])
    .execute();

  await schema
    .createTable("replay_entries")
    .addColumn("mechanism", "text", (column) => column.notNull())
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
    .createTable("pending_links")
    .addColumn("reference", bytes, (column) => column.primaryKey().notNull())
    .addColumn("terminal", "text", (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addColumn("signing_thumbprint", bytes, (column) => column.notNull())
    .addColumn("artefact_id", bytes, (column) => column.notNull())
    .addColumn("state", bytes, (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await schema.createIndex("pending_links_terminal").on("pending_links").column("terminal").execute();

  await schema
    .createTable("links")
    .addColumn("id", bytes, (column) => column.primaryKey().notNull())
    .addColumn("terminal", "text", (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addColumn("signing_thumbprint", bytes, (column) => column.notNull())
    .addColumn("stage", "text", (column) => column.notNull())
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
    .addColumn("terminal", "text", (column) => column.notNull().references("terminals.name").onDelete("cascade"))
    .addColumn("position", "bigint", (column) => column.notNull())
    .addColumn("reference", bytes, (column) => column.notNull().unique())
    .addColumn("message", bytes, (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("inbox_messages_key", ["terminal", "position"])
    .execute();

  await schema
    .createTable("licences")
    .addColumn("digest", bytes, (column) => column.primaryKey().notNull())
    .addColumn("terminal", "text", (column) => column.notNull())
    .addColumn("artefact_id", bytes, (column) => column.notNull())
    .addColumn("licence", bytes, (column) => column.notNull())
    .addColumn("issued_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await schema.createIndex("licences_terminal").on("licences").columns(["terminal", "artefact_id", "issued_at"]).execute();
}
