import { type PublicKey, sha256 } from "@sealane/crypto";
import { equalBytes, type Name, type Thumbprint, thumbprint } from "@sealane/wire";
import { type AuthorityCertificate, type Certificate, type CertificateFields, parseCertificate } from "./certificate.ts";
import { pkiErrors } from "./errors.ts";
import type { Purpose } from "./labels.ts";
import { maxChainCertificates } from "./limits.ts";
import { isSignedBy, requireOneSignature, requireSignatureBy } from "./signature.ts";
import type { TrustAnchor } from "./trust-anchor.ts";

declare const verified: unique symbol;

/** A certificate whose chain, validity and purpose were proven; made by {@link verifyCertificate} only. */
export interface VerifiedCertificate {
  readonly [verified]: true;
  readonly der: Uint8Array;
  readonly thumbprint: Thumbprint;
  readonly name: Name;
  readonly purpose: Purpose;
  readonly publicKey: PublicKey;
  /** When the whole path is valid, in seconds since 1970, both inclusive: the latest start and the earliest end of its certificates. */
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
  /** As received: the leaf first, without the root. */
  readonly chain: readonly Uint8Array[];
  /** Whom the chain leads to. */
  readonly anchor: TrustAnchor;
}

export interface VerifyCertificateInput {
  /** DER certificates, the leaf first, without the root. */
  readonly chain: readonly Uint8Array[];
  readonly anchors: readonly TrustAnchor[];
  readonly purpose: Purpose;
  /** The party that is expected, where that is known. */
  readonly name?: Name;
  readonly nowSeconds: number;
}

/**
 * Proves a certificate for one purpose at one time (RFC 5280, section 6, without policies and name constraints, which are refused).
 * Checks in this order: size, encoding and structure of every element, names from leaf to anchor, CA flag and path lengths, signatures,
 * validity of every element and the anchor, purpose, that every intermediate lists the purpose, name. Revocation is not decided here.
 *
 * Errors: PKI_CHAIN_LENGTH_WRONG; those of `parseCertificate`; PKI_CHAIN_UNTRUSTED, PKI_ISSUER_NOT_CA, PKI_PATH_TOO_LONG,
 * PKI_SIGNATURE_WRONG (also for an ECDSA signature with a high s), PKI_CERTIFICATE_NOT_YET_VALID, PKI_CERTIFICATE_EXPIRED,
 * PKI_PURPOSE_WRONG, PKI_ISSUER_PURPOSE_WRONG, PKI_NAME_WRONG.
 */
export function verifyCertificate(input: VerifyCertificateInput): VerifiedCertificate {
  const { leaf, issuers } = parseChain(input.chain);
  const candidates = anchorsOf([leaf, ...issuers], input.anchors);
  const authorities = requireAuthorities(issuers);
  const permitting = requirePathLengths(authorities, candidates);
  const anchor = requireSignatures([leaf, ...authorities], { authorities, anchors: permitting });
  const validity = requireValidity([leaf, ...authorities, anchor.certificate], input.nowSeconds);
  if (leaf.kind !== "end entity" || leaf.purpose !== input.purpose) {
    throw pkiErrors.error("PKI_PURPOSE_WRONG", { expected: input.purpose, got: leaf.kind === "end entity" ? leaf.purpose : leaf.kind });
  }
  requireCertifying(authorities, input.purpose);
  if (input.name !== undefined && leaf.name !== input.name) {
    throw pkiErrors.error("PKI_NAME_WRONG", { expected: input.name, got: leaf.name });
  }
  const { der, name, purpose, publicKey } = leaf;
  const chain = [leaf, ...authorities].map((certificate) => certificate.der);
  return proven({ der, thumbprint: thumbprint(sha256(der)), name, purpose, publicKey, ...validity, chain, anchor });
}

/** An intermediate authority that was proven to be directly below an anchor; made by {@link verifyIntermediate} only. */
export interface VerifiedIntermediate {
  readonly [verified]: true;
  readonly der: Uint8Array;
  readonly publicKey: PublicKey;
  /** When it and its anchor are valid, in seconds since 1970, both inclusive. */
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
}

/**
 * Proves the certificate of an intermediate authority directly below an anchor at one time, in the order of {@link verifyCertificate}.
 *
 * Errors: those of `parseCertificate`; PKI_CHAIN_UNTRUSTED, PKI_ISSUER_NOT_CA, PKI_PATH_TOO_LONG, PKI_SIGNATURE_WRONG,
 * PKI_CERTIFICATE_NOT_YET_VALID, PKI_CERTIFICATE_EXPIRED.
 */
export function verifyIntermediate(
  der: Uint8Array,
  { anchor, nowSeconds }: { readonly anchor: TrustAnchor; readonly nowSeconds: number },
): VerifiedIntermediate {
  const certificate = parseCertificate(der);
  const candidates = anchorsOf([certificate], [anchor]);
  const authorities = requireAuthorities([certificate]);
  const anchors = requirePathLengths(authorities, candidates);
  const issuer = requireSignatures([certificate], { authorities: [], anchors });
  const validity = requireValidity([certificate, issuer.certificate], nowSeconds);
  const { publicKey } = certificate;
  return Object.freeze({ der: certificate.der, publicKey, ...validity }) as VerifiedIntermediate;
}

function parseChain(chain: readonly Uint8Array[]): { readonly leaf: Certificate; readonly issuers: readonly Certificate[] } {
  const [leaf, ...issuers] = chain;
  if (leaf === undefined || chain.length > maxChainCertificates) {
    throw pkiErrors.error("PKI_CHAIN_LENGTH_WRONG", { certificates: chain.length, limit: maxChainCertificates });
  }
  return { leaf: parseCertificate(leaf), issuers: issuers.map(parseCertificate) };
}

/** Each element names the next as issuer, the last one an anchor; a root within the chain is refused. */
function anchorsOf(chain: readonly Certificate[], anchors: readonly TrustAnchor[]): readonly TrustAnchor[] {
  for (const [i, certificate] of chain.entries()) {
    const next = chain[i + 1];
    const chained = next === undefined || equalBytes(certificate.issuer, next.subject);
    if (!chained || equalBytes(certificate.issuer, certificate.subject)) throw pkiErrors.error("PKI_CHAIN_UNTRUSTED", { certificate: i });
  }
  const last = chain.at(-1);
  const candidates = anchors.filter(({ certificate }) => last !== undefined && equalBytes(last.issuer, certificate.subject));
  if (candidates.length === 0) throw pkiErrors.error("PKI_CHAIN_UNTRUSTED");
  return candidates;
}

function requireAuthorities(issuers: readonly Certificate[]): readonly AuthorityCertificate[] {
  return issuers.map((issuer, i) => {
    if (issuer.kind !== "authority") throw pkiErrors.error("PKI_ISSUER_NOT_CA", { certificate: i + 1 });
    return issuer;
  });
}

/** The authority at place i has i intermediates below it; gives the anchors that permit all of them. */
function requirePathLengths(authorities: readonly AuthorityCertificate[], anchors: readonly TrustAnchor[]): readonly TrustAnchor[] {
  const permits = ({ pathLength }: AuthorityCertificate, below: number): boolean => pathLength === null || pathLength >= below;
  const permitting = anchors.filter(({ certificate }) => permits(certificate, authorities.length));
  if (permitting.length === 0 || !authorities.every(permits)) throw pkiErrors.error("PKI_PATH_TOO_LONG");
  return permitting;
}

/** Gives the anchor whose key signed the last element. */
function requireSignatures(
  chain: readonly CertificateFields[],
  by: { readonly authorities: readonly AuthorityCertificate[]; readonly anchors: readonly TrustAnchor[] },
): TrustAnchor {
  for (const [i, authority] of by.authorities.entries()) {
    const issued = chain[i];
    if (issued !== undefined) requireSignatureBy(issued, authority);
  }
  const last = chain.at(-1);
  const anchor = by.anchors.find(({ certificate }) => last !== undefined && isSignedBy(last, certificate));
  if (anchor === undefined) throw pkiErrors.error("PKI_SIGNATURE_WRONG");
  for (const certificate of chain) requireOneSignature(certificate);
  return anchor;
}

/** An intermediate certifies only what its own certificate lists; one without a list nothing. */
function requireCertifying(authorities: readonly AuthorityCertificate[], purpose: Purpose): void {
  for (const [i, authority] of authorities.entries()) {
    if (authority.purposes?.includes(purpose) !== true) throw pkiErrors.error("PKI_ISSUER_PURPOSE_WRONG", { certificate: i + 1, purpose });
  }
}

function requireValidity(
  path: readonly CertificateFields[],
  nowSeconds: number,
): { readonly notBeforeSeconds: number; readonly notAfterSeconds: number } {
  const notBeforeSeconds = Math.max(...path.map((certificate) => certificate.notBeforeSeconds));
  const notAfterSeconds = Math.min(...path.map((certificate) => certificate.notAfterSeconds));
  // Written so that a time that is no number is refused.
  if (!(nowSeconds >= notBeforeSeconds)) throw pkiErrors.error("PKI_CERTIFICATE_NOT_YET_VALID", { notBeforeSeconds, nowSeconds });
  if (!(nowSeconds <= notAfterSeconds)) throw pkiErrors.error("PKI_CERTIFICATE_EXPIRED", { notAfterSeconds, nowSeconds });
  return { notBeforeSeconds, notAfterSeconds };
}

function proven(fields: Omit<VerifiedCertificate, typeof verified>): VerifiedCertificate {
  return Object.freeze(fields) as VerifiedCertificate;
}
