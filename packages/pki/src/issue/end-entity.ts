import type { PublicKey, Randomness } from "@sealane/crypto";
import type { Name } from "@sealane/wire";
import { pkiErrors } from "../errors.ts";
import { keyUsageOf, type Purpose, purposes } from "../labels.ts";
import { type Authority, requireIssuer } from "./issuer.ts";
import {
  authorityKeyIdentifier,
  extendedKeyUsage,
  keyIdentifierOf,
  keyUsage,
  signCertificate,
  subjectAltName,
  subjectKeyIdentifier,
} from "./signed-certificate.ts";

export interface CertificateInput {
  readonly authority: Authority;
  readonly subject: { readonly name: Name; readonly purpose: Purpose; readonly publicKey: PublicKey };
  readonly notBeforeSeconds: number;
  /** Where the authority's certificate ends earlier, the new one ends with it. */
  readonly notAfterSeconds: number;
  readonly random: Randomness;
}

/**
 * Issues a certificate (DER) for one key of one party and one purpose.
 *
 * The subject is empty: the name stands in the critical subject alternative name (RFC 5280, section 4.2.1.6). Errors:
 * PKI_ISSUER_NOT_CA, PKI_AUTHORITY_KEY_WRONG, PKI_ISSUER_PURPOSE_WRONG, PKI_KEY_WRONG, PKI_VALIDITY_WRONG; those of `parseCertificate` for the authority's
 * certificate; what the handle throws.
 */
export async function issueCertificate(input: CertificateInput): Promise<Uint8Array> {
  const { authority, subject, random, notBeforeSeconds } = input;
  const { purpose, publicKey } = subject;
  const issuer = requireIssuer(authority, [purpose]);
  if (!purposes[purpose].keyKinds.includes(publicKey.kind)) throw pkiErrors.error("PKI_KEY_WRONG", { purpose, kind: publicKey.kind });
  return await signCertificate(
    {
      publicKey,
      subject: null,
      issuer: { der: issuer.subject },
      notBeforeSeconds,
      notAfterSeconds: Math.min(input.notAfterSeconds, issuer.notAfterSeconds),
      extensions: [
        subjectAltName(subject.name),
        keyUsage([keyUsageOf(purpose, publicKey.kind)]),
        extendedKeyUsage([purpose]),
        subjectKeyIdentifier(keyIdentifierOf(publicKey)),
        authorityKeyIdentifier(issuer.subjectKeyIdentifier ?? keyIdentifierOf(issuer.publicKey)),
      ],
      random,
    },
    authority.key,
  );
}
