import { setTimeout as pause } from "node:timers/promises";

/** Where time comes from; tests pass one that they move. */
export interface Clock {
  /** Whole seconds since the epoch. */
  nowSeconds(): number;
  /** Milliseconds from any beginning, for how long something took. */
  elapsedMilliseconds(): number;
  /** Resolves after a pause; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowSeconds: () => Math.floor(Date.now() / 1000),
  elapsedMilliseconds: () => performance.now(),
  sleep: async (milliseconds, signal) => await pause(milliseconds, undefined, signal === undefined ? {} : { signal }),
};

/** Whole seconds of the clock that is never set: what waits are measured by. */
export function elapsedSeconds(clock: Pick<Clock, "elapsedMilliseconds">): number {
  return Math.floor(clock.elapsedMilliseconds() / 1000);
}
