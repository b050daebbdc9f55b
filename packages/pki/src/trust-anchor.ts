import { sha256 } from "@sealane/crypto";
import { equalBytes, type Name, type Thumbprint, thumbprint } from "@sealane/wire";
import { type AuthorityCertificate, parseCertificate } from "./certificate.ts";
import { pkiErrors } from "./errors.ts";
import { maxCertificateBytes } from "./limits.ts";
import { isSignedBy } from "./signature.ts";

declare const trusted: unique symbol;

/** An authority's root certificate that somebody decided to trust; made by {@link trustAnchor} only. */
export interface TrustAnchor {
  readonly [trusted]: true;
  readonly der: Uint8Array;
  readonly thumbprint: Thumbprint;
  readonly name: Name | null;
  /** @internal As `verifyCertificate` needs it. */
  readonly certificate: AuthorityCertificate;
}

/**
 * Makes a trust anchor of a self-signed authority's certificate; whoever calls it decides that the authority is trusted.
 *
 * `fingerprint` is the SHA-256 of the DER that came by another way (with an enrolment token), and is compared before anything is
 * read. A root lists no purposes: a list that is not looked at would promise what nobody keeps. Errors: PKI_FINGERPRINT_WRONG,
 * PKI_ISSUER_NOT_CA, PKI_ANCHOR_NOT_SELF_SIGNED, PKI_PURPOSE_WRONG; those of `parseCertificate`.
 */
export function trustAnchor(der: Uint8Array, options: { readonly fingerprint?: Thumbprint } = {}): TrustAnchor {
  if (der.length > maxCertificateBytes) {
    throw pkiErrors.error("PKI_CERTIFICATE_TOO_LARGE", { bytes: der.length, limit: maxCertificateBytes });
  }
  const actual = thumbprint(sha256(der));
  if (options.fingerprint !== undefined && !equalBytes(options.fingerprint, actual)) {
    throw pkiErrors.error("PKI_FINGERPRINT_WRONG", { actual: hex(actual), expected: hex(options.fingerprint) });
  }
  const certificate = parseCertificate(der);
  if (certificate.kind !== "authority") throw pkiErrors.error("PKI_ISSUER_NOT_CA");
  const selfSigned = equalBytes(certificate.issuer, certificate.subject) && isSignedBy(certificate, certificate);
  if (!selfSigned) throw pkiErrors.error("PKI_ANCHOR_NOT_SELF_SIGNED");
  if (certificate.purposes !== null) throw pkiErrors.error("PKI_PURPOSE_WRONG", { field: "extendedKeyUsage" });
  const anchor: Omit<TrustAnchor, typeof trusted> = { der: certificate.der, thumbprint: actual, name: certificate.name, certificate };
  return Object.freeze(anchor) as TrustAnchor;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
