import type { PublicKey } from "./public-key.ts";
import type { Secret } from "./secret.ts";

/** A value now or later: a handle may stand for a token or a service. */
export type MaybePromise<T> = T | Promise<T>;

/** A private key that signs and does nothing else. */
export interface SigningKey {
  readonly purpose: "sign";
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): MaybePromise<Uint8Array>;
  /**
   * RSA keys only: the private operation on a block of as many bytes as the modulus and smaller than it (RSASP1 of RFC 8017, section
   * 5.2.1), for signatures that give their message back (`pss-r.ts`).
   */
  readonly signBlock?: (block: Uint8Array) => MaybePromise<Uint8Array>;
}

/** A private key that opens what was encrypted to it and does nothing else. */
export interface DecryptionKey {
  readonly purpose: "decrypt";
  readonly publicKey: PublicKey;
  /** The KEM shared secret of an encapsulated key (RFC 9180, section 4.1). Error: CRYPTO_OPEN_FAILED. */
  decapsulate(encapsulated: Uint8Array): MaybePromise<Secret<"kem secret">>;
}

/** A private key that agrees on secrets, as the owner of g^x, and does nothing else. */
export interface AgreementKey {
  readonly purpose: "agree";
  readonly publicKey: PublicKey;
  /**
   * g^xy from the other party's g^y, as `Agreement.complete` gives it.
   * Error: CRYPTO_SHARE_WRONG for a value of wrong length, of small order, outside the curve or subgroup, or in a second encoding.
   */
  agree(value: Uint8Array): MaybePromise<Secret<"agreed secret">>;
}

/** An agreement key at enrolment: it opens the certificate that was encrypted to it, and does nothing else (`possessionOf`). */
export interface PossessionKey {
  readonly purpose: "prove possession";
  readonly publicKey: PublicKey;
  /** As {@link DecryptionKey.decapsulate}. Error: CRYPTO_OPEN_FAILED. */
  decapsulate(encapsulated: Uint8Array): MaybePromise<Secret<"kem secret">>;
}

/** What a key is for. */
export type KeyPurpose = "sign" | "decrypt" | "agree";
