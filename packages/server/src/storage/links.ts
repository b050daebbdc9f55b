import { ConfidentialLink, mechanismNamed, UnconfirmedLink } from "@sealane/link";
import { type ArtefactId, artefactId, type Name, parseName, type Thumbprint, thumbprint } from "@sealane/wire";
import type { Selectable } from "kysely";
import { forwardSecretLifeSeconds, linkLifeSeconds, maxAnonymousLinks, maxLinksPerTerminal } from "../limits.ts";
import type { RowSeal } from "./row-seal.ts";
import type { Queries, Schema } from "./schema.ts";

/** What was received last, and what was sent back: the same again gets the same, and has no second effect. */
interface Exchange {
  /** SHA-256 of the message or record. */
  readonly requestDigest: Uint8Array;
  readonly response: Uint8Array;
}

/** The terminal of a link, and its signing certificate when the link was established. */
export interface LinkOwner {
  readonly name: Name;
  readonly signingThumbprint: Thumbprint;
}

/** A link that has just been established. */
export interface NewLink {
  readonly link: UnconfirmedLink | ConfidentialLink;
  /** Null where the terminal is anonymous. */
  readonly owner: LinkOwner | null;
  /** What the server originated the link for; null where a terminal did. */
  readonly offered: ArtefactId | null;
  readonly nowSeconds: number;
  /** The message that established it, M1 or an answer, and what was sent back. */
  readonly opening: Exchange;
}

/** A link between two records. */
export interface StoredLink {
  readonly link: UnconfirmedLink | ConfidentialLink;
  /** Null where the terminal is anonymous. */
  readonly owner: LinkOwner | null;
  /** What the server originated the link for; null where a terminal did. */
  readonly offered: ArtefactId | null;
  /** Which state this is; {@link Links.advance} wants it back. */
  readonly version: number;
  readonly last: Exchange;
  readonly createdAtSeconds: number;
  /** The last second at which the server knows it. */
  readonly endsAtSeconds: number;
}

/** The next state of a link, with the exchange that led to it. */
interface LinkAdvance extends Exchange {
  readonly link: ConfidentialLink;
  /** The version that was read. */
  readonly version: number;
  /** As it was read. */
  readonly endsAtSeconds: number;
}

/** Links, their secrets sealed. A link never goes back: each state replaces the one that was read, or is refused. */
export interface Links {
  /**
   * Adds a link; the terminal's oldest ones make room, or the oldest of all anonymous ones. False, and nothing, when its message has
   * established one already.
   */
  add(link: NewLink): Promise<boolean>;
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
  const stateOf = (link: UnconfirmedLink | ConfidentialLink, endsAtSeconds: number) => {
    const { id } = link;
    using saved = link.save();
    const stage = link instanceof UnconfirmedLink ? ("unconfirmed" as const) : ("confirmed" as const);
    return { id, stage, state: seal.seal({ table, row: id }, saved, endsAtSeconds) };
  };
  const load = (row: Selectable<Schema["links"]> | undefined): StoredLink | null => {
    if (row === undefined) return null;
    using saved = seal.open({ table, row: row.id }, row.state, "saved link");
    if (saved === null) return null;
    return {
      link: row.stage === "unconfirmed" ? UnconfirmedLink.load(saved) : ConfidentialLink.load(saved),
      owner: ownerOf(row),
      offered: row.offered === null ? null : artefactId(row.offered),
      version: row.version,
      last: { requestDigest: row.request_digest, response: row.response },
      createdAtSeconds: row.created_at,
      endsAtSeconds: row.expires_at,
    };
  };
  return {
    async add({ link, owner, offered, nowSeconds, opening }) {
      const known = db.selectFrom(table).select("id").where("opening_digest", "=", opening.requestDigest);
      if ((await known.executeTakeFirst()) !== undefined) return false;
      await makeRoom(db, owner);
      const endsAtSeconds = endOf(link, nowSeconds);
      await db
        .insertInto(table)
        .values({
          ...stateOf(link, endsAtSeconds),
          terminal: owner?.name ?? null,
          signing_thumbprint: owner?.signingThumbprint ?? null,
          offered,
          version: 0,
          created_at: nowSeconds,
          expires_at: endsAtSeconds,
          opening_digest: opening.requestDigest,
          request_digest: opening.requestDigest,
          response: opening.response,
        })
        .execute();
      return true;
    },
    async find(id, nowSeconds) {
      return load(await db.selectFrom(table).selectAll().where("id", "=", id).where("expires_at", ">=", nowSeconds).executeTakeFirst());
    },
    async findOpened(openingDigest, nowSeconds) {
      const found = db.selectFrom(table).selectAll().where("opening_digest", "=", openingDigest);
      return load(await found.where("expires_at", ">=", nowSeconds).executeTakeFirst());
    },
    async advance({ link, version, endsAtSeconds, requestDigest, response }) {
      const { id, ...state } = stateOf(link, endsAtSeconds);
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

/** A server keeps no link for longer than it takes to use it: what it does not have any more nobody can take from it. */
function endOf({ keyExpiresAtSeconds, mechanism }: UnconfirmedLink | ConfidentialLink, nowSeconds: number): number {
  const lifeSeconds = mechanismNamed(mechanism).forwardSecret === "yes" ? forwardSecretLifeSeconds : linkLifeSeconds;
  return Math.min(keyExpiresAtSeconds, nowSeconds + lifeSeconds);
}

function ownerOf({ terminal, signing_thumbprint }: Selectable<Schema["links"]>): LinkOwner | null {
  if (terminal === null || signing_thumbprint === null) return null;
  return { name: parseName(terminal), signingThumbprint: thumbprint(signing_thumbprint) };
}

/** Counts first: to look for the oldest among thousands of links each time would cost more than making one. */
async function makeRoom(db: Queries, owner: LinkOwner | null): Promise<void> {
  const [operator, terminal] = owner === null ? (["is", null] as const) : (["=", owner.name] as const);
  const own = db.selectFrom(table).where("terminal", operator, terminal);
  const { count } = await own.select((sql) => sql.fn.countAll<number | string>().as("count")).executeTakeFirstOrThrow();
  const over = Number(count) + 1 - (owner === null ? maxAnonymousLinks : maxLinksPerTerminal);
  if (over <= 0) return;
  await db.deleteFrom(table).where("id", "in", own.select("id").orderBy("created_at").limit(over)).execute();
}
