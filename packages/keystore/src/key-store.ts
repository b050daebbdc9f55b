import type { AgreementKey, DecryptionKey, KeyKind, KeyPurpose, PublicKey, SigningKey } from "@sealane/crypto";
import { keystoreErrors } from "./errors.ts";
import { maxKeyIdLength } from "./limits.ts";

/**
 * Makes private keys and keeps them in: what comes out are public keys and handles that use the private ones. Files and tokens
 * implement it, and pass the same tests.
 *
 * A key has an id of 1 to 64 of `a-z 0-9 -`; every method throws KEYSTORE_ID_WRONG for another. What a store throws beside the
 * codes named here is told by its own documentation.
 */
export interface KeyStore {
  /**
   * Makes a new key. A store that can hold a key to one purpose does so where one is given.
   * Error: KEYSTORE_KEY_EXISTS; a key is never overwritten.
   */
  generate(id: string, kind: KeyKind, purpose?: KeyPurpose): Promise<PublicKey>;
  /** Error: KEYSTORE_KEY_MISSING. */
  publicKey(id: string): Promise<PublicKey>;
  /** Errors: KEYSTORE_KEY_MISSING, CRYPTO_PRIVATE_KEY_WRONG for a key that does not sign. */
  signingKey(id: string): Promise<SigningKey>;
  /** Errors: KEYSTORE_KEY_MISSING, CRYPTO_PRIVATE_KEY_WRONG for a key that does not decrypt. */
  decryptionKey(id: string): Promise<DecryptionKey>;
  /** Errors: KEYSTORE_KEY_MISSING, CRYPTO_PRIVATE_KEY_WRONG for a key that does not agree on secrets. */
  agreementKey(id: string): Promise<AgreementKey>;
  has(id: string): Promise<boolean>;
  /** The ids, sorted. */
  list(): Promise<readonly string[]>;
  /** Destroys a key. Handles that were given out may still work. Error: KEYSTORE_KEY_MISSING. */
  remove(id: string): Promise<void>;
}

const pattern = new RegExp(`^[a-z0-9-]{1,${maxKeyIdLength}}$`);

/** Whether a text can be a key's id. */
export function isKeyId(text: string): boolean {
  return pattern.test(text);
}

/** Refuses a text that cannot be a key's id. Error: KEYSTORE_ID_WRONG. */
export function requireKeyId(text: string): void {
  if (!isKeyId(text)) throw keystoreErrors.error("KEYSTORE_ID_WRONG");
}
