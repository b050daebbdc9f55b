import { FileLock } from "@sealane/software";
import { hasCode } from "@sealane/wire";
import { makeFolder } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { lockPauseMilliseconds, lockWaits } from "./limits.ts";
import type { LockedArea, StateFolder } from "./state-folder.ts";
import type { Terminal } from "./terminal.ts";

/** Lets one command at a time change an area of the state. */
export class StateLock implements Disposable {
  readonly #lock: FileLock;

  private constructor(lock: FileLock) {
    this.#lock = lock;
  }

  /**
   * Takes the lock or refuses at once; makes the state folder when there is none.
   * Errors: TERMINAL_STATE_LOCKED, FILE_WRITE_FAILED, TERMINAL_DISK_FULL.
   */
  static async take(folder: StateFolder, area: LockedArea): Promise<StateLock> {
    const file = folder.lock(area);
    await makeFolder(folder.path);
    const lock = FileLock.take(file);
    if (lock === null) throw terminalErrors.error("TERMINAL_STATE_LOCKED", typeof area === "string" ? { area } : area);
    return new StateLock(lock);
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
    this.#lock[Symbol.dispose]();
  }
}
