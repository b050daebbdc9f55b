import type { Randomness } from "@sealane/crypto";

/** Bytes that are not the ones that were sent, for tests that give them to whoever waits for those. */

/** A copy with one bit flipped. */
function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

/** Flipped bits in steps: 1 is every bit; 9 is one of each byte, all eight places in turn. */
export function* flips(bytes: Uint8Array, step: number): Generator<{ readonly bit: number; readonly changed: Uint8Array }> {
  for (let bit = 0; bit < bytes.length * 8; bit += step) yield { bit, changed: flipped(bytes, bit) };
}

/** One flipped bit, chosen at random, in each byte, or in so many bytes, chosen at random too. */
export function* randomFlips(
  bytes: Uint8Array,
  random: Randomness,
  most: number,
): Generator<{ readonly bit: number; readonly changed: Uint8Array }> {
  for (const at of chosenPlaces(bytes.length, random, most)) {
    const bit = at * 8 + ((random.bytes(1)[0] ?? 0) & 7);
    yield { bit, changed: flipped(bytes, bit) };
  }
}

/** The numbers below a length, or so many of them, chosen at random. */
export function chosenPlaces(length: number, random: Randomness, most: number): readonly number[] {
  if (length <= most) return Array.from({ length }, (_, at) => at);
  const draws = new DataView(Uint8Array.from(random.bytes(4 * most)).buffer);
  return [...new Set(Array.from({ length: most }, (_, draw) => draws.getUint32(4 * draw) % length))];
}

/**
 * Second encodings of the same CBOR item, which a lenient decoder takes for the same value: one head after the other with its argument
 * in more bytes than it needs, and each array and byte string of indefinite length.
 */
export function secondEncodings(bytes: Uint8Array): readonly Uint8Array[] {
  return headsOf(bytes).flatMap(({ at, major, info, argumentBytes, end }) => {
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at + 1 + argumentBytes)];
    const longer: Uint8Array[] = [];
    if (info < 24) longer.push(joined(before, Uint8Array.of((major << 5) | 24, info), behind));
    else if (info < 27) {
      const argument = bytes.subarray(at + 1, at + 1 + argumentBytes);
      longer.push(joined(before, Uint8Array.of((major << 5) | (info + 1)), new Uint8Array(argumentBytes), argument, behind));
    }
    const isEmpty = info === 0;
    if (major === 2 && !isEmpty) {
      const chunk = bytes.subarray(at, end);
      longer.push(joined(before, Uint8Array.of(0x5f), chunk, Uint8Array.of(0xff), bytes.subarray(end)));
    }
    if (major === 4) {
      const items = bytes.subarray(at + 1 + argumentBytes, end);
      longer.push(joined(before, Uint8Array.of(0x9f), items, Uint8Array.of(0xff), bytes.subarray(end)));
    }
    return longer;
  });
}

interface Head {
  readonly at: number;
  readonly major: number;
  readonly info: number;
  readonly argumentBytes: number;
  /** Behind the whole item. */
  readonly end: number;
}

/** The heads of an item and of all items within, for well-formed bytes without floats and indefinite lengths. */
function headsOf(bytes: Uint8Array): readonly Head[] {
  const heads: Head[] = [];
  readItem(bytes, 0, heads);
  return heads;
}

function readItem(bytes: Uint8Array, at: number, heads: Head[]): number {
  const first = bytes[at] ?? 0;
  const [major, info] = [first >> 5, first & 31];
  const argumentBytes = info < 24 ? 0 : 2 ** (info - 24);
  let argument = info < 24 ? info : 0;
  for (let i = 0; i < argumentBytes; i++) argument = argument * 256 + (bytes[at + 1 + i] ?? 0);
  const place = heads.length;
  let end = at + 1 + argumentBytes;
  if (major === 2 || major === 3) end += argument;
  const children = major === 4 ? argument : major === 5 ? 2 * argument : major === 6 ? 1 : 0;
  for (let i = 0; i < children; i++) end = readItem(bytes, end, heads);
  if (major !== 7) heads.splice(place, 0, { at, major, info, argumentBytes, end });
  return end;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
