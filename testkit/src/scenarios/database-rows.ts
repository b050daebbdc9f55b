import { DatabaseSync } from "node:sqlite";

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
  return tables.flatMap(({ name }) => {
    const table = String(name);
    const rows = database.prepare(`select * from "${table}"`).all();
    return rows.map((row) => ({
      table,
      columns: Object.fromEntries(Object.entries(row).map(([column, value]) => [column, textOf(value)])),
    }));
  });
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
