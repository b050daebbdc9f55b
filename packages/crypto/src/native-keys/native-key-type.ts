import type { KeyObject } from "node:crypto";
import type { Secret } from "../secret.ts";

/** Kinds of key that `node:crypto` knows as one key. */
export type NativeKeyKind =
  | "ed25519"
  | "x25519"
  | "p256"
  | "ml-dsa-65"
  | "rsa2048"
  | "rsa3072"
  | "rsa4096"
  | "ffdhe2048"
  | "ffdhe3072"
  | "ffdhe4096";

/** What there is to know of one kind of key; what a private key can do is there, and nothing else. */
export interface NativeKeyType {
  readonly kind: NativeKeyKind;
  /** Whether a key object, public or private, is of this kind: by type, curve, size, exponent and group. */
  is(object: KeyObject): boolean;
  /** The one raw form of a public key, as HPKE, COSE and digests take it. Error: CRYPTO_PUBLIC_KEY_WRONG for a key that is unsafe. */
  rawOf(publicKey: KeyObject): Uint8Array;
  /** Imports a raw public key, a safe one only. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  fromRaw(raw: Uint8Array): KeyObject;
  /** Makes a private key. */
  generate(): KeyObject;
  /** Signs a message (`SigningKey.sign`). */
  readonly sign?: (privateKey: KeyObject, message: Uint8Array) => Uint8Array;
  /** The private operation on a block (`SigningKey.signBlock`). */
  readonly signBlock?: (privateKey: KeyObject, block: Uint8Array) => Uint8Array;
  /** Opens an encapsulated key (`DecryptionKey.decapsulate`). Error: CRYPTO_OPEN_FAILED. */
  readonly decapsulate?: (privateKey: KeyObject, encapsulated: Uint8Array) => Secret<"kem secret">;
  /** Agrees on a secret (`AgreementKey.agree`). Error: CRYPTO_SHARE_WRONG. */
  readonly agree?: (privateKey: KeyObject, value: Uint8Array) => Secret<"agreed secret">;
}
