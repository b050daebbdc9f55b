import { randomFillSync } from "node:crypto";

/** Where random bytes come from; tests pass a seeded one. */
export interface Randomness {
  bytes(length: number): Uint8Array;
}

/** The operating system's generator. */
export const systemRandom: Randomness = { bytes: (length) => randomFillSync(new Uint8Array(length)) };
