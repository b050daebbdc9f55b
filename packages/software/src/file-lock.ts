import { accessSync, chmodSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { permissionDenied, type SealaneError } from "@sealane/wire";
import { systemReason } from "./atomic-file.ts";
import { softwareErrors } from "./errors.ts";

/**
 * A lock of the operating system on an empty SQLite database (ADR 0005): it ends with the process however that ends, so that no lock of a
 * dead process stays behind and no process id is ever mistaken for another's. The file is for its owner alone: who may read it may lock
 * it, and would stop every command.
 */
export class FileLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock on a file, which is made where there is none, in a folder that exists; null where another process, or this one, has it.
   * Waits for it up to `waitMilliseconds`, which holds up this whole process; default: 0.
   * Errors: SYSTEM_PERMISSION_DENIED, FILE_WRITE_FAILED.
   */
  static take(file: string, { waitMilliseconds = 0 }: { readonly waitMilliseconds?: number } = {}): FileLock | null {
    const database = openDatabase(file, waitMilliseconds);
    try {
      database.exec("BEGIN EXCLUSIVE");
      return new FileLock(database);
    } catch (cause) {
      database.close();
      if (codeOf(cause) === busy) return null;
      throw unusable(file, cause);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** SQLITE_BUSY (sqlite.org/rescode.html). */
const busy = 5;

function openDatabase(file: string, waitMilliseconds: number): DatabaseSync {
  try {
    makePrivate(file);
    return new DatabaseSync(file, { timeout: waitMilliseconds });
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
