import type { Secret } from "@sealane/crypto";
import { encode, type Name } from "@sealane/wire";
import type { RowSeal } from "./row-seal.ts";
import type { Queries } from "./schema.ts";

/** The secret of one epoch of a group: a seed for each kind of agreement key, in the order of the record's values. */
export type GroupSeeds = Secret<"group seeds">;

/** An epoch of a group with its secret. */
export interface StoredEpoch extends Disposable {
  readonly epoch: number;
  /** The signed record, which members are given. */
  readonly record: Uint8Array;
  readonly seeds: GroupSeeds;
  readonly expiresAtSeconds: number;
}

interface NewEpoch extends Omit<StoredEpoch, typeof Symbol.dispose> {
  readonly group: Name;
}

/** Epochs of groups, their secrets sealed: the one of now, and until its end the one before. */
export interface GroupEpochs {
  /** The number that was given last, and whether the epoch must be replaced; null for an unknown group. */
  state(group: Name): Promise<{ readonly lastEpoch: number; readonly isStale: boolean } | null>;
  /** Those that have not ended, the newest first. Error: STORE_SECRET_WRONG. */
  current(group: Name, nowSeconds: number): Promise<readonly StoredEpoch[]>;
  /**
   * Begins an epoch; false when another one was begun since `state` was read. What came before the epoch before goes, and
   * what is broadcast to the group is due for a new M1. In a transaction.
   */
  begin(epoch: NewEpoch): Promise<boolean>;
  /** Puts another record with an earlier end in place of an epoch's. */
  shorten(epoch: Pick<NewEpoch, "group" | "epoch" | "record" | "expiresAtSeconds">): Promise<void>;
  purge(nowSeconds: number): Promise<void>;
}

const table = "group_epochs";

export function sqlGroupEpochs(db: Queries, seal: RowSeal): GroupEpochs {
  const placeOf = (group: string, epoch: number) => ({ table, row: encode([group, epoch]) });
  return {
    async state(group) {
      const row = await db.selectFrom("groups").select(["last_epoch", "is_stale"]).where("name", "=", group).executeTakeFirst();
      return row === undefined ? null : { lastEpoch: row.last_epoch, isStale: row.is_stale !== 0 };
    },
    async current(group, nowSeconds) {
      const rows = db.selectFrom(table).selectAll().where("group_name", "=", group).where("expires_at", ">", nowSeconds);
      return (await rows.orderBy("epoch", "desc").execute()).flatMap(({ epoch, record, seeds, expires_at: expiresAtSeconds }) => {
        const secret = seal.open(placeOf(group, epoch), seeds, "group seeds");
        return secret === null ? [] : { epoch, record, seeds: secret, expiresAtSeconds, [Symbol.dispose]: () => secret[Symbol.dispose]() };
      });
    },
    async begin({ group, epoch, record, seeds, expiresAtSeconds }) {
      const { numUpdatedRows } = await db
        .updateTable("groups")
        .set({ last_epoch: epoch, is_stale: 0 })
        .where("name", "=", group)
        .where("last_epoch", "=", epoch - 1)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) return false;
      await db
        .insertInto(table)
        .values({
          group_name: group,
          epoch,
          record,
          seeds: seal.seal(placeOf(group, epoch), seeds, expiresAtSeconds),
          expires_at: expiresAtSeconds,
        })
        .execute();
      const before = db
        .deleteFrom(table)
        .where("group_name", "=", group)
        .where("epoch", "<", epoch - 1);
      await before.execute();
      await db.updateTable("broadcasts").set({ renew_at: 0 }).where("group_name", "=", group).execute();
      return true;
    },
    async shorten({ group, epoch, record, expiresAtSeconds }) {
      const row = db.updateTable(table).set({ record, expires_at: expiresAtSeconds });
      await row.where("group_name", "=", group).where("epoch", "=", epoch).where("expires_at", ">", expiresAtSeconds).execute();
    },
    async purge(nowSeconds) {
      await db.deleteFrom(table).where("expires_at", "<=", nowSeconds).execute();
    },
  };
}
