import { type CipherGCMTypes, createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { cryptoErrors } from "./errors.ts";

/** Bytes of an AES-256-GCM key, nonce and tag (NIST SP 800-38D). */
export const aeadKeyBytes = 32;
export const aeadNonceBytes = 12;
export const aeadTagBytes = 16;

/** Sealane's suites use AES-256-GCM only; published vectors use the shorter keys too. */
export type AeadName = CipherGCMTypes;

export interface AeadInput {
  readonly key: Uint8Array | KeyObject;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  /** AES-256-GCM unless told. */
  readonly aead?: AeadName;
}

/** Encrypts: ciphertext with the 16-byte tag behind it. A nonce must never be used twice under one key. */
export function aeadSeal(input: AeadInput, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv(input.aead ?? "aes-256-gcm", input.key, input.nonce, { authTagLength: aeadTagBytes });
  cipher.setAAD(input.aad, { plaintextLength: plaintext.length });
  const sealed = new Uint8Array(plaintext.length + aeadTagBytes);
  const body = cipher.update(plaintext);
  cipher.final();
  sealed.set(body, 0);
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/** Decrypts what {@link aeadSeal} made. Error: CRYPTO_OPEN_FAILED, also for a key or nonce of a length that the cipher does not have. */
export function aeadOpen(input: AeadInput, sealed: Uint8Array): Uint8Array {
  if (sealed.length < aeadTagBytes) throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
  const plaintextLength = sealed.length - aeadTagBytes;
  let plaintext: Uint8Array | undefined;
  try {
    const decipher = createDecipheriv(input.aead ?? "aes-256-gcm", input.key, input.nonce, { authTagLength: aeadTagBytes });
    decipher.setAAD(input.aad, { plaintextLength });
    decipher.setAuthTag(sealed.subarray(plaintextLength));
    plaintext = decipher.update(sealed.subarray(0, plaintextLength));
    decipher.final();
    return plaintext;
  } catch {
    plaintext?.fill(0);
    throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
  }
}
