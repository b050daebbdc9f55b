import { type AwaitedReply, type AwaitedThird, loadAwaitedReply, loadAwaitedThird } from "@sealane/link";
import { type ArtefactId, artefactId, parseName, thumbprint } from "@sealane/wire";
import { maxThirdsPerTerminal } from "../limits.ts";
import type { LinkOwner } from "./links.ts";
import type { RowSeal } from "./row-seal.ts";
import type { Queries } from "./schema.ts";

interface Pending {
  /** The terminal, and its signing certificate at that time: another enrolment of its name must not go on. */
  readonly owner: LinkOwner;
  readonly expiresAtSeconds: number;
}

/** A message that the server originated, whose reply is awaited. */
export interface PendingReply extends Pending {
  readonly kind: "reply";
  readonly awaited: AwaitedReply;
  /** What the message offers; null where it calls the terminal to ask. */
  readonly artefactId: ArtefactId | null;
}

/** A terminal's message that was replied to, whose M3 is awaited; nothing is proven of the terminal yet. */
export interface PendingThird extends Pending {
  readonly kind: "third";
  readonly awaited: AwaitedThird;
  /** M2: the same M1 again gets the same. */
  readonly sent: Uint8Array;
}

type PendingLink = PendingReply | PendingThird;

/** Pending states, their secrets sealed; any server process may continue one. */
export interface PendingLinks {
  /**
   * Adds a pending state; false when its M1 has one already. Of a terminal's messages whose M3 is awaited the oldest make room: anybody
   * can send such a message in a terminal's name. To be called in a transaction.
   */
  add(pending: PendingLink): Promise<boolean>;
  /** Reads without removing: only a right message uses the state up. Errors: STORE_SECRET_WRONG, LINK_STATE_WRONG. */
  find(reference: Uint8Array, nowSeconds: number): Promise<PendingLink | null>;
  /** Removes a pending state; true for the one caller that did. */
  take(reference: Uint8Array): Promise<boolean>;
  purge(nowSeconds: number): Promise<void>;
}

const table = "pending_links";

export function sqlPendingLinks(db: Queries, seal: RowSeal): PendingLinks {
  return {
    async add(pending) {
      const { awaited, owner, expiresAtSeconds } = pending;
      const { reference } = awaited;
      using saved = awaited.save();
      const { numInsertedOrUpdatedRows } = await db
        .insertInto(table)
        .values({
          reference,
          terminal: owner.name,
          signing_thumbprint: owner.signingThumbprint,
          artefact_id: pending.kind === "reply" ? pending.artefactId : null,
          sent: pending.kind === "third" ? pending.sent : null,
          state: seal.seal({ table, row: reference }, saved, expiresAtSeconds),
          expires_at: expiresAtSeconds,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      const isAdded = numInsertedOrUpdatedRows === 1n;
      if (isAdded && pending.kind === "third") await makeRoomFor(db, pending);
      return isAdded;
    },
    async find(reference, nowSeconds) {
      const row = await db
        .selectFrom(table)
        .selectAll()
        .where("reference", "=", reference)
        .where("expires_at", ">=", nowSeconds)
        .executeTakeFirst();
      if (row === undefined) return null;
      using saved = seal.open({ table, row: reference }, row.state, "saved pending link");
      if (saved === null) return null;
      const owner = { name: parseName(row.terminal), signingThumbprint: thumbprint(row.signing_thumbprint) };
      const pending = { owner, expiresAtSeconds: row.expires_at };
      if (row.sent !== null) return { ...pending, kind: "third", awaited: loadAwaitedThird(saved), sent: row.sent };
      const offered = row.artefact_id === null ? null : artefactId(row.artefact_id);
      return { ...pending, kind: "reply", awaited: loadAwaitedReply(saved), artefactId: offered };
    },
    async take(reference) {
      const { numDeletedRows } = await db.deleteFrom(table).where("reference", "=", reference).executeTakeFirst();
      return numDeletedRows === 1n;
    },
    async purge(nowSeconds) {
      await db.deleteFrom(table).where("expires_at", "<", nowSeconds).execute();
    },
  };
}

/** Removes the oldest others of the terminal; those of one second in no order, but never the one that has just come. */
async function makeRoomFor(db: Queries, { owner, awaited }: PendingThird): Promise<void> {
  const ofTerminal = db.selectFrom(table).select("reference").where("terminal", "=", owner.name).where("sent", "is not", null);
  const others = ofTerminal.where("reference", "!=", awaited.reference);
  const over = (await others.orderBy("expires_at", "desc").execute()).slice(maxThirdsPerTerminal - 1);
  for (const { reference } of over) await db.deleteFrom(table).where("reference", "=", reference).execute();
}
