import type { AuthorityCertificate, CertificateFields } from "./certificate.ts";
import { pkiErrors } from "./errors.ts";

/** Refuses a certificate that was not signed with the issuer's key. Error: PKI_SIGNATURE_WRONG. */
export function requireSignatureBy(certificate: CertificateFields, issuer: AuthorityCertificate): void {
  if (!isSignedBy(certificate, issuer)) throw pkiErrors.error("PKI_SIGNATURE_WRONG");
}

/** For choosing between issuers of one name; everything else wants {@link requireSignatureBy}. */
export function isSignedBy(certificate: CertificateFields, issuer: AuthorityCertificate): boolean {
  return certificate.signatureKind === issuer.publicKey.kind && certificate.x509.verify(issuer.x509.publicKey);
}
