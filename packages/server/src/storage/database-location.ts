import { serverErrors } from "../errors.ts";

/** Where the database is: a file of the server's folder, or a schema of a PostgreSQL database. */
export type DatabaseLocation = SqliteLocation | PostgresLocation;

interface SqliteLocation {
  readonly kind: "sqlite";
  readonly file: string;
}

export interface PostgresLocation {
  readonly kind: "postgres";
  readonly url: URL;
  /** All tables are in it, so that one database can hold other things too. */
  readonly schema: string;
  /** Without it `pg` looks for one as every client of PostgreSQL does: PGPASSWORD, then the file of PGPASSFILE. */
  readonly password: string | null;
}

/** The schema unless the URL names one by `?schema=`. */
const defaultSchema = "sealane";

/**
 * Reads `postgres://USER@HOST[:PORT]/DATABASE[?schema=NAME]`. A password in it is refused: a URL stands in process lists and logs.
 * Error: SERVER_DATABASE_URL_WRONG.
 */
export function parsePostgresUrl(text: string, password: string | null = null): PostgresLocation {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "postgres:" && url.protocol !== "postgresql:")) throw wrong("scheme");
  if (url.password !== "") throw wrong("password");
  if (url.hostname === "" || url.pathname.length < 2) throw wrong("host and database");
  const { schema = defaultSchema, ...rest } = Object.fromEntries(url.searchParams);
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw wrong("schema");
  if (Object.keys(rest).some((name) => name !== "sslmode")) throw wrong("parameters");
  return { kind: "postgres", url, schema, password };
}

function wrong(part: string): Error {
  return serverErrors.error("SERVER_DATABASE_URL_WRONG", { part });
}
