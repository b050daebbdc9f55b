import { readServerFile } from "./files.ts";
import { serverFolder } from "./layout.ts";
import { type DatabaseLocation, parsePostgresUrl } from "./storage/database-location.ts";

/** Which database a server uses. */
export interface DatabaseInput {
  /** postgres://USER@HOST:PORT/DATABASE?schema=NAME; without it a file in the server's folder. */
  readonly databaseUrl?: string;
  /** Where its password stands, alone in a file. */
  readonly databasePasswordFile?: string;
}

/** Bytes of a file with a password. */
const maxPasswordBytes = 1_024;

/** Errors: SERVER_DATABASE_URL_WRONG, SERVER_FILE_WRONG. */
export async function locateDatabase(input: DatabaseInput & { readonly folder: string }): Promise<DatabaseLocation> {
  const { databaseUrl, databasePasswordFile } = input;
  if (databaseUrl === undefined) return { kind: "sqlite", file: serverFolder(input.folder).database };
  if (databasePasswordFile === undefined) return parsePostgresUrl(databaseUrl);
  const password = new TextDecoder().decode(await readServerFile(databasePasswordFile, maxPasswordBytes));
  return parsePostgresUrl(databaseUrl, password.replace(/\r?\n$/, ""));
}
