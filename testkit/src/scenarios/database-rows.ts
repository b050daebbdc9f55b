import { DatabaseSync } from "node:sqlite";
import pg from "pg";

/** A row as text: numbers and words as they are, bytes as themselves, one character each. */
export interface DumpedRow {
  readonly table: string;
  readonly columns: Readonly<Record<string, string | null>>;
}

/** Rows that were not there before, and those that are not there any more; a changed row is both. */
export interface RowChanges {
  readonly added: readonly DumpedRow[];
  readonly removed: readonly DumpedRow[];
}

/** Reads every row of every table of an SQLite database that another process may have open. */
export function dumpRows(file: string): readonly DumpedRow[] {
  using database = new DatabaseSync(file, { readOnly: true });
  const tables = database.prepare("select name from sqlite_schema where type = 'table' order by name").all();
  return tables.flatMap(({ name }) => dumped(String(name), database.prepare(`select * from "${name}"`).all()));
}

/** Reads every row of every table of a schema of PostgreSQL, which the address names as a server's does, as they were at one moment. */
export async function dumpSchema(address: string): Promise<readonly DumpedRow[]> {
  const url = new URL(address);
  const schema = url.searchParams.get("schema");
  url.searchParams.delete("schema");
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query("begin isolation level repeatable read read only");
    const tables = await client.query<{ name: string }>("select tablename as name from pg_tables where schemaname = $1 order by 1", [
      schema,
    ]);
    const rows: DumpedRow[] = [];
    for (const { name } of tables.rows) rows.push(...dumped(name, (await client.query(`select * from "${schema}"."${name}"`)).rows));
    return rows;
  } finally {
    await client.end();
  }
}

function dumped(table: string, rows: readonly Readonly<Record<string, unknown>>[]): readonly DumpedRow[] {
  return rows.map((row) => ({
    table,
    columns: Object.fromEntries(Object.entries(row).map(([column, value]) => [column, textOf(value)])),
  }));
}

/** What happened between two dumps. */
export function changesBetween(before: readonly DumpedRow[], after: readonly DumpedRow[]): RowChanges {
  const [old, now] = [new Set(before.map(identityOf)), new Set(after.map(identityOf))];
  return {
    added: after.filter((row) => !old.has(identityOf(row))),
    removed: before.filter((row) => !now.has(identityOf(row))),
  };
}

function identityOf({ table, columns }: DumpedRow): string {
  return JSON.stringify([table, columns]);
}

function textOf(value: unknown): string | null {
  if (value === null) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
}
