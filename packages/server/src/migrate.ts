import { type DatabaseInput, locateDatabase } from "./locate-database.ts";
import { dropSchema, migrateDatabase, requireDatabase } from "./storage/database.ts";

/**
 * Brings the database of a stopped server to this version's schema; one that is there already stays as it is.
 * Errors: SERVER_NOT_INITIALISED, SERVER_SCHEMA_NEW, SERVER_DATABASE_URL_WRONG, STORE_*.
 */
export async function migrateServer(input: DatabaseInput & { readonly folder: string }): Promise<void> {
  const location = await locateDatabase(input);
  await requireDatabase(location);
  await migrateDatabase(location);
}

/** Removes a server's schema with everything in it; on SQLite nothing, for the file goes with its folder. Errors: SERVER_DATABASE_URL_WRONG, STORE_*. */
export async function dropServerSchema(input: DatabaseInput): Promise<void> {
  const location = await locateDatabase({ ...input, folder: "" });
  if (location.kind === "postgres") await dropSchema(location);
}
