import { readFileSync } from "node:fs";
import { decodeAs, literal, permissionDenied, tuple, uint } from "@sealane/wire";
import type { Clock, Uptime } from "./clock.ts";
import { judgeRise, RiseFile } from "./clock-rise.ts";
import { isMissing, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { stateVersion } from "./labels.ts";
import { clockFloorStepSeconds, clockToleranceSeconds, maxClockFileBytes } from "./limits.ts";

interface Floor {
  readonly version: typeof stateVersion;
  readonly floorSeconds: number;
}

const floorFile: StateFile<Floor> = {
  codec: tuple<Floor>({ version: literal(stateVersion), floorSeconds: uint() }),
  maxBytes: maxClockFileBytes,
  what: "clock",
};

/** A time as it was said on a link, and until when that link's key may be used: no certificate that proves the time ends before. */
export interface ProvenTime {
  readonly nowSeconds: number;
  readonly endsAtSeconds: number;
}

/**
 * The machine's clock, never before the latest time that the server has proved (FCLOCK): a clock that is missing, or is set back,
 * does not bring what has expired back to life. A clock that is ahead is used as it is: it can only refuse. How far the floor may
 * rise at once, {@link judgeRise} decides.
 */
export class FloorClock implements Clock {
  readonly #clock: Clock;
  readonly #path: string;
  readonly #rise: RiseFile;
  #floorSeconds: number | null = null;

  constructor(clock: Clock, paths: { readonly floor: string; readonly rise: string }) {
    this.#clock = clock;
    this.#path = paths.floor;
    this.#rise = new RiseFile(paths.rise);
  }

  /** Error: TERMINAL_STATE_DAMAGED. */
  nowSeconds(): number {
    return Math.max(this.machineSeconds(), this.floorSeconds());
  }

  /** What the machine's own clock says, right or wrong. */
  machineSeconds(): number {
    return this.#clock.nowSeconds();
  }

  /** The latest time that the server has proved; only what was over by then is removed. Read once. Error: TERMINAL_STATE_DAMAGED. */
  floorSeconds(): number {
    this.#floorSeconds ??= readFloor(this.#path);
    return this.#floorSeconds;
  }

  /** Whether the machine's clock is known to be wrong: it says a time that is over. Error: TERMINAL_STATE_DAMAGED. */
  get isBehind(): boolean {
    return this.machineSeconds() < this.floorSeconds();
  }

  elapsedMilliseconds(): number {
    return this.#clock.elapsedMilliseconds();
  }

  uptime(): Uptime {
    return this.#clock.uptime();
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(milliseconds, signal);
  }

  /**
   * Takes a time that the server said on an established link, raises the floor to it, and tells by how many seconds the machine's clock
   * is behind (positive) or ahead (negative); 0 within the tolerance. A time at which the link itself is over contradicts itself and
   * raises nothing; a far one waits until it was said twice. The floor is read anew, because another command may have moved it: for the
   * holder of the lock on downloads.
   * Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED, TERMINAL_STATE_DAMAGED.
   */
  async learn({ nowSeconds, endsAtSeconds }: ProvenTime): Promise<number> {
    const behindSeconds = nowSeconds - this.machineSeconds();
    this.#floorSeconds = readFloor(this.#path);
    const floorSeconds = this.#floorSeconds;
    // The floor matters where the clock fails; while it runs, once an hour is enough.
    const stepSeconds = behindSeconds > clockToleranceSeconds ? 0 : clockFloorStepSeconds;
    if (nowSeconds > floorSeconds + stepSeconds && nowSeconds <= endsAtSeconds) {
      const { isAllowed, rise } = judgeRise(await this.#rise.load(), { nowSeconds, floorSeconds, uptime: this.uptime() });
      // Written first: a process that is killed between the two has raised nothing.
      await this.#rise.save(rise);
      if (isAllowed) await this.#save(nowSeconds);
    }
    return Math.abs(behindSeconds) > clockToleranceSeconds ? behindSeconds : 0;
  }

  /** Puts the floor where an enrolment or an order says, lower than it was or not. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
  async restart(floorSeconds: number): Promise<void> {
    await this.#rise.remove();
    await this.#save(floorSeconds);
  }

  /** The same machine's clock over another floor, which stays where it is whatever a server says. */
  over(floorSeconds: number): FloorClock {
    return new FixedFloorClock(this.#clock, floorSeconds);
  }

  async #save(floorSeconds: number): Promise<void> {
    await saveState(this.#path, floorFile, { version: stateVersion, floorSeconds });
    this.#floorSeconds = floorSeconds;
  }
}

/** What is judged by this clock teaches it nothing. */
class FixedFloorClock extends FloorClock {
  readonly #fixedSeconds: number;

  constructor(clock: Clock, fixedSeconds: number) {
    super(clock, { floor: "", rise: "" });
    this.#fixedSeconds = fixedSeconds;
  }

  override floorSeconds(): number {
    return this.#fixedSeconds;
  }

  override async learn(): Promise<number> {
    return 0;
  }
}

function readFloor(path: string): number {
  try {
    return decodeAs(floorFile.codec, readFileSync(path), { maxBytes: maxClockFileBytes, what: "clock" }).floorSeconds;
  } catch (cause) {
    if (isMissing(cause)) return 0;
    throw permissionDenied(cause, path) ?? terminalErrors.error("TERMINAL_STATE_DAMAGED", { file: path }, cause);
  }
}
