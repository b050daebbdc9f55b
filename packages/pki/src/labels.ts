import { type KeyKind, signingKinds as signing } from "@sealane/crypto";

/** Sealane's own arc: a UUID made once for it (ITU-T X.667, section 7), so that nobody had to be asked for a number. */
const sealaneArc = "2.25.273132093521790191817862106249223041910";

/**
 * What a certified key does; exactly one stands in a party's certificate, as its only extended key usage (docs/protocol.md, one key, one
 * purpose). An intermediate authority's certificate lists those that it may certify.
 */
export type Purpose =
  | "terminal-sign"
  | "terminal-decrypt"
  | "terminal-agree"
  | "server-sign"
  | "server-decrypt"
  | "server-agree"
  | "licence-sign"
  | "release-sign"
  | "enrol-decrypt"
  | "order-sign";

/** What a purpose needs: the last number of its object identifier below {@link sealaneArc}, and the kinds of key that can do it. */
export interface PurposeEntry {
  readonly number: number;
  readonly keyKinds: readonly KeyKind[];
}

const decryption: readonly KeyKind[] = ["x25519", "x-wing", "p256", "rsa2048", "rsa3072", "rsa4096"];
const agreement: readonly KeyKind[] = ["x25519", "x-wing", "p256", "ffdhe2048", "ffdhe3072", "ffdhe4096"];

/** The purposes; numbers are never given twice. */
export const purposes: Readonly<Record<Purpose, PurposeEntry>> = {
  "terminal-sign": { number: 1, keyKinds: signing },
  "terminal-decrypt": { number: 2, keyKinds: decryption },
  "terminal-agree": { number: 3, keyKinds: agreement },
  "server-sign": { number: 11, keyKinds: signing },
  "server-decrypt": { number: 12, keyKinds: decryption },
  "server-agree": { number: 13, keyKinds: agreement },
  "licence-sign": { number: 21, keyKinds: signing },
  "release-sign": { number: 22, keyKinds: signing },
  // What is encrypted to it is a token that stays worth something: no other kind will do.
  "enrol-decrypt": { number: 23, keyKinds: ["x-wing"] },
  "order-sign": { number: 24, keyKinds: signing },
};

/** The object identifier of a purpose, dotted. */
export function purposeOid(purpose: Purpose): string {
  return `${sealaneArc}.${purposes[purpose].number}`;
}

const purposeByOid = new Map((Object.keys(purposes) as Purpose[]).map((purpose) => [purposeOid(purpose), purpose]));

/** The purpose of an object identifier, if it is one of ours. */
export function purposeOfOid(oid: string): Purpose | undefined {
  return purposeByOid.get(oid);
}

/** Bits of the key usage extension by their numbers (RFC 5280, section 4.2.1.3). */
export type KeyUsage = (typeof keyUsages)[number];

export const keyUsages = [
  "digitalSignature",
  "contentCommitment",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/**
 * The one key usage of an end entity's key. X.509 knows a curve and a finite-field group for agreement only, whatever encryption is
 * built on them (RFC 9295, section 3; RFC 5480, section 3), and RSA and a KEM for key encipherment (RFC 9935, section 5, for ML-KEM).
 */
export function keyUsageOf(purpose: Purpose, kind: KeyKind): KeyUsage {
  if (purpose.endsWith("-sign")) return "digitalSignature";
  return kind === "x-wing" || kind.startsWith("rsa") ? "keyEncipherment" : "keyAgreement";
}

/** Extensions that are understood (RFC 5280, section 4.2.1). */
export const extensionOid = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
} as const;

/**
 * Extensions that are refused, critical or not: name constraints, policy mappings, policy constraints and inhibitAnyPolicy (RFC 5280,
 * sections 4.2.1.10, .5, .11 and .14). An issuer limits by them what a certificate below it may do; a verifier that passes them over
 * accepts more than the issuer allowed.
 */
export const refusedExtensionOids: readonly string[] = ["2.5.29.30", "2.5.29.33", "2.5.29.36", "2.5.29.54"];

/**
 * Signature algorithms of certificates by the dotted identifier; parameters are absent (RFC 8410, section 3; RFC 5758, section 3.2;
 * RFC 9881, section 2).
 */
export const signatureKindByOid: ReadonlyMap<string, KeyKind> = new Map([
  ["1.3.101.112", "ed25519"],
  ["1.2.840.10045.4.3.2", "p256"], // ecdsa-with-SHA256
  ["2.16.840.1.101.3.4.3.18", "ml-dsa-65"],
]);

/** What stands before a party's name in the one subject alternative name. */
export const nameUriPrefix = "urn:sealane:";
