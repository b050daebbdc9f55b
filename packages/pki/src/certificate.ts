import { X509Certificate } from "node:crypto";
import { type KeyKind, PublicKey } from "@sealane/crypto";
import { equalBytes, type Name } from "@sealane/wire";
import { DerReader, derTag } from "./der.ts";
import { readTime } from "./der-time.ts";
import { malformed, pkiErrors } from "./errors.ts";
import { type Extensions, readExtensions } from "./extensions.ts";
import { keyUsageOf, type Purpose, purposeOfOid, purposes, signatureKindByOid } from "./labels.ts";
import { maxCertificateBytes, maxSerialBytes } from "./limits.ts";

/** What every certificate says. Nothing of it is proven: see `verifyCertificate`. */
export interface CertificateFields {
  readonly der: Uint8Array;
  /** What the signature covers. */
  readonly toBeSigned: Uint8Array;
  readonly serial: Uint8Array;
  /** Names of X.509 as DER; only compared, never shown. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Whole seconds since 1970, both inclusive. */
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
  readonly publicKey: PublicKey;
  readonly subjectKeyIdentifier: Uint8Array | null;
  /** The kind of key that signed it. */
  readonly signatureKind: KeyKind;
  /** As it stands in the certificate: of ECDSA the DER of r and s. */
  readonly signature: Uint8Array;
  /** The same certificate as OpenSSL reads it, which checks signatures. */
  readonly x509: X509Certificate;
}

/** A certificate of a party's key: one name, one purpose. */
export interface EndEntityCertificate extends CertificateFields {
  readonly kind: "end entity";
  readonly name: Name;
  readonly purpose: Purpose;
}

/** A certificate of an authority: CA flag and `keyCertSign`. */
export interface AuthorityCertificate extends CertificateFields {
  readonly kind: "authority";
  readonly name: Name | null;
  /** The purposes that it may certify, those that are known here; null: it lists none, as a root. */
  readonly purposes: readonly Purpose[] | null;
  /** Intermediates that may follow below it; null: any number. */
  readonly pathLength: number | null;
}

export type Certificate = EndEntityCertificate | AuthorityCertificate;

/**
 * Reads a certificate (RFC 5280, section 4) strictly: DER in its one encoding, version 3, the same signature algorithm inside and
 * outside, no unknown critical extension; an end entity has exactly one name (SAN URI `urn:sealane:NAME`), exactly one purpose
 * (critical extended key usage), the one key usage of its key (critical) and a key of a kind that fits. An authority's extended key
 * usage, where it has one, is critical and lists what it may certify. Common names are ignored.
 *
 * `der` is copied. Errors: PKI_CERTIFICATE_TOO_LARGE, PKI_CERTIFICATE_MALFORMED, PKI_ALGORITHM_UNKNOWN, PKI_EXTENSION_UNKNOWN,
 * PKI_NAME_WRONG, PKI_PURPOSE_WRONG, PKI_KEY_WRONG, PKI_ISSUER_NOT_CA (CA flag without `keyCertSign`).
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > maxCertificateBytes) {
    throw pkiErrors.error("PKI_CERTIFICATE_TOO_LARGE", { bytes: der.length, limit: maxCertificateBytes });
  }
  const { fields, extensions } = readCertificate(Uint8Array.from(der));
  return extensions.authority === null
    ? endEntity(fields, extensions)
    : authority(fields, { ...extensions, authority: extensions.authority });
}

function readCertificate(der: Uint8Array): { readonly fields: CertificateFields; readonly extensions: Extensions } {
  const file = new DerReader(der, "certificate");
  const outer = file.open(derTag.sequence, "certificate");
  file.end();
  const toBeSigned = outer.whole(derTag.sequence);
  const signatureAlgorithm = outer.whole(derTag.sequence);
  const signature = outer.bitStringBytes();
  outer.end();

  const inner = new DerReader(toBeSigned, "toBeSigned").open(derTag.sequence, "toBeSigned");
  readVersion(inner);
  const serial = readSerial(inner);
  if (!equalBytes(inner.whole(derTag.sequence), signatureAlgorithm)) throw malformed("signatureAlgorithm");
  const signatureKind = readSignatureAlgorithm(signatureAlgorithm);
  const issuer = readDistinguishedName(inner, "issuer");
  const validity = inner.open(derTag.sequence, "validity");
  const notBeforeSeconds = readTime(validity, "notBefore");
  const notAfterSeconds = readTime(validity, "notAfter");
  validity.end();
  const subject = readDistinguishedName(inner, "subject");
  const spki = inner.whole(derTag.sequence);
  const wrapped = inner.open(0xa3, "extensions"); // [3] EXPLICIT; the unique identifiers [1] and [2] are refused
  inner.end();
  const extensions = readExtensions(wrapped);
  wrapped.end();
  if (issuer.empty || (subject.empty && extensions.authority !== null)) throw malformed("issuer");

  return {
    fields: {
      der,
      toBeSigned,
      serial,
      issuer: issuer.der,
      subject: subject.der,
      notBeforeSeconds,
      notAfterSeconds,
      publicKey: readPublicKey(spki),
      subjectKeyIdentifier: extensions.subjectKeyIdentifier,
      signatureKind,
      signature,
      x509: readByOpenssl(der),
    },
    extensions,
  };
}

function endEntity(fields: CertificateFields, { name, keyUsage, extendedKeyUsage }: Extensions): EndEntityCertificate {
  if (name === null) throw pkiErrors.error("PKI_NAME_WRONG", { field: "subjectAltName" });
  const [oid, ...more] = extendedKeyUsage?.critical === true ? extendedKeyUsage.oids : [];
  const purpose = oid === undefined || more.length > 0 ? undefined : purposeOfOid(oid);
  if (purpose === undefined) throw pkiErrors.error("PKI_PURPOSE_WRONG", { field: "extendedKeyUsage" });
  const { kind } = fields.publicKey;
  if (!purposes[purpose].keyKinds.includes(kind)) throw pkiErrors.error("PKI_KEY_WRONG", { purpose, kind });
  const usageRight = keyUsage?.critical === true && keyUsage.bits.length === 1 && keyUsage.bits[0] === keyUsageOf(purpose, kind);
  if (!usageRight) throw pkiErrors.error("PKI_PURPOSE_WRONG", { field: "keyUsage" });
  return { ...fields, kind: "end entity", name, purpose };
}

function authority(
  fields: CertificateFields,
  extensions: Extensions & { readonly authority: NonNullable<Extensions["authority"]> },
): AuthorityCertificate {
  const { name, keyUsage, extendedKeyUsage } = extensions;
  if (extendedKeyUsage?.critical === false) throw pkiErrors.error("PKI_PURPOSE_WRONG", { field: "extendedKeyUsage" });
  if (keyUsage?.bits.includes("keyCertSign") !== true) throw pkiErrors.error("PKI_ISSUER_NOT_CA", { field: "keyUsage" });
  const { kind } = fields.publicKey;
  if (![...signatureKindByOid.values()].includes(kind)) throw pkiErrors.error("PKI_KEY_WRONG", { kind });
  const certified = extendedKeyUsage?.oids.map(purposeOfOid).filter((purpose) => purpose !== undefined) ?? null;
  return { ...fields, kind: "authority", name, purposes: certified, pathLength: extensions.authority.pathLength };
}

function readVersion(inner: DerReader): void {
  const version = inner.open(0xa0, "version"); // [0] EXPLICIT
  if (version.smallInteger() !== 2) throw malformed("version"); // v3 is 2
  version.end();
}

function readSerial(inner: DerReader): Uint8Array {
  const serial = inner.integer();
  const positive = (serial[0] ?? 0x80) < 0x80 && serial.some((byte) => byte !== 0);
  if (!positive || serial.length > maxSerialBytes) throw malformed("serial");
  return serial;
}

function readSignatureAlgorithm(der: Uint8Array): KeyKind {
  const algorithm = new DerReader(der, "signatureAlgorithm").open(derTag.sequence, "signatureAlgorithm");
  const oid = algorithm.oid();
  const kind = signatureKindByOid.get(oid);
  if (kind === undefined) throw pkiErrors.error("PKI_ALGORITHM_UNKNOWN", { oid });
  algorithm.end();
  return kind;
}

/** A Name: checked for its form only, so that comparing the bytes compares the names. */
function readDistinguishedName(inner: DerReader, field: string): { readonly der: Uint8Array; readonly empty: boolean } {
  const der = inner.whole(derTag.sequence);
  const parts = new DerReader(der, field).open(derTag.sequence, field);
  const empty = parts.done;
  while (!parts.done) {
    const attributes = parts.open(derTag.set, field);
    do {
      const attribute = attributes.open(derTag.sequence, field);
      attribute.oid();
      attribute.any();
      attribute.end();
    } while (!attributes.done);
  }
  return { der, empty };
}

function readPublicKey(spki: Uint8Array): PublicKey {
  try {
    return PublicKey.fromSpki(spki);
  } catch (cause) {
    throw pkiErrors.error("PKI_KEY_WRONG", {}, cause);
  }
}

function readByOpenssl(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw malformed("certificate", cause);
  }
}
