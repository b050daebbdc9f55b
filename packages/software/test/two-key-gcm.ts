import { createCipheriv, createDecipheriv } from "node:crypto";
import { concatBytes } from "@sealane/wire";

/**
 * The attack that a key commitment is for (Grubbs, Lu, Ristenpart: "Message franking via committing authenticated encryption",
 * 2017; Len, Grubbs, Ristenpart: "Partitioning oracle attacks", 2021): one AES-256-GCM ciphertext of two blocks, with one tag,
 * that two keys open to two plaintexts. GHASH is linear in each block, so the second block is solved for.
 */
export function twoKeyCiphertext(
  keys: readonly [GcmKey, GcmKey],
  aad: Uint8Array,
): { readonly sealed: Uint8Array; readonly plaintexts: readonly [Uint8Array, Uint8Array] } {
  const first = 0x53656c616e65n << 64n; // any first block will do
  const parts = keys.map(({ key, nonce }) => {
    const h = toField(block(key, new Uint8Array(16)));
    const mask = toField(block(key, concatBytes(nonce, Uint8Array.of(0, 0, 0, 1))));
    // tag = mask + sum(aad_i h^(n-i)) + first h^3 + second h^2 + lengths h
    const lengths = (BigInt(aad.length * 8) << 64n) | BigInt(32 * 8);
    const padded = concatBytes(aad, new Uint8Array((16 - (aad.length % 16)) % 16));
    let sum = 0n;
    for (let at = 0; at < padded.length; at += 16) sum = multiply(sum ^ toField(padded.subarray(at, at + 16)), h);
    sum = multiply(sum ^ first, h);
    sum = multiply(sum, h); // the second block, not yet known
    sum = multiply(sum ^ lengths, h);
    return { square: multiply(h, h), rest: sum ^ mask };
  });
  const [a, b] = [parts[0], parts[1]];
  if (a === undefined || b === undefined) throw new Error("two keys");
  const second = multiply(a.rest ^ b.rest, inverse(a.square ^ b.square));
  const tag = a.rest ^ multiply(second, a.square);
  const sealed = concatBytes(fromField(first), fromField(second), fromField(tag));
  return { sealed, plaintexts: [open(keys[0], aad, sealed), open(keys[1], aad, sealed)] };
}

export interface GcmKey {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

function open({ key, nonce }: GcmKey, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return concatBytes(decipher.update(sealed.subarray(0, -16)), decipher.final());
}

function block(key: Uint8Array, input: Uint8Array): Uint8Array {
  return createCipheriv("aes-256-ecb", key, null).setAutoPadding(false).update(input);
}

function toField(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

function fromField(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(32, "0"), "hex"));
}

/** The product in GF(2^128) with GCM's reflected bits (NIST SP 800-38D, section 6.3). */
function multiply(x: bigint, y: bigint): bigint {
  let product = 0n;
  let shifted = y;
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((x >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ (0xe1n << 120n) : shifted >> 1n;
  }
  return product;
}

/** x to the power 2^128 - 2. */
function inverse(x: bigint): bigint {
  let result = 1n << 127n; // one
  let power = x;
  for (let i = 1; i < 128; i++) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}
