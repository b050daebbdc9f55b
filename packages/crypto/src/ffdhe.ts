import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { concatBytes, equalBytes } from "@sealane/wire";
import type { DhGroup, DhKeyPair } from "./dh-group.ts";
import { cryptoErrors } from "./errors.ts";
import { dhAlgorithm, dhPkcs8Prefix, dhSpki, isOfAlgorithm, yOf } from "./ffdhe-der.ts";
import { asBuffer, importKey } from "./import-key.ts";
import { withExpandedSeed } from "./labeled-hkdf.ts";
import type { NativeKeyKind } from "./native-keys/native-key-type.ts";
import { jacobi, rfc7919Prime } from "./safe-prime.ts";

/** Diffie-Hellman in the finite fields of RFC 7919, where g = 2 generates the subgroup of order q = (p - 1) / 2. */
export type FfdheKind = Extract<NativeKeyKind, `ffdhe${string}`>;

/** A finite-field group: a value is y as big-endian number of the modulus' length. */
export interface FfdheGroup extends DhGroup {
  readonly keyKind: FfdheKind;
  /** p. */
  readonly modulus: Uint8Array;
  /** Whether a key of `node:crypto` has exactly p and g and no length of its exponents, of which OpenSSL would keep any. */
  has(object: KeyObject): boolean;
  /** y of a key that the group has. Error: CRYPTO_PUBLIC_KEY_WRONG for one outside the subgroup. */
  valueOf(publicKey: KeyObject): Uint8Array;
}

/**
 * Bytes of an exponent that follows from a seed: more than twice the strength of the largest group, by RFC 7919, appendix A.3 (325
 * bits), and by NIST SP 800-57, part 1, section 5.6.1. The seed has 256 bits, twice the strength of every one.
 */
const exponentBytes = 48;
const empty = new Uint8Array(0);

/** The lengths in bits, X of RFC 7919, appendix A, and our KEM numbers. */
const groups: Readonly<Record<FfdheKind, FfdheGroup>> = {
  ffdhe2048: makeGroup("ffdhe2048", { bits: 2048, x: 560_316n, kemId: 0xfff1 }),
  ffdhe3072: makeGroup("ffdhe3072", { bits: 3072, x: 2_625_351n, kemId: 0xfff2 }),
  ffdhe4096: makeGroup("ffdhe4096", { bits: 4096, x: 5_736_041n, kemId: 0xfff3 }),
};

/** The group of a kind of key. */
export function ffdheGroup(kind: FfdheKind): FfdheGroup {
  return groups[kind];
}

/** What follows from the prime; made when the group is first used. */
interface Field {
  readonly p: bigint;
  readonly modulus: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly pkcs8Prefix: Uint8Array;
}

function makeGroup(kind: FfdheKind, parameters: { readonly bits: number; readonly x: bigint; readonly kemId: number }): FfdheGroup {
  const { bits, x, kemId } = parameters;
  const valueBytes = bits / 8;
  let made: Field | undefined;
  const field = (): Field => {
    made ??= makeField(rfc7919Prime(bits, x));
    return made;
  };
  return {
    keyKind: kind,
    kemId,
    valueBytes,
    get modulus() {
      return field().modulus;
    },
    has: (object) => object.asymmetricKeyType === "dh" && isOfAlgorithm(spkiOf(object), field().algorithm),
    valueOf(publicKey) {
      const { p, algorithm } = field();
      const spki = spkiOf(publicKey);
      const raw = paddedTo(valueBytes, yOf(spki, algorithm));
      if (!isInSubgroup(raw, p) || !equalBytes(dhSpki(algorithm, raw), spki)) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
      return raw;
    },
    keyPairOf: (seed) => withExpandedSeed(kemId, seed, (expand) => keyPairOf(field(), expand("sk", empty, exponentBytes))),
    importValue(raw) {
      const { p, algorithm } = field();
      if (raw.length !== valueBytes || !isInSubgroup(raw, p)) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
      return importKey(() => createPublicKey({ key: asBuffer(dhSpki(algorithm, raw)), format: "der", type: "spki" }));
    },
  };
}

function makeField(p: bigint): Field {
  const modulus = Uint8Array.fromHex(p.toString(16));
  const algorithm = dhAlgorithm(modulus);
  return { p, modulus, algorithm, pkcs8Prefix: dhPkcs8Prefix(algorithm, exponentBytes) };
}

/** 1 < y < p - 1 and y^q = 1, which for a safe prime the Jacobi symbol tells; OpenSSL refuses neither at import. */
function isInSubgroup(raw: Uint8Array, p: bigint): boolean {
  const y = BigInt(`0x${raw.toHex()}`);
  return y > 1n && y < p - 1n && jacobi(y, p) === 1;
}

/** The key pair of an exponent, which is wiped. It gets its full length, so that its DER has one length and OpenSSL one time. */
function keyPairOf({ algorithm, modulus, pkcs8Prefix }: Field, exponent: Uint8Array): DhKeyPair {
  exponent[0] = 0x40 | ((exponent[0] ?? 0) & 0x3f);
  const pkcs8 = concatBytes(pkcs8Prefix, exponent);
  exponent.fill(0);
  try {
    const privateKey = createPrivateKey({ key: asBuffer(pkcs8), format: "der", type: "pkcs8" });
    return { privateKey, publicRaw: paddedTo(modulus.length, yOf(spkiOf(privateKey), algorithm)) };
  } finally {
    pkcs8.fill(0);
  }
}

function spkiOf(object: KeyObject): Uint8Array {
  const publicKey = object.type === "private" ? createPublicKey(object) : object;
  return publicKey.export({ type: "spki", format: "der" });
}

/** A number in its full length; a longer one is cut and so becomes another. */
function paddedTo(length: number, number: Uint8Array): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(number.subarray(0, length), length - Math.min(length, number.length));
  return padded;
}
