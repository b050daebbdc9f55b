import { ConfidentialLink, UnconfirmedLink } from "@sealane/link";
import { type Name, parseName, type Thumbprint, thumbprint } from "@sealane/wire";
import type { Selectable } from "kysely";
import { maxLinksPerTerminal } from "../limits.ts";
import type { RowSeal } from "./row-seal.ts";
import type { Queries, Schema } from "./schema.ts";

/** What was received last, and what was sent back: the same again gets the same, and has no second effect. */
interface Exchange {
  /** SHA-256 of the message or record. */
  readonly requestDigest: Uint8Array;
  readonly response: Uint8Array;
}

/** A link that has just been established. */
export interface NewLink {
  readonly link: UnconfirmedLink | ConfidentialLink;
  readonly terminal: Name;
  /** The terminal's signing certificate at that time. */
  readonly signingThumbprint: Thumbprint;
  readonly nowSeconds: number;
  /** The message that established it, M1 or an answer, and what was sent back. */
  readonly opening: Exchange;
}

/** A link between two records. */
export interface StoredLink {
  readonly link: UnconfirmedLink | ConfidentialLink;
  readonly terminal: Name;
  readonly signingThumbprint: Thumbprint;
  /** Which state this is; {@link Links.advance} wants it back. */
  readonly version: number;
  readonly last: Exchange;
  readonly createdAtSeconds: number;
}

/** The next state of a link, with the exchange that led to it. */
interface LinkAdvance extends Exchange {
  readonly link: ConfidentialLink;
  /** The version that was read. */
  readonly version: number;
}

/** Links, their secrets sealed. A link never goes back: each state replaces the one that was read, or is refused. */
export interface Links {
  /** Adds a link; the terminal's oldest ones make room. */
  add(link: NewLink): Promise<void>;
  /** Null also when it has expired. Errors: STORE_SECRET_WRONG, LINK_STATE_WRONG. */
  find(id: Uint8Array, nowSeconds: number): Promise<StoredLink | null>;
  /** The same for the link that a message with this SHA-256 established. */
  findOpened(openingDigest: Uint8Array, nowSeconds: number): Promise<StoredLink | null>;
  /** Puts the next state in place; false when another one was quicker. */
  advance(next: LinkAdvance): Promise<boolean>;
  /** Removes what has expired (KLIFE). */
  purge(nowSeconds: number): Promise<void>;
}

const table = "links";

export function sqlLinks(db: Queries, seal: RowSeal): Links {
  const stateOf = (link: UnconfirmedLink | ConfidentialLink): { id: Uint8Array; stage: "unconfirmed" | "confirmed"; state: Uint8Array } => {
    const { id } = link;
    using saved = link.save();
    return { id, stage: link instanceof UnconfirmedLink ? "unconfirmed" : "confirmed", state: seal.seal({ table, row: id }, saved) };
  };
  const load = (row: Selectable<Schema["links"]> | undefined): StoredLink | null => {
    if (row === undefined) return null;
    using saved = seal.open({ table, row: row.id }, row.state, "saved link");
    return {
      link: row.stage === "unconfirmed" ? UnconfirmedLink.load(saved) : ConfidentialLink.load(saved),
      terminal: parseName(row.terminal),
      signingThumbprint: thumbprint(row.signing_thumbprint),
      version: row.version,
      last: { requestDigest: row.request_digest, response: row.response },
      createdAtSeconds: row.created_at,
    };
  };
  return {
    async add({ link, terminal, signingThumbprint, nowSeconds, opening }) {
      await makeRoom(db, terminal);
      await db
        .insertInto(table)
        .values({
          ...stateOf(link),
          terminal,
          signing_thumbprint: signingThumbprint,
          version: 0,
          created_at: nowSeconds,
          expires_at: link.keyExpiresAtSeconds,
          opening_digest: opening.requestDigest,
          request_digest: opening.requestDigest,
          response: opening.response,
        })
        .execute();
    },
    async find(id, nowSeconds) {
      return load(await db.selectFrom(table).selectAll().where("id", "=", id).where("expires_at", ">=", nowSeconds).executeTakeFirst());
    },
    async findOpened(openingDigest, nowSeconds) {
      const found = db.selectFrom(table).selectAll().where("opening_digest", "=", openingDigest);
      return load(await found.where("expires_at", ">=", nowSeconds).executeTakeFirst());
    },
    async advance({ link, version, requestDigest, response }) {
      const { id, ...state } = stateOf(link);
      const { numUpdatedRows } = await db
        .updateTable(table)
        .set({ ...state, version: version + 1, request_digest: requestDigest, response })
        .where("id", "=", id)
        .where("version", "=", version)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async purge(nowSeconds) {
      await db.deleteFrom(table).where("expires_at", "<", nowSeconds).execute();
    },
  };
}

async function makeRoom(db: Queries, terminal: Name): Promise<void> {
  const kept = db
    .selectFrom(table)
    .select("id")
    .where("terminal", "=", terminal)
    .orderBy("created_at", "desc")
    .limit(maxLinksPerTerminal - 1);
  await db.deleteFrom(table).where("terminal", "=", terminal).where("id", "not in", kept).execute();
}
