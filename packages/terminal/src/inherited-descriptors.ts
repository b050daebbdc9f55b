import type { StdioOptions } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";

/** Bit of a descriptor that no program inherits (open(2), in octal in /proc/PID/fdinfo). */
const closeOnExec = 0o2000000;

/**
 * The descriptors of a program that is started: standard input, output and errors, further ones of ours behind them, and nothing
 * else. What whoever started this process left open is an empty device there: it may be a secret's file.
 */
export class GivenDescriptors implements Disposable {
  readonly stdio: StdioOptions;
  readonly #empty: number | null;

  constructor(first: StdioOptions, further: readonly number[] = []) {
    const standard = typeof first === "string" ? [first, first, first] : [0, 1, 2].map((at) => first[at] ?? "pipe");
    const given = [...standard, ...further];
    const stray = strayDescriptors().filter((descriptor) => descriptor >= given.length);
    this.#empty = stray.length === 0 ? null : openSync("/dev/null", "r+");
    const last = Math.max(-1, ...stray);
    const rest = Array.from({ length: Math.max(0, last + 1 - given.length) }, (_, at) =>
      stray.includes(at + given.length) ? this.#empty : ("ignore" as const),
    );
    this.stdio = [...given, ...rest];
  }

  /** To be called once the program has been started. */
  [Symbol.dispose](): void {
    if (this.#empty !== null) closeSync(this.#empty);
  }
}

/** Descriptors of this process that programs inherit although nobody gives them; where the system shows them. */
function strayDescriptors(): readonly number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fdinfo")
    .map(Number)
    .filter((descriptor) => descriptor > 2 && (flagsOf(descriptor) & closeOnExec) === 0);
}

/** Those of a descriptor that was closed meanwhile count as close-on-exec. */
function flagsOf(descriptor: number): number {
  try {
    const text = readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1");
    return Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(text)?.[1] ?? "0", 8);
  } catch {
    return closeOnExec;
  }
}
