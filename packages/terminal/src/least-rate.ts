import { terminalErrors } from "./errors.ts";
import { leastRate, maxLeastBytesPerSecond } from "./limits.ts";

/** What a body has to bring in each stretch of so many seconds; whoever is slower counts as lost, and the request is made again later. */
export interface LeastRate {
  readonly bytesPerSecond: number;
  readonly seconds: number;
}

const variable = "SEALANE_LEAST_RATE";

/**
 * The least rate of the bodies that a terminal reads: SEALANE_LEAST_RATE, in bytes a second, over two minutes; null for 0, which switches
 * it off; the default where the variable is missing or empty. Error: TERMINAL_LEAST_RATE_WRONG.
 */
export function leastRateIn(environment: Readonly<Record<string, string | undefined>>): LeastRate | null {
  const written = environment[variable] ?? "";
  if (written === "") return leastRate;
  const bytesPerSecond = /^\d{1,10}$/.test(written) ? Number(written) : Number.POSITIVE_INFINITY;
  if (bytesPerSecond > maxLeastBytesPerSecond) {
    throw terminalErrors.error("TERMINAL_LEAST_RATE_WRONG", { variable, max: maxLeastBytesPerSecond });
  }
  return bytesPerSecond === 0 ? null : { ...leastRate, bytesPerSecond };
}
