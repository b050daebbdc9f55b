import { serverFolder } from "./layout.ts";
import { migrateDatabase, requireFile } from "./storage/database.ts";

/**
 * Brings the database of a stopped server to this version's schema; one that is there already stays as it is.
 * Errors: SERVER_NOT_INITIALISED, SERVER_SCHEMA_NEW, STORE_*.
 */
export async function migrateServer(folder: string): Promise<void> {
  const { database } = serverFolder(folder);
  await requireFile(database);
  await migrateDatabase(database);
}
