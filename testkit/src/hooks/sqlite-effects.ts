import { DatabaseSync as Database, type DatabaseSync, StatementSync } from "node:sqlite";
import { reach } from "./effect-plan.ts";

/**
 * Shows SQLite's changes of its files: the first use (the file is there by then, and empty if it is new), a transaction committed, a
 * change outside a transaction, the end.
 */

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<string | symbol, unknown>;

const used = new WeakSet<DatabaseSync>();
const statements = new WeakMap<object, { readonly database: DatabaseSync; readonly sql: string }>();

/** Wraps the methods of `node:sqlite`. Its classes cannot be exchanged: syncBuiltinESMExports passes it over. */
export function wrapDatabases(): void {
  const databases = Database.prototype as unknown as Methods;
  const closing = (self: object): void => shown("sqlite close", self as DatabaseSync);
  wrapPrepare(databases);
  wrap(databases, "exec", (self, [sql]) => reached(self as DatabaseSync, String(sql)));
  wrap(databases, "close", closing);
  wrap(databases, Symbol.dispose, closing);
  for (const name of ["run", "all", "get", "iterate"]) {
    wrap(StatementSync.prototype as unknown as Methods, name, (self) => {
      const known = statements.get(self);
      if (known !== undefined) reached(known.database, known.sql);
    });
  }
}

function wrapPrepare(databases: Methods): void {
  const prepare = databases["prepare"] as Call;
  databases["prepare"] = function (this: DatabaseSync, ...args: unknown[]): unknown {
    const statement = prepare.apply(this, args) as StatementSync;
    statements.set(statement, { database: this, sql: String(args[0]) });
    return statement;
  };
}

function wrap(owner: Methods, key: string | symbol, before: (self: object, args: readonly unknown[]) => void): void {
  const original = owner[key];
  if (typeof original !== "function") return;
  const call = original as Call;
  owner[key] = function (this: object, ...args: unknown[]): unknown {
    before(this, args);
    return call.apply(this, args);
  };
}

/** Inside a transaction nothing is certain before its commit: only that is an effect. */
function reached(database: DatabaseSync, sql: string): void {
  if (!used.has(database)) {
    used.add(database);
    shown("sqlite open", database);
  }
  if (/^\s*(?:commit|end)\b/i.test(sql)) shown("sqlite commit", database);
  else if (changes.test(sql) && !database.isTransaction) shown("sqlite change", database);
}

const changes = /\b(?:insert|update|delete|replace|create|drop|alter|vacuum)\b|\bjournal_mode\s*=/i;

function shown(name: string, database: DatabaseSync): void {
  const target = database.isOpen ? database.location() : null;
  if (target === null) return; // in memory, or closed already
  const error = reach({ name, target, needsSpace: name !== "sqlite close" });
  if (error !== null) throw error;
}
