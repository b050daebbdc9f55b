import { sql } from "kysely";
import { serverErrors } from "../errors.ts";
import type { Queries, Schema } from "./schema.ts";

/**
 * Rows of either database as lines of JSON, so that what one made the other can take. What must never go back to an earlier state
 * is left out: links and waits for answers (a record's nonce would be used twice), waiting messages, enrolment tokens (one would be
 * good a second time), the replay cache (`restoreServer` puts its floor in place of it), epochs of groups (their numbers would name two
 * secrets) and broadcasts.
 */

type PortableTable =
  | "operator_tokens"
  | "terminals"
  | "terminal_keys"
  | "releases"
  | "release_models"
  | "licences"
  | "groups"
  | "group_members";

/** Tables in the order in which rows may be put in, each with the columns that order it. */
const portableTables: { readonly [T in PortableTable]: readonly (keyof Schema[T] & string)[] } = {
  operator_tokens: ["digest"],
  terminals: ["name"],
  terminal_keys: ["terminal", "purpose", "kind"],
  releases: ["artefact_id"],
  release_models: ["model", "module", "sequence"],
  licences: ["digest"],
  groups: ["name"],
  group_members: ["group_name", "terminal"],
};

type Cell = string | number | null | { readonly bytes: string };

/** One row. */
export interface PortableRow {
  readonly table: PortableTable;
  readonly row: Readonly<Record<string, Cell>>;
}

/** Rows that are read, and written, at a time. */
const pageRows = 200;

/** All rows, table after table; to be read in one transaction. */
export async function* readRows(db: Queries): AsyncGenerator<PortableRow, void, undefined> {
  for (const table of Object.keys(portableTables) as PortableTable[]) {
    for (let offset = 0; ; offset += pageRows) {
      const rows = await page(db, table, offset);
      for (const row of rows) yield { table, row: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toCell(value)])) };
      if (rows.length < pageRows) break;
    }
  }
}

async function page(db: Queries, table: PortableTable, offset: number): Promise<readonly object[]> {
  let query = db.selectFrom(table as "terminals").selectAll();
  for (const column of portableTables[table]) query = query.orderBy(sql.ref(column));
  return await query.limit(pageRows).offset(offset).execute();
}

/** Puts rows in; in a transaction. Errors: STORE_*. */
export async function writeRows(db: Queries, rows: AsyncIterable<PortableRow>): Promise<number> {
  let waiting: PortableRow[] = [];
  let count = 0;
  const flush = async (): Promise<void> => {
    const [first] = waiting;
    if (first === undefined) return;
    const values = waiting.map(({ row }) => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, fromCell(cell)])));
    // The database's own constraints judge the columns.
    await db
      .insertInto(first.table as "operator_tokens")
      .values(values as never)
      .execute();
    waiting = [];
  };
  for await (const row of rows) {
    if (waiting.length >= pageRows || (waiting[0] !== undefined && waiting[0].table !== row.table)) await flush();
    waiting.push(row);
    count += 1;
  }
  await flush();
  return count;
}

/** Reads one line. Error: SERVER_BACKUP_WRONG. */
export function parseRow(line: string): PortableRow {
  const value: unknown = parseJson(line);
  if (typeof value === "object" && value !== null && "table" in value && "row" in value) {
    const { table, row } = value;
    const known = (Object.keys(portableTables) as PortableTable[]).find((name) => name === table);
    if (known !== undefined && typeof row === "object" && row !== null && Object.entries(row).every(isColumn)) {
      return { table: known, row: row as PortableRow["row"] };
    }
  }
  throw serverErrors.error("SERVER_BACKUP_WRONG", { part: "rows" });
}

function isColumn([name, cell]: [string, unknown]): boolean {
  const isBytes = typeof cell === "object" && cell !== null && "bytes" in cell && typeof cell.bytes === "string";
  return /^[a-z_]{1,40}$/.test(name) && (cell === null || typeof cell === "string" || Number.isSafeInteger(cell) || isBytes);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null; // judged like any other line that is no row
  }
}

function toCell(value: unknown): Cell {
  if (value instanceof Uint8Array) return { bytes: value.toBase64() };
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw serverErrors.error("STORE_FAILED", { column: typeof value });
}

function fromCell(cell: Cell): unknown {
  if (typeof cell !== "object" || cell === null) return cell;
  try {
    return Uint8Array.fromBase64(cell.bytes);
  } catch {
    throw serverErrors.error("SERVER_BACKUP_WRONG", { part: "bytes" });
  }
}
