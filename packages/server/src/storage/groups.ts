import { maxGroupsPerTerminal } from "@sealane/api";
import { type Name, parseName } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { Queries } from "./schema.ts";

/** A group as its operator sees it. */
export interface Group {
  readonly name: Name;
  readonly members: readonly Name[];
  /** The epoch of now; null before the first, and when it has ended. */
  readonly epoch: number | null;
  readonly epochEndsAtSeconds: number | null;
}

/** Groups and their members, by name. Their secrets are elsewhere (`GroupEpochs`). */
export interface Groups {
  /** Makes a group; false when there is one of this name. */
  create(name: Name, nowSeconds: number): Promise<boolean>;
  has(name: Name): Promise<boolean>;
  list(nowSeconds: number): Promise<readonly Group[]>;
  find(name: Name, nowSeconds: number): Promise<Group | null>;
  /** Adds members; who is one already stays one. Error: SERVER_GROUPS_EXCEEDED for a terminal that is in too many. In a transaction. */
  add(name: Name, terminals: readonly Name[]): Promise<void>;
  /** Removes members, which makes the epoch stale; who is none changes nothing. In a transaction. */
  remove(name: Name, terminals: readonly Name[]): Promise<void>;
  /** The groups of a terminal. */
  of(terminal: Name): Promise<readonly Name[]>;
  /** Lets the next use of each of a terminal's groups begin a new epoch: another device holds the secret of the one there is. */
  distrust(terminal: Name): Promise<void>;
}

export function sqlGroups(db: Queries): Groups {
  const members = db.selectFrom("group_members");
  const groupsOf = async (nowSeconds: number, name?: Name): Promise<readonly Group[]> => {
    const all = db.selectFrom("groups").select("name").orderBy("name");
    const names = await (name === undefined ? all : all.where("name", "=", name)).execute();
    const found: Group[] = [];
    for (const row of names) {
      const terminals = await members.select("terminal").where("group_name", "=", row.name).orderBy("terminal").execute();
      const epochs = db.selectFrom("group_epochs").select(["epoch", "expires_at"]).where("group_name", "=", row.name);
      const epoch = await epochs.where("expires_at", ">", nowSeconds).orderBy("epoch", "desc").limit(1).executeTakeFirst();
      found.push({
        name: parseName(row.name),
        members: terminals.map(({ terminal }) => parseName(terminal)),
        epoch: epoch?.epoch ?? null,
        epochEndsAtSeconds: epoch?.expires_at ?? null,
      });
    }
    return found;
  };
  return {
    async create(name, nowSeconds) {
      const made = await db
        .insertInto("groups")
        .values({ name, last_epoch: 0, is_stale: 0, created_at: nowSeconds })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return made.numInsertedOrUpdatedRows === 1n;
    },
    async has(name) {
      return (await db.selectFrom("groups").select("name").where("name", "=", name).executeTakeFirst()) !== undefined;
    },
    list: (nowSeconds) => groupsOf(nowSeconds),
    find: async (name, nowSeconds) => (await groupsOf(nowSeconds, name))[0] ?? null,
    async add(name, terminals) {
      for (const terminal of terminals) {
        await db
          .insertInto("group_members")
          .values({ group_name: name, terminal })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        const own = await members.select("group_name").where("terminal", "=", terminal).execute();
        if (own.length > maxGroupsPerTerminal) {
          throw serverErrors.error("SERVER_GROUPS_EXCEEDED", { terminal, limit: maxGroupsPerTerminal });
        }
      }
    },
    async remove(name, terminals) {
      if (terminals.length === 0) return;
      const { numDeletedRows } = await db
        .deleteFrom("group_members")
        .where("group_name", "=", name)
        .where("terminal", "in", terminals)
        .executeTakeFirst();
      if (numDeletedRows > 0n) await db.updateTable("groups").set({ is_stale: 1 }).where("name", "=", name).execute();
    },
    async of(terminal) {
      const rows = await members.select("group_name").where("terminal", "=", terminal).orderBy("group_name").execute();
      return rows.map(({ group_name }) => parseName(group_name));
    },
    async distrust(terminal) {
      const own = members.select("group_name").where("terminal", "=", terminal);
      await db.updateTable("groups").set({ is_stale: 1 }).where("name", "in", own).execute();
    },
  };
}
