import { constants, type KeyObject, verify } from "node:crypto";
import { ecdsaBytes, isLowS } from "./ecdsa.ts";
import { cryptoErrors } from "./errors.ts";
import type { KeyKind, PublicKey } from "./public-key.ts";

/** A signature algorithm: its COSE identifier (RFC 9864, RFC 9964) and the kinds of its keys. */
export interface SignatureAlgorithm {
  readonly coseId: number;
  readonly keyKinds: readonly KeyKind[];
  /** @internal Whether a signature of any length belongs to a message and a key of one of the kinds. */
  verify(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean;
}

/** RFC 8032. */
export const ed25519: SignatureAlgorithm = {
  coseId: -19,
  keyKinds: ["ed25519"],
  verify: (publicKey, message, signature) => signature.length === 64 && verify(null, message, publicKey, signature),
};

/** ECDSA with SHA-256 on P-256, s in the lower half. */
export const esp256: SignatureAlgorithm = {
  coseId: -9,
  keyKinds: ["p256"],
  verify: (publicKey, message, signature) =>
    signature.length === ecdsaBytes &&
    isLowS(signature) &&
    verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature),
};

/** Padding of PS256 as `node:crypto` takes it. */
export const pssPadding: { readonly padding: number; readonly saltLength: 32 } = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: 32,
};

/** RSASSA-PSS with SHA-256, MGF1 of the same, and a salt of 32 bytes (RFC 8017, section 8.1; RFC 8230, section 2). OpenSSL takes a signature without its leading zeros too. */
export const ps256: SignatureAlgorithm = {
  coseId: -37,
  keyKinds: ["rsa2048", "rsa3072", "rsa4096"],
  verify: (publicKey, message, signature) =>
    signature.length * 8 === publicKey.asymmetricKeyDetails?.modulusLength &&
    verify("sha256", message, { key: publicKey, ...pssPadding }, signature),
};

/** FIPS 204 with an empty context. */
export const mlDsa65: SignatureAlgorithm = {
  coseId: -49,
  keyKinds: ["ml-dsa-65"],
  verify: (publicKey, message, signature) => signature.length === 3_309 && verify(null, message, publicKey, signature),
};

const algorithms: readonly SignatureAlgorithm[] = [ed25519, esp256, ps256, mlDsa65];

/** The kinds of key that sign. */
export const signingKinds: readonly KeyKind[] = algorithms.flatMap(({ keyKinds }) => keyKinds);

/** The signature algorithm of a public key. Error: CRYPTO_PUBLIC_KEY_WRONG for a key that does not sign. */
export function signatureAlgorithmOf({ kind }: PublicKey): SignatureAlgorithm {
  const found = algorithms.find(({ keyKinds }) => keyKinds.includes(kind));
  if (found === undefined) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  return found;
}

/** Checks a signature by the key's algorithm. Errors: CRYPTO_SIGNATURE_WRONG, CRYPTO_PUBLIC_KEY_WRONG. */
export function verifySignature(publicKey: PublicKey, message: Uint8Array, signature: Uint8Array): void {
  if (!signatureAlgorithmOf(publicKey).verify(publicKey.native, message, signature)) throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG");
}
