import { AwaitedAnswer } from "@sealane/link";
import { type ArtefactId, artefactId, type Name, parseName, type Thumbprint, thumbprint } from "@sealane/wire";
import type { RowSeal } from "./row-seal.ts";
import type { Queries } from "./schema.ts";

/** A message that the server originated and whose answer is awaited. */
export interface PendingLink {
  readonly awaited: AwaitedAnswer;
  readonly terminal: Name;
  /** The terminal's signing certificate when the message was made; another enrolment of its name must not use the answer. */
  readonly signingThumbprint: Thumbprint;
  /** What the message offers. */
  readonly artefactId: ArtefactId;
  readonly expiresAtSeconds: number;
}

/** Pending states, their secrets sealed; any server process may continue one. */
export interface PendingLinks {
  add(pending: PendingLink): Promise<void>;
  /** Reads without removing: only a right answer uses the state up. Errors: STORE_SECRET_WRONG, LINK_STATE_WRONG. */
  find(reference: Uint8Array, nowSeconds: number): Promise<PendingLink | null>;
  /** Removes a pending state; true for the one caller that did. */
  take(reference: Uint8Array): Promise<boolean>;
  purge(nowSeconds: number): Promise<void>;
}

const table = "pending_links";

export function sqlPendingLinks(db: Queries, seal: RowSeal): PendingLinks {
  return {
    async add({ awaited, terminal, signingThumbprint: signing_thumbprint, artefactId: artefact_id, expiresAtSeconds }) {
      const { reference } = awaited;
      using saved = awaited.save();
      const state = seal.seal({ table, row: reference }, saved);
      await db
        .insertInto(table)
        .values({ reference, terminal, signing_thumbprint, artefact_id, state, expires_at: expiresAtSeconds })
        .execute();
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
      return {
        awaited: AwaitedAnswer.load(saved),
        terminal: parseName(row.terminal),
        signingThumbprint: thumbprint(row.signing_thumbprint),
        artefactId: artefactId(row.artefact_id),
        expiresAtSeconds: row.expires_at,
      };
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
