import { randomFillSync } from "node:crypto";

/** Where random bytes come from; tests pass a seeded one. */
export interface Randomness {
  bytes(length: number): Uint8Array;
}

/** Bytes that are drawn at a time: a call of the generator costs as much for all of them as for a nonce. */
const drawnBytes = 1024;
const drawn = new Uint8Array(drawnBytes);
let unused = 0;

/** OpenSSL's generator. Small requests are served from bytes drawn ahead; each is given out once and wiped here. */
export const systemRandom: Randomness = {
  bytes(length) {
    if (length > drawnBytes / 8) return randomFillSync(new Uint8Array(length));
    if (unused < length) {
      randomFillSync(drawn);
      unused = drawnBytes;
    }
    const given = drawn.slice(unused - length, unused);
    drawn.fill(0, unused - length, unused);
    unused -= length;
    return given;
  },
};
