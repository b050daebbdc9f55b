import { createHash } from "node:crypto";
import { cryptoErrors } from "./errors.ts";
import { digestBytes, sha256 } from "./hash.ts";
import { maskInPlace } from "./mgf1.ts";

/**
 * The block that RSA signs in ISO/IEC 9796-2:2010, scheme 2, with SHA-256, a 32-byte salt and the implicit trailer:
 *
 *     H = hash(bit length of M1 in 8 bytes, M1, hash(M2), salt)
 *     block = (zeros, 01, M1, salt) masked with MGF1(H), H, BC; its top bit cleared
 *
 * M1 is the part of the message that the block gives back, M2 what is hashed only.
 */

/** Bytes of the salt. */
export const pssRSaltBytes = 32;

/** The trailer that names no hash. The other one of the standard, hash identifier and CC, is refused: one signature, one form. */
const trailer = 0xbc;

/** Bytes of M1 that a block of so many bytes has room for: all but the 01, the salt, H and the trailer. */
export function pssRCapacity(blockBytes: number): number {
  return blockBytes - 1 - pssRSaltBytes - digestBytes - 1;
}

export interface PssRParts {
  /** M1, at most {@link pssRCapacity} bytes. */
  readonly recoverable: Uint8Array;
  readonly salt: Uint8Array;
}

/** Makes a block of `blockBytes` bytes, of M1, M2 and a salt of 32 bytes. */
export function encodePssRBlock(blockBytes: number, { recoverable, salt }: PssRParts, other: Uint8Array): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const data = block.subarray(0, -digestBytes - 1);
  const messageAt = data.length - pssRSaltBytes - recoverable.length;
  const digest = pssRDigest({ recoverable, salt }, other);
  data[messageAt - 1] = 1;
  data.set(recoverable, messageAt);
  data.set(salt, messageAt + recoverable.length);
  maskInPlace(data, digest);
  block.set(digest, data.length);
  block[blockBytes - 1] = trailer;
  block[0] = (block[0] ?? 0) & 0x7f;
  return block;
}

/**
 * Takes a block apart: M1, the salt, and H as the block has it, which the caller compares with {@link pssRDigest}.
 * Error: CRYPTO_SIGNATURE_WRONG for a set top bit, another trailer, and anything but zeros before the 01.
 */
export function decodePssRBlock(block: Uint8Array): PssRParts & { readonly digest: Uint8Array } {
  if (((block[0] ?? 0) & 0x80) !== 0 || block.at(-1) !== trailer) throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG");
  const digest = block.subarray(-digestBytes - 1, -1);
  const data = Uint8Array.from(block.subarray(0, -digestBytes - 1));
  maskInPlace(data, digest);
  data[0] = (data[0] ?? 0) & 0x7f;
  const saltAt = data.length - pssRSaltBytes;
  const mark = data.findIndex((byte) => byte !== 0);
  if (data[mark] !== 1 || mark >= saltAt) throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG");
  return { recoverable: data.subarray(mark + 1, saltAt), salt: data.subarray(saltAt), digest };
}

/** H. */
export function pssRDigest({ recoverable, salt }: PssRParts, other: Uint8Array): Uint8Array {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setBigUint64(0, 8n * BigInt(recoverable.length));
  return createHash("sha256").update(bits).update(recoverable).update(sha256(other)).update(salt).digest();
}
