import { hasCode } from "@sealane/wire";
import { holdModule } from "./state-change.ts";
import type { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";
import type { Holder } from "./trust.ts";

/** The modules that one command alone is at work on, also while it uses the network; every other module is free for others. */
export class HeldModules implements Disposable {
  readonly #terminal: Terminal;
  readonly #holder: Holder;
  readonly #locks = new Map<string, StateLock>();

  constructor(terminal: Terminal, holder: Holder) {
    this.#terminal = terminal;
    this.#holder = holder;
  }

  /** Holds a module, if it does not already. Errors: those of `holdModule`. */
  async take(module: string): Promise<void> {
    if (!this.#locks.has(module)) this.#locks.set(module, await holdModule(this.#terminal, this.#holder, module));
  }

  /** The same, but false where another command is at work on it. */
  async takeIfFree(module: string): Promise<boolean> {
    try {
      await this.take(module);
      return true;
    } catch (error) {
      if (hasCode(error, "TERMINAL_STATE_LOCKED")) return false;
      throw error;
    }
  }

  /** Gives back all but one. */
  releaseExcept(module: string | undefined): void {
    for (const [held, lock] of this.#locks) {
      if (held === module) continue;
      lock[Symbol.dispose]();
      this.#locks.delete(held);
    }
  }

  [Symbol.dispose](): void {
    this.releaseExcept(undefined);
  }
}
