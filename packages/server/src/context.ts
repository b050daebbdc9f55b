import type { Randomness } from "@sealane/crypto";
import type { Metrics } from "./http/metrics.ts";
import type { ServerLimits } from "./limits.ts";

/** What every role is given: time, randomness and bounds. */
export interface ServerContext {
  /** The clock in whole seconds. */
  readonly now: () => number;
  readonly random: Randomness;
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
}
