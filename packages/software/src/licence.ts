import { claimLabel } from "@sealane/cose";
import { sha256 } from "@sealane/crypto";
import {
  type Bytes,
  bytesAs,
  bytesOf,
  type Codec,
  type Digest,
  decodeAs,
  encodeAs,
  listOf,
  type Name,
  nameCodec,
  nullable,
  oneOf,
  text,
  uint,
  wireErrors,
} from "@sealane/wire";
import { claimsCodec } from "./claims-codec.ts";
import { anonymousRecipient, everyRecipient, licenceClaim, nameUriPrefix, statementContext } from "./labels.ts";
import { licenceIdBytes, maxCopyrightBytes, maxLicenceBytes, maxRights, maxWordBytes } from "./limits.ts";
import {
  orMalformed,
  parseStatement,
  requireContent,
  type StatementKind,
  type StatementSigner,
  signStatement,
} from "./signed-statement.ts";
import { type SoftwareDescription, softwareDescriptionCodec } from "./software-description.ts";

/**
 * Licences: who may use which artefact, until when, with which rights (requirement LIC). A CBOR web token (RFC 8392),
 * CWT tag around a tagged COSE_Sign1, signed with a `licence-sign` certificate; checked offline.
 */

/** A licence's own id: 16 random bytes. */
export type LicenceId = Bytes<"licence id">;
export const licenceId: (bytes: Uint8Array) => LicenceId = bytesOf("licence id", licenceIdBytes);

/** Whom a licence is for: a party, a terminal that stays anonymous, or everybody (broadcasts). No party may be named "anonymous". */
export type LicenceRecipient = Name | typeof anonymousRecipient | typeof everyRecipient;

/** What a licence says. */
export interface Licence extends SoftwareDescription {
  readonly issuer: Name;
  readonly recipient: LicenceRecipient;
  readonly licenceId: LicenceId;
  readonly issuedAtSeconds: number;
  /** The first second at which it may be used. */
  readonly notBeforeSeconds: number;
  /** The first second at which it may not any more. */
  readonly expiresAtSeconds: number;
  /** When the content key ends, if before the licence: a key may live for one delivery or for months (requirement KLIFE). */
  readonly keyExpiresAtSeconds: number | null;
  /** Whether the content key is kept as proof or discarded after the delivery (requirement KREP); null: as the terminal's policy says. */
  readonly keyRetention: KeyRetention | null;
  /** What the recipient may do, in the issuer's words; at most 32. */
  readonly rights: readonly string[];
  readonly copyright: string | null;
}

/** What becomes of a content key after the delivery. */
export const keyRetentions = ["keep", "discard"] as const;
/** One of {@link keyRetentions}. */
export type KeyRetention = (typeof keyRetentions)[number];

/** A licence to be issued: what it does not say of the content key is left to the terminal's policy. */
export type LicenceContent = Omit<Licence, keyof KeyTerms> & Partial<KeyTerms>;

type KeyTerms = Pick<Licence, "keyExpiresAtSeconds" | "keyRetention">;

/** How a licence is signed and read; for this package. */
export const licenceKind: StatementKind = {
  context: statementContext.licence,
  purpose: "licence-sign",
  isCwt: true,
  maxBytes: maxLicenceBytes,
  codes: {
    malformed: "LICENCE_MALFORMED",
    untrusted: "LICENCE_UNTRUSTED",
    signature: "LICENCE_SIGNATURE_WRONG",
    early: "LICENCE_NOT_YET_VALID",
    expired: "LICENCE_EXPIRED",
  },
};

/**
 * Issues a licence: its encoded form. Issuer, key and certificate must belong together, or no terminal would accept it.
 * Errors: STATEMENT_CONTENT_WRONG, STATEMENT_SIGNER_WRONG, those of `parseCertificate`; what the key handle throws.
 */
export async function issueLicence(input: StatementSigner & { readonly licence: LicenceContent }): Promise<Uint8Array> {
  const licence: Licence = { keyExpiresAtSeconds: null, keyRetention: null, ...input.licence };
  requireContent(licenceCodec, licence);
  return await signStatement(licenceKind, input, { name: licence.issuer, payload: encodeAs(licenceCodec, licence) });
}

/** What a licence says, with nothing proven: to show it, never to act on it. Error: LICENCE_MALFORMED. */
export function parseLicence(bytes: Uint8Array): {
  readonly licence: Licence;
  readonly digest: Digest;
  readonly chain: readonly Uint8Array[];
} {
  const { payload, chain } = parseStatement(licenceKind, bytes);
  return { licence: decodeLicence(payload), digest: sha256(bytes), chain };
}

/** Reads the claims; for this package. Error: LICENCE_MALFORMED. */
export function decodeLicence(payload: Uint8Array): Licence {
  return orMalformed(licenceKind, () => decodeAs(licenceCodec, payload, { maxBytes: maxLicenceBytes, what: "licence" }));
}

/** A party as a URI, the form that its certificate has too. */
const partyCodec: Codec<Name> = {
  toCbor: (value) => `${nameUriPrefix}${value}`,
  fromCbor(value, field) {
    const name = typeof value === "string" && value.startsWith(nameUriPrefix) ? value.slice(nameUriPrefix.length) : null;
    if (name === null || name === anonymousRecipient) throw wireErrors.error("WIRE_SHAPE_WRONG", { field, expected: "a party's URI" });
    return nameCodec.fromCbor(name, field);
  },
};

const recipientCodec: Codec<LicenceRecipient> = {
  toCbor: (value) => (value === anonymousRecipient || value === everyRecipient ? value : partyCodec.toCbor(value)),
  fromCbor: (value, field) => (value === anonymousRecipient || value === everyRecipient ? value : partyCodec.fromCbor(value, field)),
};

interface LicenceClaims extends Omit<Licence, keyof SoftwareDescription> {
  readonly software: SoftwareDescription;
}

const claims: Codec<LicenceClaims> = claimsCodec<LicenceClaims>({
  issuer: [claimLabel.issuer, partyCodec],
  recipient: [claimLabel.audience, recipientCodec],
  expiresAtSeconds: [claimLabel.expiresAt, uint()],
  notBeforeSeconds: [claimLabel.notBefore, uint()],
  issuedAtSeconds: [claimLabel.issuedAt, uint()],
  licenceId: [claimLabel.tokenId, bytesAs(licenceId)],
  software: [licenceClaim.software, softwareDescriptionCodec],
  keyExpiresAtSeconds: [licenceClaim.keyExpiresAt, nullable(uint())],
  keyRetention: [licenceClaim.keyRetention, nullable(oneOf(keyRetentions))],
  rights: [licenceClaim.rights, listOf(text(maxWordBytes), { max: maxRights })],
  copyright: [licenceClaim.copyright, nullable(text(maxCopyrightBytes))],
});

const licenceCodec: Codec<Licence> = {
  toCbor: (licence) => claims.toCbor({ ...licence, software: licence }),
  fromCbor(value, field) {
    const { software, ...own } = claims.fromCbor(value, field);
    if (own.expiresAtSeconds <= Math.max(own.notBeforeSeconds, own.issuedAtSeconds))
      throw wireErrors.error("WIRE_SHAPE_WRONG", { field: `${field}.expiresAtSeconds`, expected: "an end after the beginning" });
    return { ...own, ...software };
  },
};
