import { createPublicKey, type KeyObject } from "node:crypto";
import { cryptoErrors } from "./errors.ts";

/** How OpenSSL is told what kind of key raw bytes are. */
type RawKind =
  | { readonly asymmetricKeyType: "ed25519" | "x25519" | "ml-dsa-65" }
  | { readonly asymmetricKeyType: "ec"; readonly namedCurve: "P-256" };

/** Imports a raw public key as OpenSSL checks it. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function importRaw(raw: Uint8Array, kind: RawKind): KeyObject {
  return importKey(() => createPublicKey({ key: asBuffer(raw), format: "raw-public", ...kind }));
}

/** The raw public key of a key object. */
export function rawPublic(publicKey: KeyObject): Uint8Array {
  return publicKey.export({ format: "raw-public" });
}

/** Runs an import and gives its failure our code. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function importKey(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (cause) {
    throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", {}, cause);
  }
}

/** A view: `Buffer.from(bytes)` would leave a copy in the memory that small Buffers share. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
