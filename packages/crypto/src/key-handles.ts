import type { PublicKey } from "./public-key.ts";
import type { Secret } from "./secret.ts";

/** A value now or later: a handle may stand for a token or a service. */
export type MaybePromise<T> = T | Promise<T>;

/** A private key that signs and does nothing else. */
export interface SigningKey {
  readonly purpose: "sign";
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): MaybePromise<Uint8Array>;
}

/** A private key that opens what was encrypted to it and does nothing else. */
export interface DecryptionKey {
  readonly purpose: "decrypt";
  readonly publicKey: PublicKey;
  /** The KEM shared secret of an encapsulated key (RFC 9180, section 4.1). Error: CRYPTO_OPEN_FAILED. */
  decapsulate(encapsulated: Uint8Array): MaybePromise<Secret<"kem secret">>;
}

/** What a key is for. */
export type KeyPurpose = "sign" | "decrypt";
