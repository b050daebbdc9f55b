import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { FileLock, softwareErrors } from "@sealane/software";

/** Longest time for which other runs make their folders or remove what is left, milliseconds. */
const waitMilliseconds = 30_000;
const lockName = "lock";
const lockEnding = ".lock";

/**
 * A folder for one run of `publish`, removed at its end. Runs at the same time have one each, with a lock beside it for as long as they live:
 * by it the next run knows what one that was killed has left, and removes it.
 */
export class Staging implements AsyncDisposable {
  readonly path: string;
  readonly #lock: FileLock;

  private constructor(path: string, lock: FileLock) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes one below `root`, which is made where there is none. Errors: FILE_WRITE_FAILED, SYSTEM_PERMISSION_DENIED. */
  static async make(root: string): Promise<Staging> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    const file = join(root, lockName);
    using all = FileLock.take(file, { waitMilliseconds });
    if (all === null) throw softwareErrors.error("FILE_WRITE_FAILED", { file, reason: "EBUSY" });
    await removeLeftovers(root);
    const path = await mkdtemp(join(root, "run-"));
    const own = FileLock.take(path + lockEnding);
    if (own === null) throw softwareErrors.error("FILE_WRITE_FAILED", { file: path + lockEnding, reason: "EBUSY" });
    return new Staging(path, own);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    this.#lock[Symbol.dispose]();
    await rm(this.path + lockEnding, { force: true });
  }
}

/** For the holder of the lock on all of them. */
async function removeLeftovers(root: string): Promise<void> {
  const names = await readdir(root);
  const alive = new Set([lockName]);
  for (const name of names.filter((each) => each.endsWith(lockEnding))) {
    using lock = FileLock.take(join(root, name));
    if (lock === null) for (const each of [name, basename(name, lockEnding)]) alive.add(each);
  }
  for (const name of names) if (!alive.has(name)) await rm(join(root, name), { recursive: true, force: true });
}
