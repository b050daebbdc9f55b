import { hkdfExpand, type Randomness, sha256 } from "@sealane/crypto";

/** Random bytes that a seed determines, for tests only. */
export function seededRandom(seed: string): Randomness {
  const key = sha256(new TextEncoder().encode(seed));
  let draw = 0;
  return {
    bytes(length) {
      draw++;
      return hkdfExpand(key, new TextEncoder().encode(`draw ${draw}`), length);
    },
  };
}

/** The seed of this run, printed so that a failure can be repeated with SEALANE_TEST_SEED. */
export const runSeed: number = Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() % 2_147_483_647);
