import { runSeed } from "../seeded-random.ts";
import type { FuzzEffort } from "./target.ts";

/** How long a target is fuzzed: so many inputs as a test, and for SEALANE_FUZZ_SECONDS where `npm run fuzz` asks for more. */
export function fuzzEffort(runs: number): FuzzEffort {
  const seconds = Number(process.env["SEALANE_FUZZ_SECONDS"] ?? 0);
  if (!(seconds > 0)) return { seed: runSeed, runs };
  return { seed: runSeed, runs: Number.MAX_SAFE_INTEGER, milliseconds: seconds * 1000 };
}
