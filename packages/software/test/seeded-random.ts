import { createHash } from "node:crypto";
import type { Randomness } from "@sealane/crypto";

/** The same bytes for the same seed: SHA-256 of "SEED/0", "SEED/1" and so on, one behind the other. */
export function seededRandom(seed: string): Randomness {
  let block = 0;
  return {
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 32) {
        const next = createHash("sha256").update(`${seed}/${block++}`).digest();
        bytes.set(next.subarray(0, length - at), at);
      }
      return bytes;
    },
  };
}

/** Bytes without a pattern that a segment size could hide in. */
export function patternBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
