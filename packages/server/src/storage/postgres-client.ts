import pg, { type ClientConfig } from "pg";
import { serverErrors } from "../errors.ts";
import { busyTimeoutMilliseconds, connectTimeoutMilliseconds, statementTimeoutMilliseconds } from "../limits.ts";
import type { PostgresLocation } from "./database-location.ts";

/** How every connection to PostgreSQL is made: its schema, its bounds on time, and values as SQLite gives them. */
export function clientConfig({ url, schema, password }: PostgresLocation): ClientConfig {
  const withoutSchema = new URL(url);
  withoutSchema.searchParams.delete("schema");
  return {
    connectionString: withoutSchema.href,
    ...(password === null ? {} : { password }),
    options: `-c search_path=${schema} -c lock_timeout=${busyTimeoutMilliseconds}`,
    application_name: `sealane ${schema}`,
    connectionTimeoutMillis: connectTimeoutMilliseconds,
    statement_timeout: statementTimeoutMilliseconds,
    idle_in_transaction_session_timeout: statementTimeoutMilliseconds,
    keepAlive: true,
    types: { getTypeParser: (oid: number, format?: "text" | "binary") => typeParser(oid, format) } as NonNullable<ClientConfig["types"]>,
  };
}

/** Object identifiers of types, which PostgreSQL never changes. */
const int8 = 20;
const bytea = 17;

function typeParser(oid: number, format: "text" | "binary" = "text"): (text: string) => unknown {
  if (format === "text" && oid === int8) return wholeNumber;
  if (format === "text" && oid === bytea) return (text) => Uint8Array.fromHex(text.slice(2)); // \x and hexadecimal digits
  return pg.types.getTypeParser(oid, format === "text" ? "text" : "binary") as (text: string) => unknown;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw serverErrors.error("STORE_FAILED", { number: "too large" });
  return number;
}

/** Runs work on PostgreSQL. Errors: STORE_FULL, STORE_BUSY, STORE_UNREACHABLE, STORE_FAILED. */
export async function onPostgres<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw storeError(cause);
  }
}

/** SQLSTATE classes and codes (PostgreSQL manual, appendix A), and what a lost connection looks like. */
function storeError(cause: unknown): unknown {
  if (!(cause instanceof Error)) return serverErrors.error("STORE_FAILED", {}, cause);
  if (isOfFormerTable(cause)) return serverErrors.error("STORE_BUSY", { reason: "the table was changed" }, cause);
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  if (/^[0-9A-Z]{5}$/.test(code)) return serverErrors.error(codeOf(code), { sqlstate: code }, cause);
  const isOurs = "entry" in cause;
  return isOurs ? cause : serverErrors.error("STORE_UNREACHABLE", { ...(code === "" ? {} : { reason: code }) }, cause);
}

/** Whether a statement was prepared for columns that its table does not have any more, or has more of: PostgreSQL never runs it again. */
export function isOfFormerTable(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && error.code === featureNotSupported && "routine" in error && error.routine === revalidating
  );
}

/** PostgreSQL gives no code of its own for it, and the message may be in any language. */
const featureNotSupported = "0A000";
const revalidating = "RevalidateCachedQuery";

const full = ["53100"];
const busy = ["55P03", "57014", "40001", "40P01"];

function codeOf(sqlstate: string): "STORE_FULL" | "STORE_BUSY" | "STORE_UNREACHABLE" | "STORE_FAILED" {
  if (full.includes(sqlstate)) return "STORE_FULL";
  if (busy.includes(sqlstate)) return "STORE_BUSY";
  // 08 connection, 28 authorisation, 53 resources, 57P shutdown, 3D000 no such database
  return /^(?:08|28|53|57P|3D000|25P03)/.test(sqlstate) ? "STORE_UNREACHABLE" : "STORE_FAILED";
}
