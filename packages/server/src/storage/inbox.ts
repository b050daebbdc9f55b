import { type InboxMessage, maxInboxMessages } from "@sealane/api";
import type { Name } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { maxWaitingMessages } from "../limits.ts";
import { announceMessage } from "./inbox-signals.ts";
import type { Queries } from "./schema.ts";

/** A message to be kept for a terminal. */
export interface NewInboxMessage {
  readonly terminal: Name;
  /** Names the message; its answer carries it. */
  readonly reference: Uint8Array;
  readonly message: Uint8Array;
  readonly expiresAtSeconds: number;
}

/**
 * Messages that wait for terminals. Positions of a terminal's messages grow and are never given twice; reading removes nothing, so
 * that nothing is lost with a connection: a message goes when its answer was accepted, or when it has expired.
 */
export interface Inbox {
  /** Adds a message. Errors: SERVER_TERMINAL_INACTIVE, SERVER_INBOX_FULL. */
  add(message: NewInboxMessage, nowSeconds: number): Promise<void>;
  /** The oldest messages behind a position, at most 16. */
  after(terminal: Name, position: number, nowSeconds: number): Promise<readonly InboxMessage[]>;
  /** The oldest message behind a position; null when none waits there. */
  next(terminal: Name, position: number, nowSeconds: number): Promise<InboxMessage | null>;
  /** Removes the message of a reference, if it is there. */
  remove(reference: Uint8Array): Promise<void>;
  /** Removes all messages of a terminal. */
  clear(terminal: Name): Promise<void>;
  /** Removes what has expired. */
  purge(nowSeconds: number): Promise<void>;
}

export function sqlInbox(db: Queries): Inbox {
  const behind = (terminal: Name, position: number, nowSeconds: number) =>
    db
      .selectFrom("inbox_messages")
      .select(["position", "message"])
      .where("terminal", "=", terminal)
      .where("position", ">", position)
      .where("expires_at", ">=", nowSeconds)
      .orderBy("position");
  return {
    async add({ terminal, reference, message, expiresAtSeconds }, nowSeconds) {
      const owner = await db
        .updateTable("terminals")
        .set((column) => ({ inbox_position: column("inbox_position", "+", 1) }))
        .where("name", "=", terminal)
        .returning("inbox_position")
        .executeTakeFirst();
      if (owner === undefined) throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { terminal });
      const waiting = await db
        .selectFrom("inbox_messages")
        .select("position")
        .where("terminal", "=", terminal)
        .where("expires_at", ">=", nowSeconds)
        .limit(maxWaitingMessages)
        .execute();
      if (waiting.length >= maxWaitingMessages) throw serverErrors.error("SERVER_INBOX_FULL", { terminal, limit: maxWaitingMessages });
      await db
        .insertInto("inbox_messages")
        .values({ terminal, position: owner.inbox_position, reference, message, expires_at: expiresAtSeconds })
        .execute();
      await announceMessage(db, terminal);
    },
    async after(terminal, position, nowSeconds) {
      return await behind(terminal, position, nowSeconds).limit(maxInboxMessages).execute();
    },
    async next(terminal, position, nowSeconds) {
      return (await behind(terminal, position, nowSeconds).limit(1).executeTakeFirst()) ?? null;
    },
    async remove(reference) {
      await db.deleteFrom("inbox_messages").where("reference", "=", reference).execute();
    },
    async clear(terminal) {
      await db.deleteFrom("inbox_messages").where("terminal", "=", terminal).execute();
    },
    async purge(nowSeconds) {
      await db.deleteFrom("inbox_messages").where("expires_at", "<", nowSeconds).execute();
    },
  };
}
