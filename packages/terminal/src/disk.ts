import { chmod, type FileHandle, lstat, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { softwareErrors, syncFolder, systemReason, writeFileAtomic } from "@sealane/software";
import { type Codec, decodeAs, encodeAs, hasCode, permissionDenied } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { removeTree } from "./remove-tree.ts";

/** Work on the file system with errors of Sealane, and the files of the state. */

/** What systems say when there is no room: the disk, a quota, a limit on file size. */
const full: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Runs work that changes files and names the file when it fails.
 * Errors: TERMINAL_DISK_FULL, SYSTEM_PERMISSION_DENIED; FILE_WRITE_FAILED for anything else that the system says.
 */
export async function changing<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, "FILE_WRITE_FAILED")) {
      const { reason } = error.details;
      throw typeof reason === "string" && full.has(reason) ? terminalErrors.error("TERMINAL_DISK_FULL", { file, reason }, error) : error;
    }
    const reason = systemReason(error);
    if (reason === null) throw error;
    if (full.has(reason)) throw terminalErrors.error("TERMINAL_DISK_FULL", { file, reason }, error);
    throw permissionDenied(error, file) ?? softwareErrors.error("FILE_WRITE_FAILED", { file, reason }, error);
  }
}

/** True when nothing is there. */
export function isMissing(error: unknown): boolean {
  return systemReason(error) === "ENOENT";
}

/** True when something of this name is there, whatever it is. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Makes a folder for this user alone, with the folders above it, and makes it lasting. Errors: those of `changing`. */
export async function makeFolder(path: string): Promise<void> {
  await changing(path, async () => {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first !== undefined) await syncFolder(dirname(first));
  });
}

/**
 * Makes a folder that others may pass and list, whatever this process's umask is, and makes it lasting. One that is there already
 * keeps the rights that somebody may have given it. Errors: those of `changing`.
 */
export async function makeOpenFolder(path: string): Promise<void> {
  await changing(path, async () => {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      if (systemReason(error) === "EEXIST") return;
      throw error;
    }
    await chmod(path, 0o755);
    await syncFolder(dirname(path));
  });
}

/** Removes a file or a folder with everything in it, if it is there. Errors: those of `changing`. */
export async function remove(path: string): Promise<void> {
  await changing(path, async () => {
    await removeTree(path);
  });
}

/** Removes one file, if it is there. Errors: those of `changing`. */
export async function removeFile(path: string): Promise<void> {
  await changing(path, async () => await rm(path, { force: true }));
}

/** How a file of the state is read and written. */
export interface StateFile<T> {
  readonly codec: Codec<T>;
  readonly maxBytes: number;
  readonly what: string;
}

/** Reads a file of the state; null when there is none. Errors: TERMINAL_STATE_DAMAGED, SYSTEM_PERMISSION_DENIED. */
export async function loadState<T>(path: string, file: StateFile<T>): Promise<T | null> {
  try {
    return decodeAs(file.codec, await readFile(path), file);
  } catch (error) {
    if (isMissing(error)) return null;
    throw permissionDenied(error, path) ?? terminalErrors.error("TERMINAL_STATE_DAMAGED", { file: path }, error);
  }
}

/** Puts a file of the state in place, whole or not at all, readable for this user only. Errors: those of `changing`. */
export async function saveState<T>(path: string, file: StateFile<T>, value: T): Promise<void> {
  await changing(path, async () => await writeFileAtomic(path, encodeAs(file.codec, value), { mode: 0o600 }));
}

/** Writes all of `bytes` at a position, however the system parts it. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Writes a new file and makes it lasting; for a folder that nobody reads yet. */
export async function writeLasting(path: string, bytes: Uint8Array): Promise<void> {
  await changing(path, async () => {
    await using file = await open(path, "wx", 0o600);
    await writeAll(file, bytes, 0);
    await file.sync();
  });
}

/** Reads up to the length of `into` at a position; gives the bytes read, fewer only at the end. */
export async function readInto(file: FileHandle, into: Uint8Array, position: number): Promise<number> {
  for (let done = 0; ; ) {
    if (done === into.length) return done;
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
}

/** Bytes of one piece when a file is read through. */
const chunkBytes = 256 * 1024;

/** Reads a file through from its beginning; every chunk has memory of its own. */
export async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; ; ) {
    const chunk = new Uint8Array(chunkBytes);
    const got = await readInto(file, chunk, at);
    if (got > 0) yield chunk.subarray(0, got);
    if (got < chunk.length) return;
    at += got;
  }
}

/** The names in a folder; none when there is no folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Removes what a killed process has left of files that were to be written whole or not at all. For the holder of the folder's lock. */
export async function removeTemporary(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (/^\.sealane-[0-9a-f]{16}\.tmp$/.test(name)) await removeFile(join(folder, name));
  }
}
