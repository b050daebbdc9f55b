import { equalBytes, type Name } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { maxOrders } from "../limits.ts";
import type { Queries } from "./schema.ts";

/** An order as its operator signed it, and what the server reads of it. */
interface StoredOrder {
  readonly number: number;
  readonly expiresAtSeconds: number;
  readonly recipients: "*" | readonly Name[];
  readonly statement: Uint8Array;
}

/** Orders that are handed on to terminals until they are over. Nothing in them is secret. */
export interface Orders {
  /**
   * Adds an order; the same once more changes nothing. Its number must be above that of every other that is here.
   * Errors: SERVER_ORDER_CONFLICT, SERVER_ORDERS_FULL. In a transaction.
   */
  add(order: StoredOrder, nowSeconds: number): Promise<void>;
  /** The statements of those that are not over, by number. */
  list(nowSeconds: number): Promise<readonly Uint8Array[]>;
  /** The highest number of those for a terminal that are not over; 0 where there is none. */
  newest(terminal: Name, nowSeconds: number): Promise<number>;
  /** Of those for a terminal that are not over the one with the lowest number above `after`; null where there is none. */
  next(terminal: Name, after: number, nowSeconds: number): Promise<Pick<StoredOrder, "number" | "statement"> | null>;
  /** Removes those that are over. */
  purge(nowSeconds: number): Promise<void>;
}

/** Stands for all terminals. */
const everyTerminal = "*";

export function sqlOrders(db: Queries): Orders {
  const valid = (nowSeconds: number) => db.selectFrom("orders").where("expires_at", ">", nowSeconds);
  const validFor = (terminal: Name, nowSeconds: number) => {
    const own = db.selectFrom("order_recipients").select("number").where("terminal", "in", [terminal, everyTerminal]);
    return valid(nowSeconds).where("number", "in", own);
  };
  return {
    async add({ number, expiresAtSeconds, recipients, statement }, nowSeconds) {
      const same = await db.selectFrom("orders").select("statement").where("number", "=", number).executeTakeFirst();
      if (same !== undefined && equalBytes(same.statement, statement)) return;
      const here = await db.selectFrom("orders").select(["number", "expires_at"]).execute();
      const newest = Math.max(0, ...here.map((row) => row.number));
      if (number <= newest) throw serverErrors.error("SERVER_ORDER_CONFLICT", { number, newest });
      if (here.filter((row) => row.expires_at > nowSeconds).length >= maxOrders)
        throw serverErrors.error("SERVER_ORDERS_FULL", { limit: maxOrders });
      await db.insertInto("orders").values({ number, expires_at: expiresAtSeconds, statement }).execute();
      const names = recipients === everyTerminal ? [everyTerminal] : [...new Set(recipients)];
      await db
        .insertInto("order_recipients")
        .values(names.map((terminal) => ({ number, terminal })))
        .execute();
    },
    async list(nowSeconds) {
      return (await valid(nowSeconds).select("statement").orderBy("number").execute()).map(({ statement }) => statement);
    },
    async newest(terminal, nowSeconds) {
      const row = await validFor(terminal, nowSeconds).select("number").orderBy("number", "desc").limit(1).executeTakeFirst();
      return row?.number ?? 0;
    },
    async next(terminal, after, nowSeconds) {
      const rows = validFor(terminal, nowSeconds).select(["number", "statement"]).where("number", ">", after);
      return (await rows.orderBy("number").limit(1).executeTakeFirst()) ?? null;
    },
    async purge(nowSeconds) {
      await db.deleteFrom("orders").where("expires_at", "<=", nowSeconds).execute();
    },
  };
}
