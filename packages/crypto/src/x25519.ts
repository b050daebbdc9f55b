import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { cryptoErrors } from "./errors.ts";
import { asBuffer, importRaw } from "./import-key.ts";

/** X25519 (RFC 7748) as the KEMs use it. */

/** An ephemeral key made from 32 random bytes, which are wiped: they are used once. */
export function ephemeralX25519(seed: Uint8Array): { readonly privateKey: KeyObject; readonly publicRaw: Uint8Array } {
  try {
    const privateKey = createPrivateKey({ key: asBuffer(seed), format: "raw-private", asymmetricKeyType: "x25519" });
    return { privateKey, publicRaw: createPublicKey(privateKey).export({ format: "raw-public" }) };
  } finally {
    seed.fill(0);
  }
}

/** The sender's agreement. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function agreeAsSender(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return agree(privateKey, publicKey, "CRYPTO_PUBLIC_KEY_WRONG");
}

/** The recipient's agreement with a raw public key. Error: CRYPTO_OPEN_FAILED, also for an unsafe point. */
export function agreeAsRecipient(privateKey: KeyObject, publicRaw: Uint8Array): Uint8Array {
  return agree(privateKey, importEncapsulated(publicRaw), "CRYPTO_OPEN_FAILED");
}

/** OpenSSL refuses an all-zero result, which a low-order point gives (RFC 7748, section 6.1). */
function agree(privateKey: KeyObject, publicKey: KeyObject, code: "CRYPTO_PUBLIC_KEY_WRONG" | "CRYPTO_OPEN_FAILED"): Uint8Array {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    throw cryptoErrors.error(code);
  }
}

function importEncapsulated(raw: Uint8Array): KeyObject {
  try {
    return importRaw("x25519", raw);
  } catch {
    throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
  }
}
