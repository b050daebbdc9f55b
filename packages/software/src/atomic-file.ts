import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { permissionDenied, SealaneError } from "@sealane/wire";
import { softwareErrors } from "./errors.ts";

/** Files that are there whole or not at all, also after a power cut. */

/** Random bytes in the name of a temporary file: two writers never meet. */
const suffixBytes = 8;

/**
 * Puts `bytes` at `path` so that a reader, also one after a crash, finds the old content or the new, never a part: a temporary
 * file in the same folder is written, synced and renamed, and the folder is synced. On failure the temporary file is removed and
 * the target is as it was; only when the last sync fails the new content may already be there.
 *
 * `mode` is the exact mode of the file (0o600 for keys); without it the process's umask decides. Error: FILE_WRITE_FAILED.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array, options: { readonly mode?: number } = {}): Promise<void> {
  await using pending = await PendingFile.create(path, options);
  await pending.write(bytes, 0);
  await pending.commit();
}

/** Makes renames and new files in a folder lasting. Does nothing on Windows, which cannot. Error: FILE_WRITE_FAILED. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await writing(path, async () => {
    await using folder = await open(path, "r");
    await folder.sync();
  });
}

/**
 * A file that is being written beside its target: `commit` puts it there, disposing of it before that removes it.
 *
 * ```ts
 * await using pending = await PendingFile.create(path);
 * await pending.write(bytes, 0);
 * await pending.commit();
 * ```
 * Every method's error: FILE_WRITE_FAILED.
 */
export class PendingFile implements AsyncDisposable {
  readonly target: string;
  /** Where the bytes are until `commit`. */
  readonly path: string;
  readonly handle: FileHandle;
  #state: "open" | "committed" | "gone" = "open";

  private constructor(target: string, path: string, handle: FileHandle) {
    this.target = target;
    this.path = path;
    this.handle = handle;
  }

  /** Makes the temporary file, readable and writable, next to `target`; `mode` as for {@link writeFileAtomic}. */
  static async create(target: string, options: { readonly mode?: number } = {}): Promise<PendingFile> {
    const path = temporaryPath(target);
    return await writing(target, async () => {
      const handle = await open(path, "wx+", options.mode ?? 0o666);
      const pending = new PendingFile(target, path, handle);
      try {
        if (options.mode !== undefined) await handle.chmod(options.mode); // the umask may have taken bits away
      } catch (error) {
        await pending[Symbol.asyncDispose]();
        throw error;
      }
      return pending;
    });
  }

  /** Writes all of `bytes` at a position. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    await writing(this.target, () => writeAll(this.handle, bytes, position));
  }

  /** Syncs, renames over the target, syncs the folder. */
  async commit(): Promise<void> {
    await writing(this.target, async () => {
      await this.handle.sync();
      await this.handle.close();
      await rename(this.path, this.target);
    });
    this.#state = "committed";
    await syncFolder(dirname(this.target));
  }

  /** Removes the temporary file unless it was committed. Throws nothing, so that the first error is the one that is seen. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "gone";
    await this.handle.close().catch(() => {});
    await rm(this.path, { force: true }).catch(() => {});
  }
}

/**
 * Opens an empty file without a name in the folder of `target`, for plaintext that must not outlive the process: it is removed
 * from the folder at once and from the disk when the handle is closed. Error: FILE_WRITE_FAILED.
 */
export async function openNameless(target: string): Promise<FileHandle> {
  const path = temporaryPath(target);
  return await writing(target, async () => {
    const handle = await open(path, "wx+", 0o600);
    try {
      await rm(path);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  });
}

/** Writes all of `bytes` at a position, however the system parts it. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Reads up to the length of `into` at a position, however the system parts it; gives the bytes read, fewer only at the end. */
export async function readInto(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  for (let done = 0; ; ) {
    if (done === into.length) return done;
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
}

function temporaryPath(target: string): string {
  return join(dirname(target), `.sealane-${randomBytes(suffixBytes).toString("hex")}.tmp`);
}

/** Runs file work and names the target and the system's reason when it fails. */
export async function writing<T>(target: string, work: () => Promise<T>): Promise<T> {
  return await named("FILE_WRITE_FAILED", target, work);
}

/** The same for reading. Error: FILE_READ_FAILED. */
export async function reading<T>(source: string, work: () => Promise<T>): Promise<T> {
  return await named("FILE_READ_FAILED", source, work);
}

async function named<T>(code: "FILE_READ_FAILED" | "FILE_WRITE_FAILED", file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = systemReason(error);
    if (reason === null) throw error; // not the system's: already has its own code
    throw permissionDenied(error, file) ?? softwareErrors.error(code, { file, reason }, error);
  }
}

/** The system's name of a failure (`ENOENT`), or null when something else failed. */
export function systemReason(error: unknown): string | null {
  const isSystem = error instanceof Error && !(error instanceof SealaneError) && "code" in error && "syscall" in error;
  return isSystem ? String(error.code) : null;
}
