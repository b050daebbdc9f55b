import { access, constants } from "node:fs/promises";
import { systemRandom } from "@sealane/crypto";
import { permissionDenied } from "@sealane/wire";
import { Kysely, sql } from "kysely";
import { serverErrors } from "../errors.ts";
import { sqlChallenges } from "./challenges.ts";
import type { DatabaseLocation, PostgresLocation } from "./database-location.ts";
import { sqlGroupEpochs } from "./group-epochs.ts";
import { sqlLinks } from "./links.ts";
import { migrate, requireMigrated } from "./migrations.ts";
import { sqlPendingLinks } from "./pending-links.ts";
import { NodePostgresDialect } from "./postgres-dialect.ts";
import type { RowSeal } from "./row-seal.ts";
import type { Schema } from "./schema.ts";
import { NodeSqliteDialect } from "./sqlite-dialect.ts";
import { sqlStores } from "./stores.ts";

/** The database of a server, opened by every process that needs it. */
export type Database = Kysely<Schema>;

/**
 * Makes a new database, or brings an old one to this version's schema.
 * Errors: those of `migrate`; STORE_UNREACHABLE.
 */
export async function migrateDatabase(location: DatabaseLocation): Promise<void> {
  await using db = connect(location);
  if (location.kind === "postgres") await sql`create schema if not exists ${sql.id(location.schema)}`.execute(db);
  await migrate(db, location);
}

/** Removes a schema with everything in it. Error: STORE_*. */
export async function dropSchema(location: PostgresLocation): Promise<void> {
  await using db = connect(location);
  await sql`drop schema if exists ${sql.id(location.schema)} cascade`.execute(db);
}

/** Opens a database. Errors: SERVER_NOT_INITIALISED, SERVER_SCHEMA_OLD, SERVER_SCHEMA_NEW, STORE_*. */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  await requireDatabase(location);
  const db = connect(location);
  try {
    await requireMigrated(db, location);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Writes a row that nobody sees and removes it, in a transaction that is committed: a full or read-only database does not take it. Errors: STORE_*. */
export async function requireWritable(db: Database): Promise<void> {
  const challenge = systemRandom.bytes(32);
  await db.transaction().execute(async (queries) => {
    await queries.insertInto("challenges").values({ challenge, expires_at: 0 }).execute();
    await queries.deleteFrom("challenges").where("challenge", "=", challenge).execute();
  });
}

/** Refuses a folder without a database, which SQLite would make. Error: SERVER_NOT_INITIALISED. */
export async function requireDatabase(location: DatabaseLocation): Promise<void> {
  if (location.kind !== "sqlite") return;
  const { file } = location;
  try {
    await access(file, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw permissionDenied(cause, file) ?? serverErrors.error("SERVER_NOT_INITIALISED", { file }, cause);
  }
}

/**
 * Removes everything whose time is over, what a journal still has of it, and the keys that would open copies: these first, as they go also
 * where the database does not answer. `seal` is null without the key role.
 */
export async function purgeExpired(
  db: Database,
  options: { readonly kind: DatabaseLocation["kind"]; readonly seal: RowSeal | null; readonly nowSeconds: number },
): Promise<void> {
  const { kind, seal, nowSeconds } = options;
  await seal?.forget(nowSeconds);
  const { inbox, enrolmentTokens, broadcasts, orders } = sqlStores(db);
  await inbox.purge(nowSeconds);
  await broadcasts.purge(nowSeconds);
  await orders.purge(nowSeconds);
  await enrolmentTokens.purge(nowSeconds);
  if (seal !== null) {
    await sqlLinks(db, seal).purge(nowSeconds);
    await sqlPendingLinks(db, seal).purge(nowSeconds);
    await sqlGroupEpochs(db, seal).purge(nowSeconds);
    await sqlChallenges(db).purge(nowSeconds);
  }
  if (kind === "sqlite") await sql`pragma wal_checkpoint(truncate)`.execute(db);
}

function connect(location: DatabaseLocation): Database {
  const dialect = location.kind === "sqlite" ? new NodeSqliteDialect(location.file) : new NodePostgresDialect(location);
  return new Kysely<Schema>({ dialect });
}
