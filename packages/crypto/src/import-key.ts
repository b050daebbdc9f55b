import { createPublicKey, type KeyObject } from "node:crypto";
import { refuseUnsafePoint } from "./curve-points.ts";
import { cryptoErrors } from "./errors.ts";

/** Kinds of key that `node:crypto` knows as one key. */
export type NativeKeyKind = "ed25519" | "x25519";

const rawBytes: Readonly<Record<NativeKeyKind, number>> = { ed25519: 32, x25519: 32 };

/** Imports a raw public key, of a safe point only. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function importRaw(kind: NativeKeyKind, raw: Uint8Array): KeyObject {
  if (raw.length !== rawBytes[kind]) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  refuseUnsafePoint(kind, raw);
  return importKey(() => createPublicKey({ key: asBuffer(raw), format: "raw-public", asymmetricKeyType: kind }));
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
