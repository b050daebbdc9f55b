import type { PublicKey, Randomness } from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { parseCertificate } from "../certificate.ts";
import { pkiErrors } from "../errors.ts";
import { type Purpose, signatureKindByOid } from "../labels.ts";
import { maxCommonNameBytes } from "../limits.ts";
import { type Authority, requireIssuer } from "./issuer.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyIdentifierOf,
  keyUsage,
  signCertificate,
  subjectKeyIdentifier,
} from "./signed-certificate.ts";

export interface IntermediateInput {
  /** The authority above: a root that permits an intermediate. */
  readonly authority: Authority;
  /** Its own name of X.509, for people: other than that of the authority above. What is longer than X.509 allows is cut. */
  readonly commonName: string;
  readonly publicKey: PublicKey;
  /** What it may certify: at least one. */
  readonly purposes: readonly Purpose[];
  readonly notBeforeSeconds: number;
  /** Where the authority's certificate ends earlier, the new one ends with it. */
  readonly notAfterSeconds: number;
  readonly random: Randomness;
}

/**
 * Issues the certificate (DER) of an intermediate authority, which certifies keys for the purposes that it lists and no authorities below
 * it. Errors: PKI_ISSUER_NOT_CA, PKI_AUTHORITY_KEY_WRONG, PKI_ISSUER_PURPOSE_WRONG, PKI_PATH_TOO_LONG, PKI_KEY_WRONG, PKI_PURPOSE_WRONG,
 * PKI_NAME_WRONG, PKI_VALIDITY_WRONG; those of `parseCertificate` for the authority's certificate; what the handle throws.
 */
export async function issueAuthority(input: IntermediateInput): Promise<Uint8Array> {
  const { authority, publicKey, purposes, notBeforeSeconds, random } = input;
  if (purposes.length === 0) throw pkiErrors.error("PKI_PURPOSE_WRONG", { field: "extendedKeyUsage" });
  const issuer = requireIssuer(authority, purposes);
  if (issuer.pathLength === 0) throw pkiErrors.error("PKI_PATH_TOO_LONG");
  if (![...signatureKindByOid.values()].includes(publicKey.kind)) throw pkiErrors.error("PKI_KEY_WRONG", { kind: publicKey.kind });
  const der = await signCertificate(
    {
      publicKey,
      subject: { commonName: input.commonName.slice(0, maxCommonNameBytes) },
      issuer: { der: issuer.subject },
      notBeforeSeconds,
      notAfterSeconds: Math.min(input.notAfterSeconds, issuer.notAfterSeconds),
      extensions: [
        basicConstraints(0),
        keyUsage(["keyCertSign", "cRLSign"]),
        extendedKeyUsage(purposes),
        subjectKeyIdentifier(keyIdentifierOf(publicKey)),
        authorityKeyIdentifier(issuer.subjectKeyIdentifier ?? keyIdentifierOf(issuer.publicKey)),
      ],
      random,
    },
    authority.key,
  );
  const { subject } = parseCertificate(der);
  if (equalBytes(subject, issuer.subject)) throw pkiErrors.error("PKI_NAME_WRONG", { field: "commonName" }); // nobody would accept it
  return der;
}
