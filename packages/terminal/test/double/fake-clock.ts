import type { Clock, Uptime } from "../../src/index.ts";

/** A clock that stands still but for sleeping, which takes no time. */
export class FakeClock implements Clock {
  now: number;
  readonly pauses: number[] = [];

  constructor(now = 1_800_000_000) {
    this.now = now;
  }

  nowSeconds(): number {
    return this.now;
  }

  elapsedMilliseconds(): number {
    return this.now * 1000;
  }

  /** Follows the time of day until a test moves it by itself. */
  up: Uptime | null = null;

  uptime(): Uptime {
    return this.up ?? { boot: "one", seconds: this.now };
  }

  async sleep(milliseconds: number): Promise<void> {
    this.pauses.push(milliseconds);
    this.now += Math.ceil(milliseconds / 1000);
  }
}

/** A clock whose sleepers wait until a test lets time pass. */
export class HeldClock extends FakeClock {
  readonly #sleepers = new Set<() => void>();

  override sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const until = this.now + milliseconds / 1000;
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        if (this.now < until) return;
        this.#sleepers.delete(wake);
        resolve();
      };
      this.#sleepers.add(wake);
      signal?.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
    });
  }

  pass(seconds: number): void {
    this.now += seconds;
    for (const wake of [...this.#sleepers]) wake();
  }
}
