import { type BroadcastChannel, maxBroadcastItems } from "@sealane/api";
import { type SuiteName, suiteNamed } from "@sealane/crypto";
import { type MechanismName, mechanismNamed } from "@sealane/link";
import { type ArtefactId, artefactId, type Name, parseName } from "@sealane/wire";
import type { Selectable } from "kysely";
import { serverErrors } from "../errors.ts";
import { maxBroadcasts } from "../limits.ts";
import { announceBroadcast } from "./inbox-signals.ts";
import type { Queries, Schema } from "./schema.ts";

/** What is broadcast, how, and until when. */
interface Broadcast {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  readonly artefactId: ArtefactId;
  readonly mechanism: MechanismName;
  readonly suite: SuiteName;
  /** Null where it is for everybody. */
  readonly group: Name | null;
  readonly startedAtSeconds: number;
  readonly endsAtSeconds: number;
}

/** M1 of a broadcast with the wrapped content key. */
export interface BroadcastMessage {
  readonly message: Uint8Array;
  readonly wrap: Uint8Array;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
  /** From this second on another is made. */
  readonly renewAtSeconds: number;
}

/** A broadcast, and when its M1 of now was signed. */
export interface RunningBroadcast extends Broadcast {
  readonly issuedAtSeconds: number;
}

/** The same with its place on the channel. */
export interface StoredBroadcast extends RunningBroadcast {
  readonly position: number;
}

/**
 * Broadcasts that run, and the channel that they stand on: its positions grow and are never given twice. Everything in it is public
 * but for who holds a group's secret, so nothing is sealed.
 */
export interface Broadcasts {
  /** Adds a broadcast. Error: SERVER_BROADCASTS_FULL. In a transaction. */
  add(broadcast: Broadcast & BroadcastMessage): Promise<void>;
  /** Puts a new M1 in place of the one at `position`; false when that has gone by now. In a transaction. */
  renew(renewed: BroadcastMessage & { readonly id: Uint8Array; readonly position: number }): Promise<boolean>;
  /** Lets a broadcast whose renewal failed be tried again later. */
  postpone(id: Uint8Array, untilSeconds: number): Promise<void>;
  /** Ends a broadcast; false when there is none. */
  remove(id: Uint8Array): Promise<boolean>;
  /** Those that run, the latest first. */
  list(nowSeconds: number): Promise<readonly StoredBroadcast[]>;
  /** Those whose M1 is to be renewed: it is old, or its group's epoch is not to be used any more. */
  due(nowSeconds: number): Promise<readonly StoredBroadcast[]>;
  /** What stands on the channel behind a position; from its beginning when that position was never given. */
  after(position: number, nowSeconds: number): Promise<BroadcastChannel>;
  /** Removes what has ended. */
  purge(nowSeconds: number): Promise<void>;
}

const table = "broadcasts";
const channelId = 1;

export function sqlBroadcasts(db: Queries): Broadcasts {
  return {
    async add(broadcast) {
      const { startedAtSeconds } = broadcast;
      const running = await db.selectFrom(table).select("id").where("ends_at", ">", startedAtSeconds).limit(maxBroadcasts).execute();
      if (running.length >= maxBroadcasts) throw serverErrors.error("SERVER_BROADCASTS_FULL", { limit: maxBroadcasts });
      await db
        .insertInto(table)
        .values({
          id: broadcast.id,
          artefact_id: broadcast.artefactId,
          mechanism: broadcast.mechanism,
          suite: broadcast.suite,
          group_name: broadcast.group,
          started_at: startedAtSeconds,
          ends_at: broadcast.endsAtSeconds,
          position: await nextPosition(db),
          ...messageColumns(broadcast),
        })
        .execute();
      await announceBroadcast(db);
    },
    async renew({ id, position, ...message }) {
      const renewed = await db
        .updateTable(table)
        .set({ ...messageColumns(message), position: await nextPosition(db) })
        .where("id", "=", id)
        .where("position", "=", position)
        .executeTakeFirst();
      if (renewed.numUpdatedRows !== 1n) return false;
      await announceBroadcast(db);
      return true;
    },
    async postpone(id, untilSeconds) {
      await db.updateTable(table).set({ renew_at: untilSeconds }).where("id", "=", id).execute();
    },
    async remove(id) {
      const { numDeletedRows } = await db.deleteFrom(table).where("id", "=", id).executeTakeFirst();
      return numDeletedRows === 1n;
    },
    async list(nowSeconds) {
      const rows = db.selectFrom(table).selectAll().where("ends_at", ">", nowSeconds);
      return (await rows.orderBy("started_at", "desc").orderBy("position", "desc").execute()).map(broadcastOf);
    },
    async due(nowSeconds) {
      const stale = db.selectFrom("groups").select("name").where("is_stale", "=", 1);
      const rows = db
        .selectFrom(table)
        .selectAll()
        .where("ends_at", ">", nowSeconds)
        .where((column) => column.or([column("renew_at", "<=", nowSeconds), column("group_name", "in", stale)]));
      return (await rows.orderBy("position").execute()).map(broadcastOf);
    },
    async after(position, nowSeconds) {
      const last = await lastPosition(db);
      const items = await db
        .selectFrom(table)
        .innerJoin("releases", "releases.artefact_id", "broadcasts.artefact_id")
        .select(["position", "message", "wrap", "releases.statement as release"])
        .where("position", ">", position > last ? 0 : position)
        .where("expires_at", ">=", nowSeconds)
        .where("ends_at", ">", nowSeconds)
        .orderBy("position")
        .limit(maxBroadcastItems)
        .execute();
      return { position: last, items };
    },
    async purge(nowSeconds) {
      await db.deleteFrom(table).where("ends_at", "<=", nowSeconds).execute();
    },
  };
}

async function lastPosition(db: Queries): Promise<number> {
  return (await db.selectFrom("broadcast_channel").select("position").where("id", "=", channelId).executeTakeFirst())?.position ?? 0;
}

async function nextPosition(db: Queries): Promise<number> {
  const position = (await lastPosition(db)) + 1;
  await db
    .insertInto("broadcast_channel")
    .values({ id: channelId, position })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ position }))
    .execute();
  return position;
}

type MessageColumns = Pick<Selectable<Schema["broadcasts"]>, "message" | "wrap" | "issued_at" | "expires_at" | "renew_at">;

function messageColumns({ message, wrap, issuedAtSeconds, expiresAtSeconds, renewAtSeconds }: BroadcastMessage): MessageColumns {
  return { message, wrap, issued_at: issuedAtSeconds, expires_at: expiresAtSeconds, renew_at: renewAtSeconds };
}

function broadcastOf(row: Selectable<Schema["broadcasts"]>): StoredBroadcast {
  return {
    id: row.id,
    artefactId: artefactId(row.artefact_id),
    mechanism: mechanismNamed(row.mechanism).name,
    suite: suiteNamed(row.suite).name,
    group: row.group_name === null ? null : parseName(row.group_name),
    startedAtSeconds: row.started_at,
    endsAtSeconds: row.ends_at,
    position: row.position,
    issuedAtSeconds: row.issued_at,
  };
}
