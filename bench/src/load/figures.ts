/** What the load benchmark makes of many measured values. */

/** A line of the report: named numbers of one unit. */
export interface LoadRow {
  readonly what: string;
  readonly unit: string;
  readonly values: Readonly<Record<string, number>>;
}

/** Nearest-rank percentiles, and the largest value. */
export type Percentiles = Readonly<Record<"p50" | "p95" | "p99" | "max", number>>;

export function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) };
}

export type Spread = Readonly<Record<"mean" | "min" | "max", number>>;

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, min: Math.min(...values), max: Math.max(...values) };
}

/** A value at a time, in seconds. */
export type Sample = readonly [seconds: number, value: number];

/** Slope of the least-squares line through the samples, per second. */
export function slopeOf(samples: readonly Sample[]): number {
  const [time, value] = [0, 1].map((i) => samples.reduce((sum, sample) => sum + (sample[i] ?? 0), 0) / samples.length);
  let [above, below] = [0, 0];
  for (const [x, y] of samples) {
    above += (x - (time ?? 0)) * (y - (value ?? 0));
    below += (x - (time ?? 0)) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

export function mebibytes(bytes: number): number {
  return bytes / 1024 ** 2;
}

/** What went wrong, by what was said, and how often. */
export class Failures {
  readonly counts: Record<string, number> = {};

  add(error: unknown): void {
    const said = error instanceof Error ? error.message : String(error);
    this.counts[said] = (this.counts[said] ?? 0) + 1;
  }
}
