import { createHash } from "node:crypto";
import type { Randomness } from "@sealane/crypto";

/** The same bytes in every run: SHA-256 of the seed and a counter. */
export function seededRandom(seed: string): Randomness {
  let counter = 0;
  return {
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 32) {
        bytes.set(
          createHash("sha256")
            .update(`${seed} ${counter++}`)
            .digest()
            .subarray(0, length - at),
          at,
        );
      }
      return bytes;
    },
  };
}
