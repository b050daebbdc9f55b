import { type Agreement, PublicKey, Secret, type Suite, suites, systemRandom } from "@sealane/crypto";

/** Values that no honest party sends for g^x or g^y. */

/** u-coordinates of small order on the curve of X25519 and its twist, and second encodings of coordinates (RFC 7748, section 6.1). */
const coordinates: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/** The same with the bit set that X25519 ignores; and 9, the base point, whose second encoding that makes. */
const withIgnoredBit = [...coordinates, `09${"00".repeat(31)}`].map(
  (hex) => `${hex.slice(0, 62)}${toHex(parseInt(hex.slice(62), 16) | 0x80)}`,
);

const points: readonly Uint8Array[] = [...coordinates, ...withIgnoredBit].map((hex) => Uint8Array.fromHex(hex));

/** Degenerate g^y for the owner of g^x: `valid` is one that was made honestly. */
export function degenerateValues(valid: Uint8Array): readonly Uint8Array[] {
  if (valid.length === p256Bytes) return [...lengths(valid), ...offCurve(valid)];
  const modulus = moduli.get(valid.length);
  if (modulus !== undefined) return [...lengths(valid), ...outsideSubgroup(valid, modulus)];
  return [...lengths(valid), ...points.map((point) => withPoint(valid, point))];
}

const p256Bytes = 65;

/** What is no uncompressed point of P-256: the same point in other forms (SEC 1, section 2.3.3), infinity, and points of other curves. */
function offCurve(valid: Uint8Array): readonly Uint8Array[] {
  const parity = (valid.at(-1) ?? 0) & 1;
  const x = valid.subarray(1, 33);
  const form = (first: number): Uint8Array => valid.with(0, first);
  const compressed = (first: number): Uint8Array => Uint8Array.of(first, ...x);
  const changed = (at: number): Uint8Array => valid.with(at, (valid[at] ?? 0) ^ 1);
  return [
    Uint8Array.of(0),
    compressed(2 + parity),
    compressed(3 - parity),
    form(6 + parity),
    form(7 - parity),
    form(0),
    changed(32),
    changed(64),
    Uint8Array.from(valid, (byte, at) => (at > 0 && at < 33 ? 0xff : byte)), // x is not below the prime of the field
  ];
}

/** p by the bytes of the groups' values. */
const moduli: ReadonlyMap<number, bigint> = new Map(
  suites.flatMap(({ agreement }) => (agreement.keyKind.startsWith("ffdhe") ? [[agreement.publicBytes, modulusOf(agreement)]] : [])),
);

/** The INTEGER p, which stands in every SPKI of the group. */
function modulusOf({ keyKind, publicBytes, generate }: Agreement): bigint {
  const { spki } = PublicKey.fromRaw(keyKind, generate(systemRandom).publicValue);
  const length = publicBytes + 1;
  const head = Buffer.of(0x02, 0x82, length >> 8, length & 0xff, 0);
  const at = Buffer.from(spki).indexOf(head) + head.length;
  return BigInt(`0x${spki.subarray(at, at + publicBytes).toHex()}`);
}

/**
 * Numbers that are no value of a finite-field group: 0, 1, p - 1, p, p + 1, the largest, and a non-residue: as p is 3 modulo 4, -y is
 * one for each y of the subgroup.
 */
function outsideSubgroup(valid: Uint8Array, p: bigint): readonly Uint8Array[] {
  const y = BigInt(`0x${valid.toHex()}`);
  const largest = (1n << BigInt(8 * valid.length)) - 1n;
  return [0n, 1n, p - 1n, p, p + 1n, p - y, largest].map((value) => Uint8Array.fromHex(value.toString(16).padStart(2 * valid.length, "0")));
}

/** Degenerate g^x. An X-Wing key whose ML-KEM half has a coefficient of 3,329 or more is another encoding of a key (FIPS 203, section 7.2). */
export function degeneratePublicValues(suite: Suite, valid: Uint8Array): readonly Uint8Array[] {
  const values = degenerateValues(valid);
  if (suite.agreement.keyKind !== "x-wing") return values;
  return [...values, Uint8Array.from(valid, (byte, at) => (at < 2 ? 0xff : byte))];
}

/** The suite of a party that sends `value` in place of g^y, and holds whatever secret it likes. */
export function respondingWith(suite: Suite, value: Uint8Array): Suite {
  return withAgreement(suite, { respond: () => ({ value, shared: Secret.take("agreed secret", new Uint8Array(32)) }) });
}

/** The suite of a party that sends `publicValue` in place of g^x. */
export function generating(suite: Suite, publicValue: Uint8Array): Suite {
  return withAgreement(suite, { generate: (random) => ({ publicValue, seed: suite.agreement.generate(random).seed }) });
}

function withAgreement(suite: Suite, change: Partial<Agreement>): Suite {
  return { ...suite, agreement: { ...suite.agreement, ...change } };
}

function lengths(valid: Uint8Array): readonly Uint8Array[] {
  return [valid.subarray(1), valid.subarray(0, -1), Uint8Array.from([...valid, 0]), Uint8Array.of(1), new Uint8Array(valid.length)];
}

/** The X25519 half stands last in X-Wing's values. */
function withPoint(valid: Uint8Array, point: Uint8Array): Uint8Array {
  const value = Uint8Array.from(valid);
  value.set(point, valid.length - point.length);
  return value;
}

function toHex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
