import type { ReplayCache, ReplayEntry } from "@sealane/link";
import { credentialCodec } from "@sealane/pki";
import { encodeAs } from "@sealane/wire";
import type { Queries } from "./schema.ts";

const floorId = 1;

export interface ReplayCacheOptions {
  readonly now: () => number;
  readonly maxPerOriginator: number;
}

/**
 * Remembers accepted messages (FNONCE) as unique rows: "fresh" at most once, whichever process asks, also after a restart. Each
 * insertion is a transaction of its own, or part of the one that `db` is.
 *
 * An entry is forgotten when no clock within tolerance accepts its message any more. The latest end among forgotten entries is
 * kept: when the clock ran ahead and steps back, what ends before it counts as seen, for it may have been forgotten.
 */
export function sqlReplayCache(db: Queries, { now, maxPerOriginator }: ReplayCacheOptions): ReplayCache {
  const insert = async (tx: Queries, entry: ReplayEntry): Promise<"fresh" | "seen" | "full"> => {
    if (entry.rememberUntilSeconds <= (await forget(tx, now()))) return "seen";
    return await insertOnce(tx, entry, maxPerOriginator);
  };
  return {
    insert: async (entry) =>
      db.isTransaction ? await insert(db, entry) : await db.transaction().execute(async (tx) => await insert(tx, entry)),
  };
}

async function insertOnce(tx: Queries, entry: ReplayEntry, maxPerOriginator: number): Promise<"fresh" | "seen" | "full"> {
  const { mechanism, nonce, rememberUntilSeconds } = entry;
  const originator = encodeAs(credentialCodec, entry.originator);
  const ofOriginator = tx.selectFrom("replay_entries").where("originator", "=", originator);
  const seen = await ofOriginator.select("nonce").where("mechanism", "=", mechanism).where("nonce", "=", nonce).executeTakeFirst();
  if (seen !== undefined) return "seen";
  const { count } = await ofOriginator.select((sql) => sql.fn.countAll<number | string>().as("count")).executeTakeFirstOrThrow();
  if (Number(count) >= maxPerOriginator) return "full";
  const inserted = await tx
    .insertInto("replay_entries")
    .values({ mechanism, originator, nonce, remember_until: rememberUntilSeconds })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n ? "fresh" : "seen"; // another process was quicker
}

/** Removes entries whose time is over and gives the floor: what ends at or before it counts as seen. */
async function forget(tx: Queries, nowSeconds: number): Promise<number> {
  const floor = (await tx.selectFrom("replay_floor").select("remember_until").where("id", "=", floorId).executeTakeFirst())?.remember_until;
  const over = tx.selectFrom("replay_entries").where("remember_until", "<", nowSeconds);
  const latest = (await over.select("remember_until").orderBy("remember_until", "desc").limit(1).executeTakeFirst())?.remember_until;
  if (latest === undefined) return floor ?? 0;
  await tx.deleteFrom("replay_entries").where("remember_until", "<", nowSeconds).execute();
  const raised = Math.max(latest, floor ?? 0);
  await raiseReplayFloor(tx, raised);
  return raised;
}

/** Lets everything that ends at or before this second count as seen. */
export async function raiseReplayFloor(tx: Queries, rememberUntilSeconds: number): Promise<void> {
  await tx
    .insertInto("replay_floor")
    .values({ id: floorId, remember_until: rememberUntilSeconds })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ remember_until: rememberUntilSeconds }))
    .execute();
}
