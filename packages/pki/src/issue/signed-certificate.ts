import "reflect-metadata"; // before the library, which needs it while it is loaded

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  Name as DistinguishedName,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { ecdsaBytes, type KeyKind, lowS, type PublicKey, type Randomness, type SigningKey, sha256, verifySignature } from "@sealane/crypto";
import { equalBytes, type Name } from "@sealane/wire";
import { parseCertificate } from "../certificate.ts";
import { malformed, pkiErrors } from "../errors.ts";
import { type KeyUsage, keyUsages, nameUriPrefix, type Purpose, purposeOid } from "../labels.ts";
import { issuedSerialBytes, keyIdentifierBytes, maxCertificateSeconds } from "../limits.ts";

/** What a certificate is to say. */
export interface CertificateContent {
  readonly publicKey: PublicKey;
  readonly subject: { readonly commonName: string } | null;
  readonly issuer: { readonly commonName: string } | { readonly der: Uint8Array };
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
  readonly extensions: readonly Extension[];
  readonly random: Randomness;
}

/**
 * Builds a certificate and has it signed by a handle, which may stand for a token: once without signature, to learn the bytes that
 * are signed, and once with it. What comes out was read again and its signature checked.
 *
 * Errors: PKI_VALIDITY_WRONG, PKI_AUTHORITY_KEY_WRONG (also for a key whose signatures certificates cannot have),
 * PKI_CERTIFICATE_MALFORMED (an issuer's name that the library writes otherwise than it stands in its certificate), CRYPTO_SIGNATURE_WRONG
 * (a handle whose ECDSA signature is none); what the handle throws.
 */
export async function signCertificate(content: CertificateContent, key: SigningKey): Promise<Uint8Array> {
  const serial = newSerial(content.random);
  requireValidity(content);
  const signingAlgorithm = libraryAlgorithms.get(key.publicKey.kind);
  if (signingAlgorithm === undefined) throw pkiErrors.error("PKI_AUTHORITY_KEY_WRONG", { kind: key.publicKey.kind });
  const build = async (signature: Uint8Array): Promise<Uint8Array> => {
    const certificate = await X509CertificateGenerator.create({
      serialNumber: Buffer.from(serial).toString("hex"),
      ...(content.subject === null ? {} : { subject: distinguishedName(content.subject) }),
      issuer: distinguishedName(content.issuer),
      notBefore: new Date(content.notBeforeSeconds * 1000),
      notAfter: new Date(content.notAfterSeconds * 1000),
      publicKey: Uint8Array.from(content.publicKey.spki),
      extensions: [...content.extensions],
      signingAlgorithm,
      signature: Uint8Array.from(signature),
    });
    return new Uint8Array(certificate.rawData);
  };
  const draft = parseCertificate(await build(new Uint8Array(draftSignatureBytes)));
  if ("der" in content.issuer && !equalBytes(draft.issuer, content.issuer.der)) throw malformed("issuer");
  const signature = oneSignature(key.publicKey.kind, await key.sign(draft.toBeSigned));
  const certificate = parseCertificate(await build(signature));
  try {
    verifySignature(key.publicKey, certificate.toBeSigned, signature);
  } catch (cause) {
    throw pkiErrors.error("PKI_AUTHORITY_KEY_WRONG", {}, cause);
  }
  return certificate.der;
}

/** Whatever a token or service gives: of the two signatures of ECDSA the one that verifiers accept (`requireOneSignature`). */
function oneSignature(kind: KeyKind, signature: Uint8Array): Uint8Array {
  return kind === "p256" && signature.length === ecdsaBytes ? lowS(signature) : signature;
}

/** Of any length but that of ECDSA, which is divided into r and s: what is signed does not depend on it. */
const draftSignatureBytes = 64;

/** The algorithms that certificates are signed with, as the library calls them; it turns r and s of ECDSA into DER. */
const libraryAlgorithms: ReadonlyMap<KeyKind, { readonly name: string; readonly namedCurve?: string }> = new Map([
  ["ed25519", { name: "Ed25519" }],
  ["p256", { name: "ECDSA", namedCurve: "P-256" }],
  ["ml-dsa-65", { name: "ML-DSA-65" }],
]);

/** The first 160 bits of the key's SHA-256 (RFC 7093, section 2, method 1). */
export function keyIdentifierOf(publicKey: PublicKey): Uint8Array {
  return sha256(publicKey.raw).subarray(0, keyIdentifierBytes);
}

export function basicConstraints(pathLength: number): Extension {
  return new BasicConstraintsExtension(true, pathLength, true);
}

export function keyUsage(usages: readonly KeyUsage[]): Extension {
  const flags = usages.map((usage) => 1 << keyUsages.indexOf(usage)); // the library counts bits from the other end
  return new KeyUsagesExtension(
    flags.reduce((all, flag) => all | flag, 0),
    true,
  );
}

export function extendedKeyUsage(purposes: readonly Purpose[]): Extension {
  return new ExtendedKeyUsageExtension(purposes.map(purposeOid), true);
}

export function subjectAltName(name: Name): Extension {
  return new SubjectAlternativeNameExtension([{ type: "url", value: `${nameUriPrefix}${name}` }], true);
}

export function subjectKeyIdentifier(identifier: Uint8Array): Extension {
  return new SubjectKeyIdentifierExtension(Buffer.from(identifier).toString("hex"));
}

export function authorityKeyIdentifier(identifier: Uint8Array): Extension {
  return new AuthorityKeyIdentifierExtension(Buffer.from(identifier).toString("hex"));
}

/** Always the full length: the top bits are 01, so it is positive and has no leading zero. */
function newSerial(random: Randomness): Uint8Array {
  const [first = 0, ...rest] = random.bytes(issuedSerialBytes);
  return Uint8Array.of((first & 0x3f) | 0x40, ...rest);
}

function requireValidity({ notBeforeSeconds, notAfterSeconds }: CertificateContent): void {
  const sayable = (seconds: number): boolean => Number.isSafeInteger(seconds) && seconds >= 0 && seconds <= maxCertificateSeconds;
  if (!sayable(notBeforeSeconds) || !sayable(notAfterSeconds) || notBeforeSeconds > notAfterSeconds) {
    throw pkiErrors.error("PKI_VALIDITY_WRONG", { notBeforeSeconds, notAfterSeconds });
  }
}

function distinguishedName(name: { readonly commonName: string } | { readonly der: Uint8Array }): DistinguishedName {
  return "der" in name
    ? new DistinguishedName(Uint8Array.from(name.der))
    : new DistinguishedName([{ CN: [{ utf8String: name.commonName }] }]);
}
