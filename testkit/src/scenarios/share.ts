import { runSeed } from "../seeded-random.ts";

/** Which of many cases a run takes: all, or of a quick run every nth, begun at a place that the seed chooses, so that runs take all in turn. */
export function shareOf<T>(items: readonly T[], every: number, seed: number = runSeed): readonly T[] {
  return items.filter((_, index) => index % every === seed % every);
}
