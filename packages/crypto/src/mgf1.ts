import { hash } from "node:crypto";
import { concatBytes } from "@sealane/wire";
import { digestBytes } from "./hash.ts";

/** Masks bytes in place with MGF1 of a seed by SHA-256 (RFC 8017, appendix B.2.1); masking again unmasks. Keeps nothing. */
export function maskInPlace(bytes: Uint8Array, seed: Uint8Array): void {
  const input = concatBytes(seed, new Uint8Array(4));
  const counter = new DataView(input.buffer, seed.length);
  for (let at = 0; at < bytes.length; at += digestBytes) {
    counter.setUint32(0, at / digestBytes);
    const mask = hash("sha256", input, "buffer");
    const length = Math.min(digestBytes, bytes.length - at);
    for (let i = 0; i < length; i++) bytes[at + i] = (bytes[at + i] ?? 0) ^ (mask[i] ?? 0);
    mask.fill(0);
  }
  input.fill(0);
}
