import { HttpClient, type LeastRate, leastRate } from "@sealane/http";
import { terminalErrors } from "./errors.ts";
import { maxLeastBytesPerSecond } from "./limits.ts";
import type { Terminal } from "./terminal.ts";

/** The HTTP client of one command: with the terminal's proxies and its least rate. Error: TERMINAL_LEAST_RATE_WRONG. */
export function openHttp({ environment }: Pick<Terminal, "environment">): HttpClient {
  return new HttpClient({ environment, leastRate: leastRateIn(environment) });
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
