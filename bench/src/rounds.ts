import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What one contestant did in one round. */
interface Sample {
  readonly operations: number;
  readonly seconds: number;
}

/** Something to measure: does its work once. */
export type Work = () => Promise<void> | void;

/** Operations a second over the rounds. */
export interface Rate {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Of each round. */
  readonly rounds: readonly number[];
}

/**
 * How many times as fast one contestant was as another: the median over the rounds, in each of which both ran shortly one after the
 * other, so that a machine that is slow for a while does not decide it.
 */
export function ratioOf(ours: Rate, theirs: Rate): number {
  return rateOf(ours.rounds.map((rate, round) => rate / (theirs.rounds[round] ?? Number.NaN))).median;
}

export interface Plan {
  readonly rounds: number;
  readonly secondsEach: number;
  /** Done before each turn and not measured: what one contestant left to the system is not the next one's to pay. */
  readonly before?: (work: Work) => Promise<void> | void;
}

/**
 * Runs each contestant in turn, round by round, so that a drift of the machine meets all of them alike; each round begins with
 * another one.
 */
export async function interleave(contestants: Readonly<Record<string, Work>>, plan: Plan): Promise<Readonly<Record<string, Rate>>> {
  const entries = Object.entries(contestants);
  const rates = new Map<string, number[]>(entries.map(([name]) => [name, []]));
  for (const [, work] of entries) await repeat(work, plan.secondsEach); // warm-up
  for (let round = 0; round < plan.rounds; round++) {
    const shift = round % entries.length;
    for (const [name, work] of [...entries.slice(shift), ...entries.slice(0, shift)]) {
      await plan.before?.(work);
      const { operations, seconds } = await repeat(work, plan.secondsEach);
      rates.get(name)?.push(operations / seconds);
    }
  }
  return Object.fromEntries([...rates].map(([name, values]) => [name, rateOf(values)]));
}

const warmUpSeconds = 0.25;

/**
 * Collects garbage, which the next one's turn would have to remove, and lets the contestant fill again what the collection emptied: for
 * contestants that leave much garbage.
 */
export async function settle(work: Work): Promise<void> {
  collectGarbage();
  await repeat(work, warmUpSeconds);
}

export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

async function repeat(work: Work, seconds: number): Promise<Sample> {
  const began = performance.now();
  let operations = 0;
  do {
    await work();
    operations++;
  } while (performance.now() - began < seconds * 1000);
  return { operations, seconds: (performance.now() - began) / 1000 };
}

/** What was measured in each round, of whatever unit. */
export function rateOf(values: readonly number[]): Rate {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? 0;
  return { median: at(Math.floor(sorted.length / 2)), min: at(0), max: at(sorted.length - 1), rounds: values };
}
