import { coseErrors, coseTag, headerLabel, parseSign1, requireBytes, requireForm, sign1, verifySign1 } from "@sealane/cose";
import type { SigningKey } from "@sealane/crypto";
import {
  maxCertificateBytes,
  maxChainCertificates,
  parseCertificate,
  type TrustAnchor,
  type VerifiedCertificate,
  verifyCertificate,
} from "@sealane/pki";
import { type CborValue, type Codec, decode, encode, equalBytes, hasCode, type Name, SealaneError, Tagged } from "@sealane/wire";
import { type SoftwareCode, softwareErrors } from "./errors.ts";
import { contextPrefix, type statementContext } from "./labels.ts";

/**
 * What a licence and a release have in common: a tagged COSE_Sign1 whose protected header carries the signer's certificate chain
 * (x5chain, RFC 9360) and whose external_aad names the kind, so that one kind never passes as another.
 */

/** One kind of statement. */
export interface StatementKind {
  /** Third element of the external_aad. */
  readonly context: (typeof statementContext)[keyof typeof statementContext];
  readonly purpose: "licence-sign" | "release-sign" | "order-sign";
  /** Wrapped in the CWT tag (RFC 8392, section 6). */
  readonly isCwt: boolean;
  readonly maxBytes: number;
  readonly codes: {
    readonly malformed: SoftwareCode;
    readonly untrusted: SoftwareCode;
    readonly signature: SoftwareCode;
    /** Where the signer's certificate begins later or has ended; `untrusted` unless told. */
    readonly early?: SoftwareCode;
    readonly expired?: SoftwareCode;
  };
}

export interface StatementSigner {
  readonly key: SigningKey;
  /** DER certificates, the leaf first, without the root. */
  readonly chain: readonly Uint8Array[];
}

export interface StatementTrust {
  readonly anchors: readonly TrustAnchor[];
  readonly nowSeconds: number;
}

/** A statement that was read and not judged. */
export interface UnverifiedStatement {
  readonly payload: Uint8Array;
  readonly chain: readonly Uint8Array[];
  /** The COSE_Sign1, with its own tag. */
  readonly sign1: CborValue;
}

/** Signs a payload in the name of `name`. Error: STATEMENT_SIGNER_WRONG unless key, name and purpose are those of the certificate. */
export async function signStatement(
  kind: StatementKind,
  signer: StatementSigner,
  statement: { readonly name: Name; readonly payload: Uint8Array },
): Promise<Uint8Array> {
  const { key, chain } = signer;
  requireSigner(kind, signer, statement.name);
  const protectedAlso = new Map([[headerLabel.x5chain, chainValue(chain)]]);
  const signed = await sign1(key, { payload: statement.payload, externalAad: externalAad(kind), protectedAlso, tagged: true });
  return encode(kind.isCwt ? new Tagged(coseTag.cwt, signed) : signed);
}

/** Reads a statement without judging chain or signature. Error: the kind's `malformed`. */
export function parseStatement(kind: StatementKind, bytes: Uint8Array): UnverifiedStatement {
  return orMalformed(kind, () => {
    const value = decode(bytes, kind.maxBytes);
    requireForm(value, { tag: coseTag.cwt, tagged: kind.isCwt });
    const inner = kind.isCwt && value instanceof Tagged ? value.value : value;
    requireForm(inner, { tag: coseTag.sign1, tagged: true });
    const { protectedHeader, rest } = parseSign1(inner);
    return { payload: requireBytes(rest[0]), chain: chainOf(protectedHeader.get(headerLabel.x5chain)), sign1: inner };
  });
}

/** Proves who signed a statement: first the certificate, then the signature. Errors: the kind's. */
export function verifyStatement(
  kind: StatementKind,
  bytes: Uint8Array,
  trust: StatementTrust,
): { readonly payload: Uint8Array; readonly certificate: VerifiedCertificate } {
  const { chain, sign1: value } = parseStatement(kind, bytes);
  const certificate = verifySigner(kind, chain, trust);
  return orMalformed(kind, () => {
    const expected = { publicKey: certificate.publicKey, externalAad: externalAad(kind), protectedAlso: [headerLabel.x5chain] };
    return { payload: verifySign1(value, { ...expected, tagged: true }), certificate };
  });
}

/** Runs what reads a statement's content and names the kind when that fails. */
export function orMalformed<T>(kind: StatementKind, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (hasCode(cause, "CRYPTO_SIGNATURE_WRONG")) throw softwareErrors.error(kind.codes.signature, {}, cause);
    if (!(cause instanceof SealaneError)) throw cause;
    throw softwareErrors.error(kind.codes.malformed, { ...cause.details, reason: cause.code }, cause);
  }
}

/** Checks what a statement is to say by its codec before it is signed. Error: STATEMENT_CONTENT_WRONG, with the field. */
export function requireContent<T>(codec: Codec<T>, content: T): void {
  try {
    codec.fromCbor(codec.toCbor(content), "statement");
  } catch (cause) {
    if (!(cause instanceof SealaneError)) throw cause;
    throw softwareErrors.error("STATEMENT_CONTENT_WRONG", cause.details, cause);
  }
}

function verifySigner(kind: StatementKind, chain: readonly Uint8Array[], trust: StatementTrust): VerifiedCertificate {
  try {
    return verifyCertificate({ chain, anchors: trust.anchors, purpose: kind.purpose, nowSeconds: trust.nowSeconds });
  } catch (cause) {
    if (!(cause instanceof SealaneError)) throw cause;
    throw softwareErrors.error(signerCode(kind, cause), { reason: cause.code }, cause);
  }
}

/** A clock or a time that is over is told apart from a stranger: the advice and the exit code differ. */
function signerCode({ codes }: StatementKind, cause: SealaneError): SoftwareCode {
  if (hasCode(cause, "PKI_CERTIFICATE_NOT_YET_VALID")) return codes.early ?? codes.untrusted;
  if (hasCode(cause, "PKI_CERTIFICATE_EXPIRED")) return codes.expired ?? codes.untrusted;
  return codes.untrusted;
}

function requireSigner(kind: StatementKind, { key, chain }: StatementSigner, name: Name): void {
  const [leafDer] = chain;
  if (leafDer === undefined || chain.length > maxChainCertificates)
    throw softwareErrors.error("STATEMENT_SIGNER_WRONG", { certificates: chain.length });
  const leaf = parseCertificate(leafDer);
  const { purpose } = kind;
  if (leaf.kind !== "end entity" || leaf.purpose !== purpose) throw softwareErrors.error("STATEMENT_SIGNER_WRONG", { purpose });
  if (leaf.name !== name) throw softwareErrors.error("STATEMENT_SIGNER_WRONG", { name, certificate: leaf.name });
  if (!equalBytes(leaf.publicKey.spki, key.publicKey.spki)) throw softwareErrors.error("STATEMENT_SIGNER_WRONG", { key: "another" });
}

/** COSE_X509: one certificate is a byte string, more are an array (RFC 9360, section 2). */
function chainValue(chain: readonly Uint8Array[]): CborValue {
  const [leaf, ...more] = chain;
  return leaf !== undefined && more.length === 0 ? leaf : [...chain];
}

function chainOf(value: CborValue | undefined): readonly Uint8Array[] {
  const isList = Array.isArray(value);
  const chain: readonly Uint8Array[] = isList ? value.map(requireBytes) : [requireBytes(value)];
  const lengthRight = isList ? chain.length >= 2 && chain.length <= maxChainCertificates : true;
  if (!lengthRight || chain.some((certificate) => certificate.length > maxCertificateBytes))
    throw coseErrors.error("COSE_HEADER_WRONG", { parameter: "x5chain" });
  return chain;
}

function externalAad(kind: StatementKind): Uint8Array {
  return encode([...contextPrefix, kind.context]);
}
