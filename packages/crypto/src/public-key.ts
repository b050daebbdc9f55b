import { createPublicKey, type KeyObject } from "node:crypto";
import { concatBytes, equalBytes } from "@sealane/wire";
import { cryptoErrors } from "./errors.ts";
import { asBuffer, importKey } from "./import-key.ts";
import { type NativeKeyKind, nativeKeyType, nativeKeyTypeOf } from "./native-keys/index.ts";
import { importXWingPublic, type XWingHalves, xWingSpkiPrefix } from "./x-wing.ts";

/** The kinds of key that suites use: those of `node:crypto`, and the hybrid of X25519 and ML-KEM-768. */
export type KeyKind = NativeKeyKind | "x-wing";

/** An imported key: one of `node:crypto`, or the two halves of a hybrid. */
type Imported = { readonly native: KeyObject } | { readonly halves: XWingHalves };

/**
 * A public key of one kind; keeps what was imported, so that it is parsed once. Every way to make one refuses what is
 * unsafe for its kind and second encodings of a key (`native-keys/`).
 */
export class PublicKey {
  readonly kind: KeyKind;
  /** DER SubjectPublicKeyInfo (RFC 5280, section 4.1). */
  readonly spki: Uint8Array;
  /** The key alone, as HPKE and COSE carry it. */
  readonly raw: Uint8Array;
  readonly #imported: Imported;

  private constructor(key: { readonly kind: KeyKind; readonly spki: Uint8Array; readonly raw: Uint8Array; readonly imported: Imported }) {
    this.kind = key.kind;
    this.spki = key.spki;
    this.raw = key.raw;
    this.#imported = key.imported;
  }

  /** Reads a DER SubjectPublicKeyInfo and accepts its one canonical form. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  static fromSpki(spki: Uint8Array): PublicKey {
    const { length } = xWingSpkiPrefix;
    if (equalBytes(spki.subarray(0, length), xWingSpkiPrefix)) return PublicKey.fromRaw("x-wing", spki.subarray(length));
    const key = PublicKey.fromObject(importKey(() => createPublicKey({ key: asBuffer(spki), format: "der", type: "spki" })));
    if (!equalBytes(key.spki, spki)) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG");
    return key;
  }

  /** Reads a raw key. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  static fromRaw(kind: KeyKind, raw: Uint8Array): PublicKey {
    if (kind !== "x-wing") return PublicKey.#ofChecked(kind, nativeKeyType(kind).fromRaw(raw), raw);
    const copy = Uint8Array.from(raw);
    return new PublicKey({ kind, spki: concatBytes(xWingSpkiPrefix, copy), raw: copy, imported: { halves: importXWingPublic(copy) } });
  }

  /** Takes a key of `node:crypto` (public, or private for its public half). Error: CRYPTO_PUBLIC_KEY_WRONG. */
  static fromObject(object: KeyObject): PublicKey {
    const type = nativeKeyTypeOf(object);
    const native = object.type === "private" ? createPublicKey(object) : object;
    return PublicKey.#ofChecked(type.kind, native, type.rawOf(native));
  }

  static #ofChecked(kind: NativeKeyKind, native: KeyObject, raw: Uint8Array): PublicKey {
    const spki = native.export({ type: "spki", format: "der" });
    return new PublicKey({ kind, spki, raw: Uint8Array.from(raw), imported: { native } });
  }

  /** @internal For this package's own use. Error: CRYPTO_PUBLIC_KEY_WRONG for a hybrid. */
  get native(): KeyObject {
    if ("native" in this.#imported) return this.#imported.native;
    throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: this.kind });
  }

  /** @internal For this package's own use. Error: CRYPTO_PUBLIC_KEY_WRONG for a key that is no hybrid. */
  get halves(): XWingHalves {
    if ("halves" in this.#imported) return this.#imported.halves;
    throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: this.kind });
  }
}
