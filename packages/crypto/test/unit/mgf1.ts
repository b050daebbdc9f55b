import { createHash } from "node:crypto";

/** MGF1 with SHA-256 (RFC 8017, appendix B.2.1), written apart from ours. */
export function mgf1(seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let counter = 0; counter * 32 < length; counter++) {
    const suffix = Buffer.alloc(4);
    suffix.writeUInt32BE(counter);
    blocks.push(createHash("sha256").update(seed).update(suffix).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

export function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));
}
