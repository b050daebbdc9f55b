import { createHash } from "node:crypto";
import type { RsaKey } from "../keys/rsa-keys.ts";
import { mgf1, xor } from "./mgf1.ts";

/** What a block is made of; absent is as it has to be. */
export interface Forgery {
  readonly recoverable: Uint8Array;
  readonly other: Uint8Array;
  readonly salt?: Uint8Array;
  /** What stands before the salt and M1: zeros and 01, of the right length. */
  readonly lead?: (length: number) => Uint8Array;
  readonly trailer?: Uint8Array;
  readonly digest?: (right: Uint8Array) => Uint8Array;
  /** The bit length of M1 that is hashed. */
  readonly bits?: number;
}

/** Makes a block of ISO/IEC 9796-2, scheme 2, right or wrong, apart from ours. */
export function forgeBlock(blockBytes: number, forgery: Forgery): Buffer {
  const { recoverable, other, salt = Buffer.alloc(32, 7), trailer = Buffer.of(0xbc) } = forgery;
  const bits = Buffer.alloc(8);
  bits.writeUInt32BE(forgery.bits ?? 8 * recoverable.length, 4);
  const right = sha256(bits, recoverable, sha256(other), salt);
  const digest = forgery.digest?.(right) ?? right;
  const leadBytes = blockBytes - recoverable.length - salt.length - 32 - trailer.length;
  const zerosAndMark = Buffer.alloc(leadBytes);
  zerosAndMark[leadBytes - 1] = 1;
  const data = Buffer.concat([forgery.lead?.(leadBytes) ?? zerosAndMark, recoverable, salt]);
  const block = Buffer.concat([xor(data, mgf1(digest, data.length)), digest, trailer]);
  block[0] = (block[0] ?? 0) & 0x7f;
  return block;
}

/** Signs any block below the modulus, as the owner of the key can. */
export async function signBlock({ key }: RsaKey, block: Uint8Array): Promise<Uint8Array> {
  const signed = await key.signingKey().signBlock?.(block);
  if (signed === undefined) throw new Error("the key signs no blocks");
  return signed;
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
