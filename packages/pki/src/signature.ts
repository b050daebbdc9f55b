import { isLowS } from "@sealane/crypto";
import type { AuthorityCertificate, CertificateFields } from "./certificate.ts";
import { DerReader, derTag } from "./der.ts";
import { pkiErrors } from "./errors.ts";
import { ecdsaHalfBytes } from "./limits.ts";

/** Refuses a certificate that was not signed with the issuer's key. Error: PKI_SIGNATURE_WRONG. */
export function requireSignatureBy(certificate: CertificateFields, issuer: AuthorityCertificate): void {
  if (!isSignedBy(certificate, issuer)) throw pkiErrors.error("PKI_SIGNATURE_WRONG");
}

/** For choosing between issuers of one name; everything else wants {@link requireSignatureBy}. */
export function isSignedBy(certificate: CertificateFields, issuer: AuthorityCertificate): boolean {
  return certificate.signatureKind === issuer.publicKey.kind && certificate.x509.verify(issuer.x509.publicKey);
}

/**
 * Refuses a certificate whose ECDSA signature has its s in the upper half of the group. From r, s everybody can make r, -s, which
 * verifies too: a second certificate with another thumbprint that nobody issued. Of the two only ours is accepted, so that one thing
 * that was issued has one thumbprint. Error: PKI_SIGNATURE_WRONG.
 */
export function requireOneSignature({ signatureKind, signature }: CertificateFields): void {
  if (signatureKind === "p256" && !isLowS(rawOf(signature))) throw pkiErrors.error("PKI_SIGNATURE_WRONG", { field: "s" });
}

/** r and s of 32 bytes each from their DER (RFC 3279, section 2.2.3), read strictly. */
function rawOf(der: Uint8Array): Uint8Array {
  const file = new DerReader(der, "signature");
  const pair = file.open(derTag.sequence, "signature");
  file.end();
  const raw = new Uint8Array(2 * ecdsaHalfBytes);
  for (const end of [ecdsaHalfBytes, 2 * ecdsaHalfBytes]) {
    const number = pair.integer();
    const digits = number[0] === 0 ? number.subarray(1) : number;
    if ((number[0] ?? 0) >= 0x80 || digits.length > ecdsaHalfBytes) throw pkiErrors.error("PKI_SIGNATURE_WRONG", { field: "signature" });
    raw.set(digits, end - digits.length);
  }
  pair.end();
  return raw;
}
