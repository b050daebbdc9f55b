import { createPublicKey, type KeyObject } from "node:crypto";
import { refuseUnsafePoint } from "./curve-points.ts";
import { cryptoErrors } from "./errors.ts";

/** The kinds of key that suites use, by the names of RFC 8410. */
export type KeyKind = "ed25519" | "x25519";

const rawBytes: Readonly<Record<KeyKind, number>> = { ed25519: 32, x25519: 32 };

/**
 * A public key of one kind; keeps the imported key, so that it is parsed once. Every way to make one refuses points of small
 * order and second encodings of a point (`curve-points.ts`).
 */
export class PublicKey {
  readonly kind: KeyKind;
  /** DER SubjectPublicKeyInfo (RFC 5280, section 4.1). */
  readonly spki: Uint8Array;
  /** The key alone, as HPKE and COSE carry it. */
  readonly raw: Uint8Array;
  /** For this package's own use. */
  readonly object: KeyObject;

  private constructor(kind: KeyKind, object: KeyObject) {
    this.kind = kind;
    this.object = object;
    this.spki = object.export({ type: "spki", format: "der" });
    this.raw = object.export({ format: "raw-public" });
    refuseUnsafePoint(kind, this.raw);
  }

  /** Reads a DER SubjectPublicKeyInfo and accepts its one canonical form. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  static fromSpki(spki: Uint8Array): PublicKey {
    const object = importKey(() => createPublicKey({ key: asBuffer(spki), format: "der", type: "spki" }));
    const key = PublicKey.fromObject(object);
    if (Buffer.compare(key.spki, spki) !== 0) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG");
    return key;
  }

  /** Reads a raw key. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  static fromRaw(kind: KeyKind, raw: Uint8Array): PublicKey {
    return PublicKey.fromObject(importRaw(kind, raw));
  }

  /** Takes a key of `node:crypto` (public, or private for its public half). Error: CRYPTO_PUBLIC_KEY_WRONG. */
  static fromObject(object: KeyObject): PublicKey {
    const kind = object.asymmetricKeyType;
    if (kind !== "ed25519" && kind !== "x25519") throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: kind ?? "symmetric" });
    return new PublicKey(kind, object.type === "private" ? createPublicKey(object) : object);
  }
}

/** Imports a raw key for one use of it. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function importRaw(kind: KeyKind, raw: Uint8Array): KeyObject {
  if (raw.length !== rawBytes[kind]) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  refuseUnsafePoint(kind, raw);
  return importKey(() => createPublicKey({ key: asBuffer(raw), format: "raw-public", asymmetricKeyType: kind }));
}

function importKey(read: () => KeyObject): KeyObject {
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
