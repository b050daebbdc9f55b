import { concatBytes } from "@sealane/wire";
import fc from "fast-check";
import { mutateValue } from "./value-mutation.ts";

/**
 * Bytes that were a real message before they were changed: mostly in one place, so that what is judged late is reached too, and
 * sometimes in up to four. Bits and bytes, runs removed, doubled, moved in from another message, forged lengths, and, where the
 * message is CBOR, its values exchanged and encoded anew.
 */
export function mutated(corpus: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  if (corpus.length === 0) throw new Error("There is nothing to mutate.");
  const changes = fc.oneof(
    { weight: 3, arbitrary: byteChange(corpus).map((change) => [change]) },
    { weight: 4, arbitrary: fc.array(valueChange(corpus), { minLength: 1, maxLength: 2 }) },
    { weight: 1, arbitrary: fc.array(fc.oneof(byteChange(corpus), valueChange(corpus)), { minLength: 2, maxLength: 4 }) },
  );
  return fc
    .tuple(fc.noBias(fc.nat(corpus.length - 1)), changes)
    .map(([base, steps]) => steps.reduce((bytes, change) => change(bytes), corpus[base] ?? new Uint8Array()))
    .filter((bytes) => !corpus.some((each) => Buffer.compare(each, bytes) === 0));
}

type Change = (bytes: Uint8Array) => Uint8Array;

/** Bytes at which decoders branch: CBOR heads with lengths of all sizes, DER tags and long lengths, the ends of the range. */
const telling = [0x00, 0x17, 0x18, 0x1b, 0x1f, 0x30, 0x3b, 0x5b, 0x5f, 0x7f, 0x80, 0x84, 0x9b, 0x9f, 0xbb, 0xbf, 0xdb, 0xf7, 0xfb, 0xff];

/** From 0 up to 1, each place as likely as another. */
const place: fc.Arbitrary<number> = fc.noBias(fc.nat(0xffff_ffff)).map((at) => at / 2 ** 32);

function oneOfThe(corpus: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc.nat(corpus.length - 1).map((at) => corpus[at] ?? new Uint8Array());
}

function valueChange(corpus: readonly Uint8Array[]): fc.Arbitrary<Change> {
  return fc.tuple(place, oneOfThe(corpus), fc.noBias(fc.nat(0xffff))).map(([at, source, choice]) => mutateValue({ at, source, choice }));
}

function byteChange(corpus: readonly Uint8Array[]): fc.Arbitrary<Change> {
  const run = fc.tuple(place, fc.nat(64));
  return fc.oneof(
    fc.tuple(place, fc.nat(7)).map(([at, bit]) => setByte(at, (byte) => byte ^ (1 << bit))),
    fc.tuple(place, fc.constantFrom(...telling)).map(([at, value]) => setByte(at, () => value)),
    place.map((at) => cut((length) => [0, index(at, length)])),
    place.map((at) => cut((length) => [index(at, length), length])),
    run.map(([at, length]) => splice({ at, remove: length, insert: new Uint8Array() })),
    fc.tuple(place, fc.uint8Array({ maxLength: 16 })).map(([at, insert]) => splice({ at, remove: 0, insert })),
    fc
      .tuple(place, place, oneOfThe(corpus))
      .map(([at, from, source]) => splice({ at, remove: 16, insert: source.subarray(index(from, source.length)) })),
    run.map(([at, length]) => doubled(at, length)),
  );
}

function index(place: number, length: number): number {
  return Math.floor(place * length);
}

function setByte(place: number, change: (byte: number) => number): Change {
  return (bytes) => {
    const copy = Uint8Array.from(bytes);
    const at = index(place, copy.length);
    if (at < copy.length) copy[at] = change(copy[at] ?? 0) & 0xff;
    return copy;
  };
}

function cut(range: (length: number) => readonly [number, number]): Change {
  return (bytes) => bytes.slice(...range(bytes.length));
}

function splice(given: { readonly at: number; readonly remove: number; readonly insert: Uint8Array }): Change {
  return (bytes) => {
    const at = index(given.at, bytes.length);
    return concatBytes(bytes.subarray(0, at), given.insert, bytes.subarray(at + given.remove));
  };
}

function doubled(place: number, length: number): Change {
  return (bytes) => {
    const at = index(place, bytes.length);
    return concatBytes(bytes.subarray(0, at + length), bytes.subarray(at));
  };
}
