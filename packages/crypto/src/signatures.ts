import { type KeyObject, sign, verify } from "node:crypto";
import { cryptoErrors } from "./errors.ts";
import type { PublicKey } from "./public-key.ts";

/** A signature algorithm: its COSE identifier (RFC 9864) and the kind of its keys. */
export interface SignatureAlgorithm {
  readonly name: string;
  readonly coseId: number;
  readonly keyKind: "ed25519";
  readonly signatureBytes: number;
}

export const ed25519: SignatureAlgorithm = { name: "Ed25519", coseId: -19, keyKind: "ed25519", signatureBytes: 64 };

const algorithms: readonly SignatureAlgorithm[] = [ed25519];

/** The signature algorithm of a public key. Error: CRYPTO_PUBLIC_KEY_WRONG for a key that does not sign. */
export function signatureAlgorithmOf(publicKey: PublicKey): SignatureAlgorithm {
  const found = algorithms.find(({ keyKind }) => keyKind === publicKey.kind);
  if (found === undefined) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: publicKey.kind });
  return found;
}

/** Checks a signature (RFC 8032 for Ed25519). Errors: CRYPTO_SIGNATURE_WRONG, CRYPTO_PUBLIC_KEY_WRONG. */
export function verifySignature(publicKey: PublicKey, message: Uint8Array, signature: Uint8Array): void {
  const { signatureBytes } = signatureAlgorithmOf(publicKey);
  if (signature.length !== signatureBytes || !verify(null, message, publicKey.native, signature)) {
    throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG");
  }
}

/** Signs with a private key of this process; for key handles only. */
export function signWith(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  return sign(null, message, privateKey);
}
