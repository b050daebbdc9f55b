import { maxOpenChallenges } from "../limits.ts";
import type { Queries } from "./schema.ts";

/** Challenges that wait for their M1; any server process may take one. */
export interface Challenges {
  /** Adds a challenge; the oldest make room: they cost nothing, and anybody may ask for one. In a transaction. */
  add(challenge: Uint8Array, expiresAtSeconds: number): Promise<void>;
  /** Removes a challenge; true for the one caller that did, in its time. */
  take(challenge: Uint8Array, nowSeconds: number): Promise<boolean>;
  purge(nowSeconds: number): Promise<void>;
}

const table = "challenges";

export function sqlChallenges(db: Queries): Challenges {
  return {
    async add(challenge, expiresAtSeconds) {
      const all = db.selectFrom(table);
      const { count } = await all.select((sql) => sql.fn.countAll<number | string>().as("count")).executeTakeFirstOrThrow();
      const over = Number(count) + 1 - maxOpenChallenges;
      const oldest = all.select("challenge").orderBy("expires_at").limit(Math.max(0, over));
      if (over > 0) await db.deleteFrom(table).where("challenge", "in", oldest).execute();
      await db.insertInto(table).values({ challenge, expires_at: expiresAtSeconds }).execute();
    },
    async take(challenge, nowSeconds) {
      const open = db.deleteFrom(table).where("challenge", "=", challenge).where("expires_at", ">=", nowSeconds);
      const { numDeletedRows } = await open.executeTakeFirst();
      return numDeletedRows === 1n;
    },
    async purge(nowSeconds) {
      await db.deleteFrom(table).where("expires_at", "<", nowSeconds).execute();
    },
  };
}
