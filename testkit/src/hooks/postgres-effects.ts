import { Client } from "pg";
import { reach } from "./effect-plan.ts";

/**
 * Preloaded into a command with `--import`: shows every statement that is about to be sent to PostgreSQL to `reach`. Each is an effect,
 * also within a transaction: another process has it by then, and decides what becomes of it when this one dies.
 */

type Call = (this: unknown, ...args: unknown[]) => unknown;

const send = Client.prototype.query as Call;
const counted: Call = function (...args) {
  const half = (): void => void send.apply(this, args); // sent; the answer comes too late
  const error = reach({ name: "postgres", target: textOf(args[0]), needsSpace: false, half });
  if (error !== null) throw error;
  return send.apply(this, args);
};
Client.prototype.query = counted as typeof Client.prototype.query;

/** On one line, as the log has it. */
function textOf(statement: unknown): string {
  const text = typeof statement === "object" && statement !== null && "text" in statement ? statement.text : statement;
  return String(text).replaceAll(/\s+/g, " ").slice(0, 200);
}
