import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { terminalErrors } from "./errors.ts";
import { nextNumber } from "./software-number.ts";
import { findTool } from "./system-tools.ts";

/** As whom software runs. */
export interface SoftwareUser {
  readonly uid: number;
  readonly gid: number;
  /** Null: as this process has it. */
  readonly home: string | null;
  /** Whether it is an account of the system, whose further groups it has too. */
  readonly isAccount: boolean;
}

/**
 * Decides as whom a module's software is started; null where that is this process's own user.
 *
 * A process of root gives every module a user of its own: `number`, which no account has, the same one at each start. `wish` is the name
 * or number of another, root among them; only root can use it. Where there is no such thing (any system but Linux) the user is always
 * this process's own.
 *
 * Errors: TERMINAL_USER_UNKNOWN, TERMINAL_USER_NOT_ALLOWED, TERMINAL_PROTECTION_MISSING.
 */
export async function softwareUser(number: number, wish: string | undefined): Promise<SoftwareUser | null> {
  const own = process.getuid?.();
  if (process.platform !== "linux") {
    if (wish === undefined) return null;
    throw terminalErrors.error("TERMINAL_USER_NOT_ALLOWED", { user: wish, platform: process.platform });
  }
  if (wish === undefined) return own === 0 ? await userOfNumber(number) : null;
  const user = await findUser(wish);
  if (user.uid === own) return null;
  if (own !== 0) throw terminalErrors.error("TERMINAL_USER_NOT_ALLOWED", { user: wish });
  return user;
}

/** The number of the module, or the next one that no account has. */
async function userOfNumber(first: number): Promise<SoftwareUser> {
  let uid = first;
  do {
    const isTaken = (await getent("passwd", String(uid))) !== null || (await getent("group", String(uid))) !== null;
    if (!isTaken) return { uid, gid: uid, home: "/", isAccount: false };
    uid = nextNumber(uid);
  } while (uid !== first);
  throw terminalErrors.error("TERMINAL_USER_UNKNOWN", { user: String(first) });
}

/** A number without an account is a user too, with a group of the same number. */
async function findUser(wish: string): Promise<SoftwareUser> {
  const isNumber = /^(0|[1-9][0-9]{0,9})$/.test(wish);
  const line = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}\$?$/.test(wish) ? await getent("passwd", wish) : null;
  const [, , uid, gid, , home] = line?.split(":") ?? [];
  if (line !== null && uid !== undefined) return { uid: Number(uid), gid: Number(gid), home: home || "/", isAccount: true };
  // The two highest are no users: "leave as it is".
  if (isNumber && Number(wish) < 0xffff_fffe) return { uid: Number(wish), gid: Number(wish), home: "/", isAccount: false };
  throw terminalErrors.error("TERMINAL_USER_UNKNOWN", { user: wish.slice(0, 256) });
}

/**
 * The first folder on the way to `path` that a user may not pass, or null: programs that look for their own files by their full path
 * do not find them behind it. Judged by the rights of owner, group and others, without access lists and further groups.
 */
export async function closedFolder(path: string, user: SoftwareUser | null): Promise<string | null> {
  if (user === null || user.uid === 0) return null;
  const above = dirname(path);
  const closed = above === path ? null : await closedFolder(above, user);
  if (closed !== null) return closed;
  const { mode, uid, gid } = await stat(path);
  const passing = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  return (mode & passing) === 0 ? path : null;
}

/** One entry of the system's databases, or null. It asks every source that the system is set up with. */
async function getent(database: "passwd" | "group", key: string): Promise<string | null> {
  const tool = await findTool("getent");
  try {
    const { stdout } = await promisify(execFile)(tool, [database, key], { encoding: "utf8", env: {} });
    return stdout.split("\n")[0] ?? null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === getentMissing) return null;
    throw terminalErrors.error("TERMINAL_PROTECTION_MISSING", { tool, database }, error);
  }
}

/** Its exit status where there is no such entry (getent(1)). */
const getentMissing = 2;
