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
}

/** Runs each contestant in turn, round by round, so that a drift of the machine meets all of them alike. */
export async function interleave(
  contestants: Readonly<Record<string, Work>>,
  plan: { readonly rounds: number; readonly secondsEach: number },
): Promise<Readonly<Record<string, Rate>>> {
  const rates = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  for (const work of Object.values(contestants)) await repeat(work, plan.secondsEach); // warm-up
  for (let round = 0; round < plan.rounds; round++) {
    for (const [name, work] of Object.entries(contestants)) {
      const { operations, seconds } = await repeat(work, plan.secondsEach);
      rates.get(name)?.push(operations / seconds);
    }
  }
  return Object.fromEntries([...rates].map(([name, values]) => [name, rateOf(values)]));
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

function rateOf(values: readonly number[]): Rate {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? 0;
  return { median: at(Math.floor(sorted.length / 2)), min: at(0), max: at(sorted.length - 1) };
}
