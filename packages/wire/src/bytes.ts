import { wireErrors } from "./wire-errors.ts";

declare const role: unique symbol;

/** Bytes that play one role; made only by the checking function of that role. */
export type Bytes<Role extends string> = Uint8Array & { readonly [role]: Role };

/** Makes the checking function of one role of fixed length. The function's error: WIRE_SHAPE_WRONG. */
export function bytesOf<Role extends string>(name: Role, length: number): (bytes: Uint8Array) => Bytes<Role> {
  return (bytes) => {
    if (!isLength(bytes, length))
      throw wireErrors.error("WIRE_SHAPE_WRONG", { field: name, expected: `${length} bytes`, got: bytes.length });
    return bytes as Bytes<Role>;
  };
}

/** A SHA-256 digest. */
export type Digest = Bytes<"digest">;
export const digest: (bytes: Uint8Array) => Digest = bytesOf("digest", 32);

/** SHA-256 of a certificate's DER. */
export type Thumbprint = Bytes<"thumbprint">;
export const thumbprint: (bytes: Uint8Array) => Thumbprint = bytesOf("thumbprint", 32);

/** SHA-256 of a sealed artefact's header. */
export type ArtefactId = Bytes<"artefact id">;
export const artefactId: (bytes: Uint8Array) => ArtefactId = bytesOf("artefact id", 32);

/** 16 random bytes that a message carries once. */
export type Nonce = Bytes<"nonce">;
export const nonce: (bytes: Uint8Array) => Nonce = bytesOf("nonce", 16);

/** SHA-256 of what both parties of a link have agreed on (`th`, docs/protocol.md, key schedule). */
export type TranscriptHash = Bytes<"transcript hash">;
export const transcriptHash: (bytes: Uint8Array) => TranscriptHash = bytesOf("transcript hash", 32);

/** 16 bytes that both parties derive and that names a link. */
export type LinkId = Bytes<"link id">;
export const linkId: (bytes: Uint8Array) => LinkId = bytesOf("link id", 16);

/** Compares public bytes; not for secrets (its time depends on the content). */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function isLength(bytes: Uint8Array, length: number): boolean {
  return bytes instanceof Uint8Array && bytes.length === length;
}
