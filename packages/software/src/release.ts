import { sha256 } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import {
  type ArtefactId,
  type Codec,
  type Digest,
  decodeAs,
  encodeAs,
  equalBytes,
  type Name,
  nameCodec,
  oneOf,
  tuple,
  uint,
  wireErrors,
} from "@sealane/wire";
import { softwareErrors } from "./errors.ts";
import { statementContext } from "./labels.ts";
import { defaultToleranceSeconds, maxReleaseBytes } from "./limits.ts";
import {
  orMalformed,
  parseStatement,
  requireContent,
  type StatementKind,
  type StatementSigner,
  type StatementTrust,
  signStatement,
  verifyStatement,
} from "./signed-statement.ts";
import { type SoftwareDescription, softwareDescriptionCodec } from "./software-description.ts";

/**
 * Release statements: what a publisher says of a version, signed with a `release-sign` certificate (tagged COSE_Sign1). It travels with
 * the licence to every terminal, which proves it before it opens, installs or runs anything. The key that signs is not the server's.
 */

/** Whether the content key may become public: a broadcast gives it to everybody, for ever (docs/protocol.md, equation 3). */
export const grades = ["confidential", "public"] as const;
/** Whether the content key may become public: a broadcast gives it to everybody, for ever. */
export type Grade = (typeof grades)[number];

/** What a publisher says of a version. */
export interface Release extends SoftwareDescription {
  readonly publisher: Name;
  readonly publishedAtSeconds: number;
  readonly grade: Grade;
  /** The lowest sequence to which an order may set this module back: the publisher's security floor; at most the sequence. */
  readonly floorSequence: number;
}

/** A release to be issued; `floorSequence`, default: 0. */
export type ReleaseContent = Omit<Release, "floorSequence"> & Partial<Pick<Release, "floorSequence">>;

declare const verified: unique symbol;

/** A release whose publisher was proven; made by {@link verifyRelease} only. */
export interface VerifiedRelease extends Release {
  readonly [verified]: true;
  /** SHA-256 of the encoded release. */
  readonly digest: Digest;
  /** Who signed it. */
  readonly certificate: VerifiedCertificate;
}

/**
 * Signs a release: its encoded form.
 * Errors: STATEMENT_CONTENT_WRONG, STATEMENT_SIGNER_WRONG, those of `parseCertificate`; what the key handle throws.
 */
export async function signRelease(input: StatementSigner & { readonly release: ReleaseContent }): Promise<Uint8Array> {
  const release: Release = { floorSequence: 0, ...input.release };
  requireContent(releaseCodec, release);
  return await signStatement(releaseKind, input, { name: release.publisher, payload: encodeAs(releaseCodec, release) });
}

/** What a release says, with nothing proven: to show it, never to act on it. Error: RELEASE_MALFORMED. */
export function parseRelease(bytes: Uint8Array): {
  readonly release: Release;
  readonly digest: Digest;
  readonly chain: readonly Uint8Array[];
} {
  const { payload, chain } = parseStatement(releaseKind, bytes);
  return { release: decodeRelease(payload), digest: sha256(bytes), chain };
}

/**
 * Proves a release as of `nowSeconds`. Checks in this order: size, encoding, certificate, signature, content, time, publisher,
 * artefact. Errors: RELEASE_MALFORMED, RELEASE_UNTRUSTED, RELEASE_NOT_YET_VALID, RELEASE_PUBLISHER_EXPIRED, RELEASE_SIGNATURE_WRONG,
 * RELEASE_DATED_AHEAD, RELEASE_PUBLISHER_WRONG, RELEASE_ARTEFACT_WRONG.
 */
export function verifyRelease(bytes: Uint8Array, input: StatementTrust & { readonly artefactId?: ArtefactId }): VerifiedRelease {
  const { payload, certificate } = verifyStatement(releaseKind, bytes, input);
  const release = decodeRelease(payload);
  const { publisher, publishedAtSeconds } = release;
  // Written so that a time that is no number is refused.
  if (!(publishedAtSeconds <= input.nowSeconds + defaultToleranceSeconds))
    throw softwareErrors.error("RELEASE_DATED_AHEAD", { publishedAtSeconds, nowSeconds: input.nowSeconds });
  if (publisher !== certificate.name) throw softwareErrors.error("RELEASE_PUBLISHER_WRONG", { publisher, certificate: certificate.name });
  if (input.artefactId !== undefined && !equalBytes(release.artefactId, input.artefactId))
    throw softwareErrors.error("RELEASE_ARTEFACT_WRONG");
  return Object.freeze({ ...release, digest: sha256(bytes), certificate }) as VerifiedRelease;
}

/** How a release is signed and read; for this package. */
export const releaseKind: StatementKind = {
  context: statementContext.release,
  purpose: "release-sign",
  isCwt: false,
  maxBytes: maxReleaseBytes,
  codes: {
    malformed: "RELEASE_MALFORMED",
    untrusted: "RELEASE_UNTRUSTED",
    signature: "RELEASE_SIGNATURE_WRONG",
    early: "RELEASE_NOT_YET_VALID",
    expired: "RELEASE_PUBLISHER_EXPIRED",
  },
};

interface ReleaseFields extends Omit<Release, keyof SoftwareDescription> {
  readonly software: SoftwareDescription;
}

const fields: Codec<ReleaseFields> = tuple<ReleaseFields>({
  software: softwareDescriptionCodec,
  publisher: nameCodec,
  publishedAtSeconds: uint(),
  grade: oneOf(grades),
  floorSequence: uint(),
});

const releaseCodec: Codec<Release> = {
  toCbor: (release) => fields.toCbor({ ...release, software: release }),
  fromCbor(value, field) {
    const { software, ...own } = fields.fromCbor(value, field);
    // A version's number is at most a time that has been: nobody can use up the numbers of a module.
    if (software.sequence > own.publishedAtSeconds)
      throw wireErrors.error("WIRE_SHAPE_WRONG", { field: `${field}.sequence`, expected: "at most the seconds of publishedAt" });
    if (own.floorSequence > software.sequence)
      throw wireErrors.error("WIRE_SHAPE_WRONG", { field: `${field}.floorSequence`, expected: "at most the sequence" });
    return { ...own, ...software };
  },
};

function decodeRelease(payload: Uint8Array): Release {
  return orMalformed(releaseKind, () => decodeAs(releaseCodec, payload, { maxBytes: maxReleaseBytes, what: "release" }));
}
