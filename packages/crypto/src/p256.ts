import { createPrivateKey, createPublicKey } from "node:crypto";
import type { DhGroup, DhKeyPair } from "./dh-group.ts";
import { cryptoErrors } from "./errors.ts";
import { asBuffer, importRaw } from "./import-key.ts";
import { withExpandedSeed } from "./labeled-hkdf.ts";

/** Bytes of a point: uncompressed (SEC 1, section 2.3.3), its one form here. */
const p256PublicBytes = 65;
const uncompressed = 0x04;

/** The order of the group (SEC 2, section 2.4.2). */
const order = Uint8Array.fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const scalarBytes = 32;

const kemId = 0x0010;

/**
 * P-256 (FIPS 186-5): a seed gives its scalar by DeriveKeyPair of RFC 9180, section 7.1.3; a value is a point of the curve, by
 * OpenSSL's check, and not infinity, which has no uncompressed form.
 */
export const p256Group: DhGroup = {
  keyKind: "p256",
  kemId,
  valueBytes: p256PublicBytes,
  keyPairOf: (seed) =>
    withExpandedSeed(kemId, seed, (expand) => firstKeyPair((counter) => expand("candidate", Uint8Array.of(counter), scalarBytes))),
  importValue(raw) {
    refuseOtherForms(raw);
    return importRaw(raw, { asymmetricKeyType: "ec", namedCurve: "P-256" });
  },
};

/** Refuses what is not an uncompressed point by its form; OpenSSL refuses those off the curve. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function refuseOtherForms(raw: Uint8Array): void {
  if (!isUncompressedP256(raw)) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: "p256" });
}

/** Whether bytes have the form of a point, on the curve or not. */
export function isUncompressedP256(raw: Uint8Array): boolean {
  return raw.length === p256PublicBytes && raw[0] === uncompressed;
}

/** The key pair of the first candidate that is a scalar; the candidates are wiped. Error: CRYPTO_PRIVATE_KEY_WRONG if none of 256 is. */
export function firstKeyPair(candidate: (counter: number) => Uint8Array): DhKeyPair {
  for (let counter = 0; counter < 256; counter++) {
    const scalar = candidate(counter);
    try {
      if (isScalar(scalar)) return keyPairOfScalar(scalar);
    } finally {
      scalar.fill(0);
    }
  }
  throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: "p256" });
}

/** Not 0 and below the order, which one candidate of 2^32 is not. OpenSSL takes others here and makes infinity of them. */
function isScalar(candidate: Uint8Array): boolean {
  return candidate.some((byte) => byte !== 0) && Buffer.compare(candidate, order) < 0;
}

function keyPairOfScalar(scalar: Uint8Array): DhKeyPair {
  const privateKey = createPrivateKey({ key: asBuffer(scalar), format: "raw-private", asymmetricKeyType: "ec", namedCurve: "P-256" });
  return { privateKey, publicRaw: createPublicKey(privateKey).export({ format: "raw-public" }) };
}
