import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

/** Seconds since the machine was started, and which start that was: nobody sets this clock, and it outlives a process. */
export interface Uptime {
  readonly boot: string;
  readonly seconds: number;
}

/** Where time comes from; tests pass one that they move. */
export interface Clock {
  /** Whole seconds since the epoch. */
  nowSeconds(): number;
  /** Milliseconds from any beginning, for how long something took. */
  elapsedMilliseconds(): number;
  uptime(): Uptime;
  /** Resolves after a pause; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowSeconds: () => Math.floor(Date.now() / 1000),
  elapsedMilliseconds: () => performance.now(),
  uptime: () => ({ boot: bootId(), seconds: Math.floor(uptime()) }),
  sleep: async (milliseconds, signal) => await pause(milliseconds, undefined, signal === undefined ? {} : { signal }),
};

/** Whole seconds of the clock that is never set: what waits are measured by. */
export function elapsedSeconds(clock: Pick<Clock, "elapsedMilliseconds">): number {
  return Math.floor(clock.elapsedMilliseconds() / 1000);
}

let knownBoot: string | null = null;

/** The kernel's id of this start; where a system has none, each process counts as a start of its own. */
function bootId(): string {
  knownBoot ??= readBootId() ?? randomUUID();
  return knownBoot;
}

function readBootId(): string | null {
  try {
    const id = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return /^[0-9a-f-]{36}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}
