import { literal, nullable, text, tuple, uint } from "@sealane/wire";
import type { Uptime } from "./clock.ts";
import { loadState, removeFile, type StateFile, saveState } from "./disk.ts";
import { stateVersion } from "./labels.ts";
import { clockFarSeconds, clockPatienceSeconds, clockToleranceSeconds, maxClockFileBytes } from "./limits.ts";

/**
 * How fast the clock's floor may rise. One wrong reply, and many in a row, move it by 30 days at most; what is further has to be said
 * twice, an hour apart by a clock that nobody sets, without another time in between. A restart of the machine begins anew.
 */
export interface Rise {
  /** The start of the machine, and when in it the floor was `baseSeconds`: from there the 30 days count, for an hour at least. */
  readonly boot: string;
  readonly baseUptimeSeconds: number;
  readonly baseSeconds: number;
  /** A time beyond, and when it was said; null where none waits. */
  readonly farSeconds: number | null;
  readonly farUptimeSeconds: number | null;
}

interface RiseRecord extends Rise {
  readonly version: typeof stateVersion;
}

const riseFile: StateFile<RiseRecord> = {
  codec: tuple<RiseRecord>({
    version: literal(stateVersion),
    boot: text(64),
    baseUptimeSeconds: uint(),
    baseSeconds: uint(),
    farSeconds: nullable(uint()),
    farUptimeSeconds: nullable(uint()),
  }),
  maxBytes: maxClockFileBytes,
  what: "clock",
};

/** Decides whether the floor may rise to `nowSeconds`, and what is to be remembered of it. */
export function judgeRise(
  former: Rise | null,
  said: { readonly nowSeconds: number; readonly floorSeconds: number; readonly uptime: Uptime },
): { readonly isAllowed: boolean; readonly rise: Rise } {
  const { nowSeconds, floorSeconds, uptime } = said;
  const fresh = {
    boot: uptime.boot,
    baseUptimeSeconds: uptime.seconds,
    baseSeconds: floorSeconds,
    farSeconds: null,
    farUptimeSeconds: null,
  };
  const isSameBoot = former !== null && former.boot === uptime.boot && former.baseUptimeSeconds <= uptime.seconds;
  // A floor below its base was lowered by something else than a rise.
  const known = isSameBoot && former.baseSeconds <= floorSeconds ? former : fresh;
  const isBaseOld = uptime.seconds - known.baseUptimeSeconds >= clockPatienceSeconds;
  const base = isBaseOld ? { ...known, baseUptimeSeconds: uptime.seconds, baseSeconds: floorSeconds } : known;
  const settled = { ...base, farSeconds: null, farUptimeSeconds: null };
  if (nowSeconds <= base.baseSeconds + clockFarSeconds) return { isAllowed: true, rise: settled };
  const waitedSeconds = waitedFor(base, said);
  if (waitedSeconds === null) return { isAllowed: false, rise: { ...base, farSeconds: nowSeconds, farUptimeSeconds: uptime.seconds } };
  if (waitedSeconds < clockPatienceSeconds) return { isAllowed: false, rise: base };
  return { isAllowed: true, rise: { ...settled, baseUptimeSeconds: uptime.seconds, baseSeconds: nowSeconds } };
}

/** Seconds since the same time was said before; null where none was, or another. */
function waitedFor(
  { farSeconds, farUptimeSeconds }: Rise,
  { nowSeconds, uptime }: { readonly nowSeconds: number; readonly uptime: Uptime },
): number | null {
  if (farSeconds === null || farUptimeSeconds === null) return null;
  const waitedSeconds = uptime.seconds - farUptimeSeconds;
  // Two quartz clocks drift apart by less than one in a thousand.
  const toleranceSeconds = clockToleranceSeconds + waitedSeconds / 1000;
  return Math.abs(nowSeconds - farSeconds - waitedSeconds) <= toleranceSeconds ? waitedSeconds : null;
}

/** Where that is remembered. */
export class RiseFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Error: TERMINAL_STATE_DAMAGED. */
  async load(): Promise<Rise | null> {
    return await loadState(this.#path, riseFile);
  }

  /** Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
  async save(rise: Rise): Promise<void> {
    await saveState(this.#path, riseFile, { version: stateVersion, ...rise });
  }

  /** Error: FILE_WRITE_FAILED. */
  async remove(): Promise<void> {
    await removeFile(this.#path);
  }
}
