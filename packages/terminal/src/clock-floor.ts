import { readFileSync } from "node:fs";
import { type Codec, decodeAs, literal, tuple, uint } from "@sealane/wire";
import type { Clock } from "./clock.ts";
import { isMissing, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { stateVersion } from "./labels.ts";
import { clockFloorStepSeconds, clockToleranceSeconds, maxClockFileBytes } from "./limits.ts";

interface Floor {
  readonly version: typeof stateVersion;
  readonly floorSeconds: number;
}

const floorCodec: Codec<Floor> = tuple<Floor>({ version: literal(stateVersion), floorSeconds: uint() });
const floorFile: StateFile<Floor> = { codec: floorCodec, maxBytes: maxClockFileBytes, what: "clock" };

/**
 * The machine's clock, never before the latest time that the server has proved (FCLOCK): a clock that is missing, or is set back,
 * does not bring what has expired back to life. A clock that is ahead is used as it is: it can only refuse.
 */
export class FloorClock implements Clock {
  readonly #clock: Clock;
  readonly #path: string;
  #floorSeconds: number | null = null;

  constructor(clock: Clock, path: string) {
    this.#clock = clock;
    this.#path = path;
  }

  /** Error: TERMINAL_STATE_DAMAGED. */
  nowSeconds(): number {
    return Math.max(this.#clock.nowSeconds(), this.#floor());
  }

  /** Whether the machine's clock is known to be wrong: it says a time that is over. Error: TERMINAL_STATE_DAMAGED. */
  get isBehind(): boolean {
    return this.#clock.nowSeconds() < this.#floor();
  }

  elapsedMilliseconds(): number {
    return this.#clock.elapsedMilliseconds();
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(milliseconds, signal);
  }

  /**
   * Takes a time that the server said on an established link, raises the floor to it, and tells by how many seconds the machine's clock
   * is behind (positive) or ahead (negative); 0 within the tolerance.
   * Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
   */
  async learn(provenSeconds: number): Promise<number> {
    const behindSeconds = provenSeconds - this.#clock.nowSeconds();
    const isBehind = behindSeconds > clockToleranceSeconds;
    // The floor matters where the clock fails; while it runs, once an hour is enough.
    if (provenSeconds > this.#floor() + (isBehind ? 0 : clockFloorStepSeconds)) await this.restart(provenSeconds);
    return Math.abs(behindSeconds) > clockToleranceSeconds ? behindSeconds : 0;
  }

  /** Puts the floor where an enrolment says, lower than it was or not. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
  async restart(floorSeconds: number): Promise<void> {
    await saveState(this.#path, floorFile, { version: stateVersion, floorSeconds });
    this.#floorSeconds = floorSeconds;
  }

  /** Read once, at the first question for the time. */
  #floor(): number {
    this.#floorSeconds ??= readFloor(this.#path);
    return this.#floorSeconds;
  }
}

function readFloor(path: string): number {
  try {
    return decodeAs(floorCodec, readFileSync(path), { maxBytes: maxClockFileBytes, what: "clock" }).floorSeconds;
  } catch (cause) {
    if (isMissing(cause)) return 0;
    throw terminalErrors.error("TERMINAL_STATE_DAMAGED", { file: path }, cause);
  }
}
