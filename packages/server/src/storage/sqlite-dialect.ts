import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { serverErrors } from "../errors.ts";
import { isFull, systemCodeOf } from "../files.ts";
import { busyTimeoutMilliseconds } from "../limits.ts";

/** Compiled statements that are kept; the stores have fewer. */
const maxStatements = 256;

/**
 * Kysely on `node:sqlite`. The file is 0600; write-ahead log, synced at every commit (a link must never go back to an earlier
 * state, also after a power cut), deleted rows are overwritten, transactions take the write lock when they begin.
 *
 * Every error of SQLite becomes STORE_FULL, STORE_BUSY or STORE_FAILED.
 */
export class NodeSqliteDialect extends SqliteDialect {
  constructor(file: string) {
    super({ database: async () => new Connection(file) });
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}

/** SQLite undoes changes of the schema with the transaction, so that a migration happens whole or not at all. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class Statement implements SqliteStatement {
  readonly #statement: StatementSync;
  /** Whether it gives rows; Kysely then calls `all`. */
  readonly reader: boolean;

  constructor(statement: StatementSync) {
    this.#statement = statement;
    this.reader = statement.columns().length > 0;
  }

  all(parameters: readonly unknown[]): unknown[] {
    return stored(() => this.#statement.all(...parameters.map(bindable)));
  }

  run(parameters: readonly unknown[]): ReturnType<SqliteStatement["run"]> {
    return stored(() => this.#statement.run(...parameters.map(bindable)));
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return this.all(parameters).values();
  }
}

/**
 * Makes the database and the files beside it readable for their owner only: who may read them may also lock them. Those that are there
 * are not opened, since to close one again would give up locks that this process has on it (fcntl(2)).
 */
function makePrivate(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, "a", 0o600));
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && stats.uid === process.getuid?.() && (stats.mode & 0o077) !== 0) chmodSync(path, 0o600);
  }
}

class Connection implements SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Statement>();

  constructor(file: string) {
    if (file !== ":memory:") stored(() => makePrivate(file));
    this.#database = stored(() => new DatabaseSync(file, { timeout: busyTimeoutMilliseconds, enableForeignKeyConstraints: true }));
    stored(() =>
      this.#database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON",
      ),
    );
  }

  prepare(sql: string): SqliteStatement {
    if (sql === "begin") return this.prepare("begin immediate");
    // A failed commit may have ended the transaction already; to undo it then is no error.
    if (sql === "rollback" && !this.#database.isTransaction) return nothing;
    const kept = this.#statements.get(sql);
    if (kept !== undefined) return kept;
    const statement = stored(() => new Statement(this.#database.prepare(sql)));
    if (this.#statements.size >= maxStatements) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}

const nothing: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
};

function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value;
  if (value instanceof Uint8Array) return value;
  throw serverErrors.error("STORE_FAILED", { parameter: typeof value });
}

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html). */
const sqliteBusy = 5;
const sqliteLocked = 6;
const sqliteFull = 13;

function stored<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw storeError(cause);
  }
}

function storeError(cause: unknown): unknown {
  const reason = systemCodeOf(cause);
  if (reason !== null) return serverErrors.error(isFull(reason) ? "STORE_FULL" : "STORE_FAILED", { reason }, cause);
  const sqlite = cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number" ? cause.errcode : null;
  if (sqlite === null) return cause;
  const code = sqlite & 0xff; // the extended code has its reason above
  if (code === sqliteFull) return serverErrors.error("STORE_FULL", { sqlite }, cause);
  if (code === sqliteBusy || code === sqliteLocked) return serverErrors.error("STORE_BUSY", { sqlite }, cause);
  return serverErrors.error("STORE_FAILED", { sqlite }, cause);
}
