import type { SigningKey } from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { type AuthorityCertificate, parseCertificate } from "../certificate.ts";
import { pkiErrors } from "../errors.ts";
import type { Purpose } from "../labels.ts";

/** Who issues: a root's or intermediate's certificate (DER) with a handle of its key. */
export interface Authority {
  readonly certificate: Uint8Array;
  readonly key: SigningKey;
}

/**
 * Whether an authority's certificate and key belong together and it may certify all of some purposes: no verifier would accept what it
 * issued otherwise. Errors: PKI_ISSUER_NOT_CA, PKI_AUTHORITY_KEY_WRONG, PKI_ISSUER_PURPOSE_WRONG; those of `parseCertificate`.
 */
export function requireIssuer({ certificate, key }: Authority, wanted: readonly Purpose[]): AuthorityCertificate {
  const issuer = parseCertificate(certificate);
  if (issuer.kind !== "authority") throw pkiErrors.error("PKI_ISSUER_NOT_CA");
  if (!equalBytes(issuer.publicKey.spki, key.publicKey.spki)) throw pkiErrors.error("PKI_AUTHORITY_KEY_WRONG");
  const { purposes } = issuer;
  const missing = purposes === null ? undefined : wanted.find((purpose) => !purposes.includes(purpose));
  if (missing !== undefined) throw pkiErrors.error("PKI_ISSUER_PURPOSE_WRONG", { purpose: missing });
  return issuer;
}
