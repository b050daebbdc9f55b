import type { FfdheKind, KeyKind } from "../../src/index.ts";
import { invert, littleEndian, mod, p, smallOrderPoints } from "./edwards.ts";
import { bigEndian, ffdheKinds, numberIn, primeOf } from "./finite-field.ts";
import { wrongPoints } from "./p256-points.ts";

/** What is no value of the group of this kind of key, and what is one in another encoding or length; made from a valid one. */
export function wrongValues(kind: KeyKind, valid: Uint8Array): readonly Uint8Array[] {
  const lengths = [
    new Uint8Array(0),
    valid.subarray(1),
    valid.subarray(0, -1),
    Uint8Array.from([...valid, 0]),
    Uint8Array.from([0, ...valid]),
  ];
  return [...valuesOfLength(kind, valid), ...lengths];
}

function valuesOfLength(kind: KeyKind, valid: Uint8Array): readonly Uint8Array[] {
  if (kind === "p256") return wrongPoints(valid);
  const field = ffdheKinds.find((candidate) => candidate === kind);
  if (field !== undefined) return wrongNumbers(field, numberIn(valid)).map((number) => bigEndian(number, valid.length));
  const rest = valid.subarray(0, -32); // X-Wing's X25519 half stands last
  return [...degenerateShares(), ...secondEncodings(valid.subarray(-32))].map((point) => Uint8Array.from([...rest, ...point]));
}

/** Every 32-byte string whose X25519 with any scalar is zero: the points of small order on curve and twist, and their second encodings. */
export function degenerateShares(): readonly Uint8Array[] {
  const onCurve = smallOrderPoints().map(({ y }) => (y === 1n ? 0n : mod((1n + y) * invert(1n - y))));
  return [...new Set([...onCurve, 1n, p - 1n])]
    .flatMap((u) => [u, u + p])
    .filter((u) => u < 2n ** 255n)
    .flatMap((u) => [littleEndian(u), littleEndian(u | (1n << 255n))]);
}

/** Second encodings of ordinary coordinates: not reduced, or with the bit set that X25519 ignores. */
function secondEncodings(share: Uint8Array): readonly Uint8Array[] {
  const ignoredBit = Uint8Array.from(share);
  ignoredBit[31] = (ignoredBit[31] ?? 0) | 0x80;
  return [littleEndian(p + 2n), littleEndian(2n ** 255n - 1n), ignoredBit];
}

/**
 * Numbers outside the subgroup of order q: 0, the two of order 1 and 2, those of order 2q (-y for every y of it, for -1 is no square),
 * and what is not below the prime.
 */
export function wrongNumbers(kind: FfdheKind, valid: bigint): readonly bigint[] {
  const prime = primeOf(kind);
  return [0n, 1n, prime - 1n, prime - 2n, prime - 4n, prime - valid, prime, prime + 1n, prime + 2n, prime + 4n];
}
