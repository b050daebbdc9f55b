import fs from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

/**
 * Plays `kill -9` at every effect: from a chosen one on, nothing reaches the disk any more, whatever cleaning the code attempts. The
 * last write is cut in half and the last removal of a folder stops behind its first name.
 *
 * It replaces functions of node:fs for the whole process: for test files that have a process of their own.
 */
export class DyingProcess {
  effects = 0;
  #dieAt = Number.POSITIVE_INFINITY;

  /** Runs work that dies at its n-th effect; gives true when it died, false when it ended before. */
  async run(dieAt: number, work: () => Promise<unknown>): Promise<boolean> {
    this.effects = 0;
    this.#dieAt = dieAt;
    try {
      await work();
      return this.isDead;
    } catch (error) {
      if (!this.isDead) throw error;
      return true;
    } finally {
      this.#dieAt = Number.POSITIVE_INFINITY;
    }
  }

  get isDead(): boolean {
    return this.effects >= this.#dieAt;
  }

  /** To be called before an effect that is not the disk's: throws when the process is dead. */
  effect(): void {
    this.effects++;
    if (this.isDead) throw new Killed();
  }

  /** Replaces what changes the disk, for as long as the process lives. */
  async install(): Promise<void> {
    const isWriting = (args: readonly unknown[]): boolean => typeof args[1] === "string" && args[1] !== "r";
    const always = (): boolean => true;
    const { promises } = fs;
    for (const name of ["rename", "mkdir", "symlink", "link", "chmod", "copyFile", "unlink", "truncate"] as const)
      this.#wrap(promises, name, always);
    this.#wrap(promises, "open", isWriting);
    this.#wrap(promises, "rm", always, async ([path]) => {
      const [first] = await readdir(String(path)).catch(() => []);
      if (first !== undefined) await originalRm(join(String(path), first), { recursive: true, force: true });
    });
    const handle = await fs.promises.open(process.execPath, "r");
    const prototype: unknown = Object.getPrototypeOf(handle);
    await handle.close();
    for (const name of ["truncate", "chmod", "writeFile"]) this.#wrap(prototype, name, always);
    Reflect.set(Object(prototype), "sync", async () => this.effect()); // a killed process leaves its writes to the system, synced or not
    this.#wrap(prototype, "write", always, async ([bytes, offset, length, position], write) => {
      if (bytes instanceof Uint8Array && typeof length === "number" && length > 1) await write(bytes, offset, length >> 1, position);
    });
    syncBuiltinESMExports();
  }

  #wrap(
    owner: unknown,
    name: string,
    isEffect: (args: readonly unknown[]) => boolean,
    torn?: (args: readonly unknown[], original: (...args: unknown[]) => Promise<unknown>) => Promise<void>,
  ): void {
    const original: unknown = Reflect.get(Object(owner), name);
    if (typeof original !== "function") throw new Error(`There is no ${name} to replace`);
    const self = this;
    Reflect.set(Object(owner), name, async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const call = async (...given: unknown[]): Promise<unknown> => await Reflect.apply(original, this, given);
      if (isEffect(args)) {
        const wasDead = self.isDead;
        self.effects++;
        if (self.isDead) {
          if (!wasDead) await torn?.(args, call);
          throw new Killed();
        }
      }
      return await call(...args);
    });
  }
}

const originalRm = rm;

/** Not a system's error and not one of ours, so that nobody takes it for something to handle. */
class Killed extends Error {}
