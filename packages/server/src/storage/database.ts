import { access } from "node:fs/promises";
import { Kysely, sql } from "kysely";
import { serverErrors } from "../errors.ts";
import { sqlLinks } from "./links.ts";
import { migrate, requireMigrated } from "./migrations.ts";
import { sqlPendingLinks } from "./pending-links.ts";
import type { RowSeal } from "./row-seal.ts";
import type { Schema } from "./schema.ts";
import { NodeSqliteDialect } from "./sqlite-dialect.ts";
import { sqlStores } from "./stores.ts";

/** The embedded database: a file, opened by every process that needs it. */
export type Database = Kysely<Schema>;

/** Makes a new database at `file`, or brings an old one to this version's schema. Errors: those of `migrate`. */
export async function migrateDatabase(file: string): Promise<void> {
  await using db = connect(file);
  await migrate(db, "blob");
}

/** Opens a database. Errors: SERVER_NOT_INITIALISED, SERVER_SCHEMA_OLD, SERVER_SCHEMA_NEW, STORE_*. */
export async function openDatabase(file: string): Promise<Database> {
  await requireFile(file);
  const db = connect(file);
  try {
    await requireMigrated(db, "blob");
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Refuses a folder without a database, which SQLite would make. Error: SERVER_NOT_INITIALISED. */
export async function requireFile(file: string): Promise<void> {
  try {
    await access(file);
  } catch (cause) {
    throw serverErrors.error("SERVER_NOT_INITIALISED", { file }, cause);
  }
}

/** Removes everything whose time is over, and what the journal still has of it. `seal` is null without the key role. */
export async function purgeExpired(db: Database, options: { readonly seal: RowSeal | null; readonly nowSeconds: number }): Promise<void> {
  const { seal, nowSeconds } = options;
  const { inbox, enrolmentTokens } = sqlStores(db);
  await inbox.purge(nowSeconds);
  await enrolmentTokens.purge(nowSeconds);
  if (seal !== null) {
    await sqlLinks(db, seal).purge(nowSeconds);
    await sqlPendingLinks(db, seal).purge(nowSeconds);
  }
  await sql`pragma wal_checkpoint(truncate)`.execute(db);
}

function connect(file: string): Database {
  return new Kysely<Schema>({ dialect: new NodeSqliteDialect(file) });
}
