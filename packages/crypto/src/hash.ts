import { createHash, createHmac, hash, timingSafeEqual } from "node:crypto";
import { type Digest, digest } from "@sealane/wire";
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
  requireMac(hmac(key, message), received);
}

/** Compares an authentication code with the right one in constant time. Error: CRYPTO_MAC_WRONG. */
export function requireMac(expected: Uint8Array, received: Uint8Array): void {
  if (received.length !== expected.length || !timingSafeEqual(received, expected)) throw cryptoErrors.error("CRYPTO_MAC_WRONG");
}

/** HKDF-Extract with SHA-256 (RFC 5869, section 2.2): 32 bytes. An empty salt is 32 zero bytes. */
export function hkdfExtract(salt: Uint8Array, keyMaterial: Uint8Array): Uint8Array {
  return hmac(salt.length === 0 ? new Uint8Array(digestBytes) : salt, keyMaterial);
}

/** The most that HKDF-Expand gives: 255 blocks, for their number is one byte (RFC 5869, section 2.3). */
const maxExpandBytes = 255 * digestBytes;

/** HKDF-Expand with SHA-256 (RFC 5869, section 2.3): `length` bytes, at most 8160. Error: CRYPTO_LENGTH_EXCEEDED. */
export function hkdfExpand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length > maxExpandBytes) throw cryptoErrors.error("CRYPTO_LENGTH_EXCEEDED", { bytes: length, limit: maxExpandBytes });
  let block: Uint8Array = createHmac("sha256", key).update(info).update(firstCounter).digest();
  const output = new Uint8Array(length);
  output.set(block.subarray(0, length));
  for (let at = digestBytes; at < length; at += digestBytes) {
    const next = createHmac("sha256", key)
      .update(block)
      .update(info)
      .update(Uint8Array.of(1 + at / digestBytes))
      .digest();
    block.fill(0);
    block = next;
    output.set(block.subarray(0, length - at), at);
  }
  block.fill(0);
  return output;
}

const firstCounter = Uint8Array.of(1);
