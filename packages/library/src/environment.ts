import { type Randomness, systemRandom } from "@sealane/crypto";

/** Tells the time. */
export interface Clock {
  /** Whole seconds since 1970. */
  nowSeconds(): number;
}

/** What this library takes from the machine that it runs on; nothing in it asks for time or random bytes in another way. */
export interface Environment {
  readonly clock: Clock;
  readonly random: Randomness;
}

/** The operating system's clock and random generator. */
export const systemEnvironment: Environment = {
  clock: { nowSeconds: () => Math.floor(Date.now() / 1000) },
  random: systemRandom,
};
