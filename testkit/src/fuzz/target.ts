import { SealaneError } from "@sealane/wire";
import fc from "fast-check";
import { mutated } from "./mutation.ts";

/** One way in for bytes of strangers, with real messages that go through it. */
export interface FuzzTarget {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** How many inputs are enough as a test, where its keys are slow. */
  readonly runs?: number;
  /** Gives the bytes to the product. A refusal must be a SealaneError; what must not be accepted throws {@link FuzzFinding}. */
  readonly feed: (input: Uint8Array) => Promise<void> | void;
}

/** What a target says when changed bytes were accepted that must not be. */
export class FuzzFinding extends Error {}

/** Tells that bytes were accepted which are not those that were sealed, signed or confirmed. */
export function mustRefuse(): never {
  throw new FuzzFinding("changed bytes were accepted");
}

/** For a decoder without a key: what it accepts, it must encode to the same bytes. */
export function mustEncodeTo(actual: Uint8Array, input: Uint8Array): void {
  if (Buffer.compare(actual, input) !== 0) throw new FuzzFinding("a second encoding of the same value was accepted");
}

export interface FuzzEffort {
  readonly seed: number;
  /** Ends after so many inputs, or so many milliseconds, whichever is first. */
  readonly runs: number;
  readonly milliseconds?: number;
}

export interface FuzzResult {
  readonly name: string;
  readonly runs: number;
  readonly codes: ReadonlyMap<string, number>;
  readonly slowestMilliseconds: number;
}

/**
 * Feeds mutated messages to a target. Fails, with the seed and the shortest input that shows it, on anything but a refusal by one
 * of our errors that blames whoever sent the bytes.
 */
export async function fuzz(target: FuzzTarget, effort: FuzzEffort): Promise<FuzzResult> {
  const codes = new Map<string, number>();
  let slowestMilliseconds = 0;
  let runs = 0;
  const property = fc.asyncProperty(mutated(target.corpus), async (input) => {
    const began = performance.now();
    const code = await judge(target, input);
    slowestMilliseconds = Math.max(slowestMilliseconds, performance.now() - began);
    runs++;
    codes.set(code, (codes.get(code) ?? 0) + 1);
  });
  const { seed, milliseconds } = effort;
  const limit = milliseconds === undefined ? {} : { interruptAfterTimeLimit: milliseconds, markInterruptAsFailure: false };
  await fc.assert(property, { seed, numRuns: effort.runs, ...limit });
  return { name: target.name, runs, codes, slowestMilliseconds };
}

/** The code of the refusal, "accepted", or what is a finding. */
async function judge(target: FuzzTarget, input: Uint8Array): Promise<string> {
  try {
    await target.feed(input);
    return "accepted";
  } catch (error) {
    if (error instanceof SealaneError && error.entry.blame !== "internal") return error.code;
    throw new FuzzFinding(`${target.name}: ${describe(error)}; input ${Buffer.from(input).toString("hex")}`, { cause: error });
  }
}

function describe(error: unknown): string {
  if (error instanceof SealaneError) return `${error.code} blames ourselves`;
  return error instanceof Error ? `${error.name}: ${error.message}` : "something that is no error was thrown";
}
