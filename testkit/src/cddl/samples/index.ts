import { watchCryptography } from "./cryptography.ts";
import { deliverySamples } from "./delivery.ts";
import { linkSamples } from "./links.ts";
import { type Sample, Samples } from "./sample.ts";
import { softwareSamples } from "./software.ts";

export type { Sample } from "./sample.ts";

/** Messages of every kind that the code makes, each once, and all that it gives to its cryptography while it makes and reads them. */
export async function realMessages(): Promise<readonly Sample[]> {
  const samples = new Samples();
  using _watching = watchCryptography(samples);
  await linkSamples(samples);
  await softwareSamples(samples);
  await deliverySamples(samples);
  return samples.all;
}
