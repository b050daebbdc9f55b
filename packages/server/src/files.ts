import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { openNameless } from "@sealane/software";
import { permissionDenied, SealaneError } from "@sealane/wire";
import { serverErrors } from "./errors.ts";

/** Reads a small file of the server's folder. Errors: SERVER_FILE_WRONG, also when it is longer than `maxBytes`; SYSTEM_PERMISSION_DENIED. */
export async function readServerFile(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = basename(path);
  const bytes = await accessing(path, () => readFile(path));
  if (bytes.length > maxBytes) throw serverErrors.error("SERVER_FILE_WRONG", { file, bytes: bytes.length, limit: maxBytes });
  return bytes;
}

/** Runs file work and names the file and the system's reason when it fails. Errors: SYSTEM_PERMISSION_DENIED, SERVER_FILE_WRONG, STORE_FULL. */
export async function accessing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = systemCodeOf(cause);
    if (reason === null) throw cause; // not the system's: already has its own code
    throw (
      permissionDenied(cause, path) ??
      serverErrors.error(isFull(reason) ? "STORE_FULL" : "SERVER_FILE_WRONG", { file: basename(path), reason }, cause)
    );
  }
}

/** Writes a byte to a file without a name in a folder. Errors: STORE_FULL, STORE_FAILED. */
export async function requireWritableFolder(folder: string): Promise<void> {
  try {
    await using file = await openNameless(join(folder, "ready"));
    await file.write(Uint8Array.of(0));
  } catch (cause) {
    const own = cause instanceof SealaneError ? cause.details["reason"] : systemCodeOf(cause);
    const reason = typeof own === "string" ? own : "unknown";
    throw serverErrors.error(isFull(reason) ? "STORE_FULL" : "STORE_FAILED", { folder: basename(folder), reason }, cause);
  }
}

/** Whether something is there. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Whether a failure of the system means that there is no room: on the disk, or in what this user may have of it. */
export function isFull(reason: string): boolean {
  return reason === "ENOSPC" || reason === "EDQUOT";
}

/** The system's name of a failure (ENOENT, ENOSPC, ...); null for other errors. */
export function systemCodeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && "syscall" in error ? String(error.code) : null;
}
