import { createHash, createHmac, hash, timingSafeEqual } from "node:crypto";
import { concatBytes, type Digest, digest } from "@sealane/wire";
import { cryptoErrors } from "./errors.ts";

/** Bytes of a SHA-256 digest, an HMAC-SHA-256 and an HKDF key. */
export const digestBytes = 32;

/** SHA-256 of one byte string (FIPS 180-4). */
export function sha256(bytes: Uint8Array): Digest {
  return digest(hash("sha256", bytes, "buffer"));
}

/** SHA-256 of a byte string that arrives in pieces. */
export interface RunningDigest {
  update(bytes: Uint8Array): void;
  digest(): Digest;
}

export function startSha256(): RunningDigest {
  const running = createHash("sha256");
  return {
    update: (bytes) => void running.update(bytes),
    digest: () => digest(running.digest()),
  };
}

/** HMAC-SHA-256 (RFC 2104). */
export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(message).digest();
}

/** Compares an HMAC in constant time. Error: CRYPTO_MAC_WRONG. */
export function verifyHmac(key: Uint8Array, message: Uint8Array, received: Uint8Array): void {
  const expected = hmac(key, message);
  if (received.length !== expected.length || !timingSafeEqual(received, expected)) throw cryptoErrors.error("CRYPTO_MAC_WRONG");
}

/** HKDF-Extract with SHA-256 (RFC 5869, section 2.2): 32 bytes. An empty salt is 32 zero bytes. */
export function hkdfExtract(salt: Uint8Array, keyMaterial: Uint8Array): Uint8Array {
  return hkdfExtractJoined(salt, [keyMaterial]);
}

/** {@link hkdfExtract} of the parts in a row, without making a joined copy of what may be secret. */
export function hkdfExtractJoined(salt: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac("sha256", salt.length === 0 ? new Uint8Array(digestBytes) : salt);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** The most that HKDF-Expand gives: 255 blocks, for their number is one byte (RFC 5869, section 2.3). */
const maxExpandBytes = 255 * digestBytes;

/** HKDF-Expand with SHA-256 (RFC 5869, section 2.3): `length` bytes, at most 8160. Error: CRYPTO_LENGTH_EXCEEDED. */
export function hkdfExpand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length > maxExpandBytes) throw cryptoErrors.error("CRYPTO_LENGTH_EXCEEDED", { bytes: length, limit: maxExpandBytes });
  if (length <= digestBytes) {
    const block = expandBlock(key, concatBytes(info, firstCounter));
    const output = Uint8Array.from(block.subarray(0, length));
    block.fill(0);
    return output;
  }
  const output = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += digestBytes, counter++) {
    const next = expandBlock(key, concatBytes(block, info, Uint8Array.of(counter)));
    block.fill(0);
    block = next;
    output.set(block.subarray(0, Math.min(digestBytes, length - at)), at);
  }
  block.fill(0);
  return output;
}

const firstCounter = Uint8Array.of(1);

/** T(n) of RFC 5869, section 2.3; the input, which may hold the block before, is wiped. */
function expandBlock(key: Uint8Array, input: Uint8Array): Uint8Array {
  const block = createHmac("sha256", key).update(input).digest();
  input.fill(0);
  return block;
}
