import type { FfdheKind } from "../../src/index.ts";

/** The finite-field groups of RFC 7919 in BigInt, slow and for tests alone: an oracle that shares no code with ours and OpenSSL. */

export const ffdheKinds: readonly FfdheKind[] = ["ffdhe2048", "ffdhe3072", "ffdhe4096"];

/** Bits and X of RFC 7919, appendices A.1 to A.3. */
const parameters = { ffdhe2048: [2048, 560_316n], ffdhe3072: [3072, 2_625_351n], ffdhe4096: [4096, 5_736_041n] } as const;

const primes = new Map<FfdheKind, bigint>();

export function primeOf(kind: FfdheKind): bigint {
  const prime = primes.get(kind) ?? computePrime(kind);
  primes.set(kind, prime);
  return prime;
}

/** p = 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1. */
function computePrime(kind: FfdheKind): bigint {
  const [bits, x] = parameters[kind];
  const b = BigInt(bits);
  const { numerator, denominator } = euler();
  return 2n ** b - 2n ** (b - 64n) + (((2n ** (b - 130n) * numerator) / denominator + x) << 64n) - 1n;
}

/** e between this fraction and the same with a numerator one higher: the first 700 terms of 1/k!, the rest is below 1/699!, 2^-5600. */
function euler(): { readonly numerator: bigint; readonly denominator: bigint } {
  let [numerator, denominator] = [1n, 1n];
  for (let k = 1n; k < 700n; k++) [numerator, denominator] = [numerator * k + 1n, denominator * k];
  return { numerator, denominator };
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let factor = base % modulus, left = exponent; left > 0n; left >>= 1n, factor = (factor * factor) % modulus) {
    if (left & 1n) result = (result * factor) % modulus;
  }
  return result;
}

export function numberIn(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`);
}

export function bigEndian(value: bigint, length: number): Uint8Array {
  return Uint8Array.fromHex(value.toString(16).padStart(2 * length, "0"));
}

/** DER by its definition (X.690), for numbers that are not negative. */
export const der = {
  element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
    const content = Buffer.concat(parts);
    const { length } = content;
    const lengthBytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
    return Buffer.concat([Buffer.of(tag, ...lengthBytes), content]);
  },
  integer(value: bigint): Buffer {
    const hex = value.toString(16);
    const even = hex.padStart(hex.length + (hex.length % 2), "0");
    return der.element(2, Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, "hex"));
  },
  sequence: (...parts: readonly Uint8Array[]): Buffer => der.element(0x30, ...parts),
};
