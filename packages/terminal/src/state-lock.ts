import { accessSync, chmodSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { softwareErrors, systemReason } from "@sealane/software";
import { hasCode, permissionDenied, type SealaneError } from "@sealane/wire";
import { makeFolder } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { lockPauseMilliseconds, lockWaits } from "./limits.ts";
import type { LockedArea, StateFolder } from "./state-folder.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Lets one command at a time change an area of the state.
 *
 * The lock is the operating system's, on an empty SQLite database: it ends with the process however that ends, so that no lock of a
 * dead process stays behind and no process id is ever mistaken for another's. The file is for its owner alone: who may read it may lock
 * it, and would stop every command.
 */
export class StateLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock or refuses at once; makes the state folder when there is none.
   * Errors: TERMINAL_STATE_LOCKED, FILE_WRITE_FAILED, TERMINAL_DISK_FULL.
   */
  static async take(folder: StateFolder, area: LockedArea): Promise<StateLock> {
    const file = folder.lock(area);
    await makeFolder(folder.path);
    return new StateLock(lockedDatabase(file, area));
  }

  /** The same, but waits a few seconds for a command that holds it while it tidies up. */
  static async takeSoon({ folder, clock }: Terminal, area: LockedArea): Promise<StateLock> {
    for (let left = lockWaits; ; left--) {
      try {
        return await StateLock.take(folder, area);
      } catch (error) {
        if (left === 0 || !hasCode(error, "TERMINAL_STATE_LOCKED")) throw error;
      }
      await clock.sleep(lockPauseMilliseconds);
    }
  }

  /** Does what can be done another time too, while it holds the lock; null, and it is left, where another command holds it. */
  static async ifFree<T>(folder: StateFolder, area: LockedArea, work: () => Promise<T>): Promise<T | null> {
    const lock = await StateLock.take(folder, area).catch((error: unknown) => {
      if (hasCode(error, "TERMINAL_STATE_LOCKED")) return null;
      throw error;
    });
    if (lock === null) return null;
    using _lock = lock;
    return await work();
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** SQLITE_BUSY (sqlite.org/rescode.html). */
const busy = 5;

function lockedDatabase(file: string, area: LockedArea): DatabaseSync {
  const database = openDatabase(file);
  try {
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (cause) {
    database.close();
    if (codeOf(cause) === busy) throw terminalErrors.error("TERMINAL_STATE_LOCKED", typeof area === "string" ? { area } : area);
    throw unusable(file, cause);
  }
}

function openDatabase(file: string): DatabaseSync {
  try {
    makePrivate(file);
    return new DatabaseSync(file, { timeout: 0 });
  } catch (cause) {
    throw unusable(file, cause);
  }
}

/** SQLITE_READONLY, SQLITE_CANTOPEN. */
const readOnly = 8;
const cannotOpen = 14;

/** SQLite says only that it cannot open or write: whether this user may, the system is asked. */
function unusable(file: string, cause: unknown): SealaneError {
  const reason = (codeOf(cause) ?? 0) & 0xff;
  const failure = reason === readOnly ? accessFailure(dirname(file)) : reason === cannotOpen ? openFailure(file) : cause;
  const denied = permissionDenied(failure, file);
  return denied ?? softwareErrors.error("FILE_WRITE_FAILED", { file, reason: systemReason(cause) ?? `SQLite ${codeOf(cause)}` }, cause);
}

function accessFailure(folder: string): unknown {
  try {
    accessSync(folder, constants.W_OK);
    return null;
  } catch (error) {
    return error;
  }
}

/** SQLite could not open the file, so that this process has no lock on it that closing would give up. */
function openFailure(file: string): unknown {
  try {
    closeSync(openSync(file, "r+"));
    return null;
  } catch (error) {
    return error;
  }
}

/**
 * Makes the file readable for its owner only, a new one from the beginning. One that is there is not opened: to close it again would
 * give up a lock that this very process has on it (fcntl(2)).
 */
function makePrivate(file: string): void {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) closeSync(openSync(file, "a", 0o600));
  else if (stats.isFile() && (stats.mode & 0o077) !== 0) chmodSync(file, 0o600);
}

function codeOf(error: unknown): number | null {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : null;
}
