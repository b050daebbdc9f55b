import { type Name, parseName } from "@sealane/wire";
import { DerReader, derTag } from "./der.ts";
import { malformed, pkiErrors } from "./errors.ts";
import { extensionOid, type KeyUsage, keyUsages, nameUriPrefix, refusedExtensionOids } from "./labels.ts";

/** What the extensions of a certificate say; absent ones are null. */
export interface Extensions {
  readonly name: Name | null;
  /** Whether the certificate may issue, and how many intermediates may follow below it (null: any number). */
  readonly authority: { readonly pathLength: number | null } | null;
  readonly keyUsage: { readonly bits: readonly KeyUsage[]; readonly critical: boolean } | null;
  readonly extendedKeyUsage: { readonly oids: readonly string[]; readonly critical: boolean } | null;
  readonly subjectKeyIdentifier: Uint8Array | null;
}

/**
 * Reads the extensions (RFC 5280, section 4.2), which come in the reader as a SEQUENCE. Those of `refusedExtensionOids` are refused;
 * others than those of `extensionOid` are passed over unless critical.
 *
 * Errors: PKI_CERTIFICATE_MALFORMED, PKI_EXTENSION_UNKNOWN, PKI_NAME_WRONG.
 */
export function readExtensions(reader: DerReader): Extensions {
  const found = collect(reader);
  const value = <T>(oid: string, read: (extension: Extension) => T): T | null => {
    const extension = found.get(oid);
    return extension === undefined ? null : read(extension);
  };
  return {
    name: value(extensionOid.subjectAltName, readName),
    authority: value(extensionOid.basicConstraints, readBasicConstraints),
    keyUsage: value(extensionOid.keyUsage, readKeyUsage),
    extendedKeyUsage: value(extensionOid.extendedKeyUsage, readExtendedKeyUsage),
    subjectKeyIdentifier: value(extensionOid.subjectKeyIdentifier, readSubjectKeyIdentifier),
  };
}

interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Extensions that may be critical; a key identifier must not be (RFC 5280, section 4.2.1.2). */
const criticalKnown: readonly string[] = [
  extensionOid.keyUsage,
  extensionOid.subjectAltName,
  extensionOid.basicConstraints,
  extensionOid.extendedKeyUsage,
];

function collect(reader: DerReader): Map<string, Extension> {
  const list = reader.open(derTag.sequence, "extensions");
  const found = new Map<string, Extension>();
  while (!list.done) {
    const item = list.open(derTag.sequence, "extension");
    const oid = item.oid();
    const critical = item.nextIs(derTag.boolean);
    if (critical && !item.boolean()) throw malformed("extension"); // FALSE is the default, which DER leaves out
    const value = item.content(derTag.octetString);
    item.end();
    if (found.has(oid)) throw malformed("extensions");
    if (refusedExtensionOids.includes(oid) || (critical && !criticalKnown.includes(oid)))
      throw pkiErrors.error("PKI_EXTENSION_UNKNOWN", { oid });
    found.set(oid, { critical, value });
  }
  if (found.size === 0) throw malformed("extensions");
  return found;
}

/** Exactly one entry, a URI `urn:sealane:NAME`. */
function readName({ value }: Extension): Name {
  const uri = 0x86; // [6] IMPLICIT IA5String
  const names = only(value, "subjectAltName");
  const entry = names.any();
  if (!names.done || entry.tag !== uri) throw pkiErrors.error("PKI_NAME_WRONG", { field: "subjectAltName" });
  const text = String.fromCharCode(...entry.content);
  if (!text.startsWith(nameUriPrefix)) throw pkiErrors.error("PKI_NAME_WRONG", { field: "subjectAltName" });
  try {
    return parseName(text.slice(nameUriPrefix.length));
  } catch (cause) {
    throw pkiErrors.error("PKI_NAME_WRONG", { field: "subjectAltName" }, cause);
  }
}

function readBasicConstraints({ value, critical }: Extension): Extensions["authority"] {
  const constraints = only(value, "basicConstraints");
  if (constraints.done) return null;
  const mayIssue = constraints.boolean();
  const pathLength = constraints.done ? null : constraints.smallInteger();
  constraints.end();
  if (!mayIssue || !critical) throw malformed("basicConstraints");
  return { pathLength };
}

function readKeyUsage({ value, critical }: Extension): NonNullable<Extensions["keyUsage"]> {
  const reader = new DerReader(value, "keyUsage");
  const bits = reader.namedBits().map((bit) => {
    const usage = keyUsages[bit];
    if (usage === undefined) throw malformed("keyUsage");
    return usage;
  });
  reader.end();
  return { bits, critical };
}

function readExtendedKeyUsage({ value, critical }: Extension): NonNullable<Extensions["extendedKeyUsage"]> {
  const list = only(value, "extendedKeyUsage");
  const oids: string[] = [];
  while (!list.done) oids.push(list.oid());
  if (oids.length === 0 || new Set(oids).size !== oids.length) throw malformed("extendedKeyUsage");
  return { oids, critical };
}

function readSubjectKeyIdentifier({ value }: Extension): Uint8Array {
  const reader = new DerReader(value, "subjectKeyIdentifier");
  const identifier = reader.content(derTag.octetString);
  reader.end();
  return identifier;
}

/** The reader of the one SEQUENCE that an extension's value is. */
function only(value: Uint8Array, field: string): DerReader {
  const outer = new DerReader(value, field);
  const inner = outer.open(derTag.sequence, field);
  outer.end();
  return inner;
}
