import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { type DecryptionKey, encryptionFor, type Randomness, sha256, systemRandom } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import {
  type ArtefactId,
  byteString,
  bytesAs,
  type Codec,
  type Digest,
  decode,
  decodeAs,
  encode,
  encodeAs,
  equalBytes,
  type Name,
  nameCodec,
  oneOf,
  SealaneError,
  type Thumbprint,
  thumbprint,
  tuple,
  uint,
} from "@sealane/wire";
import { type ContentKey, takeContentKey } from "./artefact-keys.ts";
import { softwareErrors } from "./errors.ts";
import { contextPrefix, statementContext } from "./labels.ts";
import { maxReleaseBytes, maxSealedKeyBytes } from "./limits.ts";
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
 * Release statements: what a publisher says of a version, signed with a `release-sign` certificate (tagged COSE_Sign1), and the
 * content key, sealed to the key role alone. The key that signs is not the server's.
 */

/** Whether the content key may become public: a broadcast gives it to everybody, for ever (docs/protocol.md, equation 3). */
export const grades = ["confidential", "public"] as const;
export type Grade = (typeof grades)[number];

/** What a publisher says of a version. */
export interface ReleaseContent extends SoftwareDescription {
  readonly publisher: Name;
  readonly publishedAtSeconds: number;
  readonly grade: Grade;
}

/** A release statement: with the sealed content key. */
export interface Release extends ReleaseContent {
  /** The `server-decrypt` certificate to whose key the content key is sealed. */
  readonly keyRole: Thumbprint;
  /** COSE_Encrypt0, encoded. */
  readonly sealedContentKey: Uint8Array;
}

declare const verified: unique symbol;

/** A release whose publisher was proven; made by {@link verifyRelease} only. */
export interface VerifiedRelease extends Release {
  readonly [verified]: true;
  /** SHA-256 of the encoded release. */
  readonly digest: Digest;
  /** Who signed it. */
  readonly certificate: VerifiedCertificate;
}

export interface IssueReleaseInput extends StatementSigner {
  readonly release: ReleaseContent;
  readonly contentKey: ContentKey;
  /** The key role's `server-decrypt` certificate. */
  readonly keyRole: VerifiedCertificate;
  readonly random?: Randomness;
}

/**
 * Seals the content key to the key role and signs the release: its encoded form.
 * Errors: STATEMENT_CONTENT_WRONG, STATEMENT_SIGNER_WRONG, RELEASE_KEY_ROLE_WRONG, those of `parseCertificate`; what the key
 * handle throws.
 */
export async function issueRelease(input: IssueReleaseInput): Promise<Uint8Array> {
  const { contentKey, keyRole, random = systemRandom } = input;
  if (keyRole.purpose !== "server-decrypt") throw softwareErrors.error("RELEASE_KEY_ROLE_WRONG", { purpose: keyRole.purpose });
  const content = { ...input.release, keyRole: keyRole.thumbprint };
  const sealedContentKey = contentKey.use((plaintext) => {
    const recipient = { publicKey: keyRole.publicKey, random };
    return encode(sealToPublicKey(encryptionFor(keyRole.publicKey), recipient, { plaintext, externalAad: contentKeyAad(content) }));
  });
  const release = { ...content, sealedContentKey };
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
 * Proves a release. Checks in this order: size, encoding, certificate, signature, content, publisher, artefact.
 * Errors: RELEASE_MALFORMED, RELEASE_UNTRUSTED, RELEASE_SIGNATURE_WRONG, RELEASE_PUBLISHER_WRONG, RELEASE_ARTEFACT_WRONG.
 */
export function verifyRelease(bytes: Uint8Array, input: StatementTrust & { readonly artefactId?: ArtefactId }): VerifiedRelease {
  const { payload, certificate } = verifyStatement(releaseKind, bytes, input);
  const release = decodeRelease(payload);
  const { publisher } = release;
  if (publisher !== certificate.name) throw softwareErrors.error("RELEASE_PUBLISHER_WRONG", { publisher, certificate: certificate.name });
  if (input.artefactId !== undefined && !equalBytes(release.artefactId, input.artefactId))
    throw softwareErrors.error("RELEASE_ARTEFACT_WRONG");
  return Object.freeze({ ...release, digest: sha256(bytes), certificate }) as VerifiedRelease;
}

/** Opens the content key with the key role's private key. Errors: RELEASE_KEY_WRONG; KEYSTORE_* where the key cannot be used now. */
export async function openContentKey(release: VerifiedRelease, key: DecryptionKey): Promise<ContentKey> {
  try {
    const value = decode(release.sealedContentKey, maxSealedKeyBytes);
    return takeContentKey(await openWithPrivateKey(encryptionFor(key.publicKey), key, { value, externalAad: contentKeyAad(release) }));
  } catch (cause) {
    if (!(cause instanceof SealaneError) || cause.entry.blame !== "peer") throw cause;
    throw softwareErrors.error("RELEASE_KEY_WRONG", { reason: cause.code }, cause);
  }
}

const releaseKind: StatementKind = {
  context: statementContext.release,
  purpose: "release-sign",
  isCwt: false,
  maxBytes: maxReleaseBytes,
  codes: { malformed: "RELEASE_MALFORMED", untrusted: "RELEASE_UNTRUSTED", signature: "RELEASE_SIGNATURE_WRONG" },
};

interface ReleaseFields extends Omit<Release, keyof SoftwareDescription> {
  readonly software: SoftwareDescription;
}

const fields: Codec<ReleaseFields> = tuple<ReleaseFields>({
  software: softwareDescriptionCodec,
  publisher: nameCodec,
  publishedAtSeconds: uint(),
  grade: oneOf(grades),
  keyRole: bytesAs(thumbprint),
  sealedContentKey: byteString({ min: 1, max: maxSealedKeyBytes }),
});

const releaseCodec: Codec<Release> = {
  toCbor: (release) => fields.toCbor({ ...release, software: release }),
  fromCbor(value, field) {
    const { software, ...own } = fields.fromCbor(value, field);
    return { ...own, ...software };
  },
};

function decodeRelease(payload: Uint8Array): Release {
  return orMalformed(releaseKind, () => decodeAs(releaseCodec, payload, { maxBytes: maxReleaseBytes, what: "release" }));
}

/** What the sealed content key is bound to: the artefact, what it is published as, and whom it is sealed to. */
function contentKeyAad({ artefactId, module, sequence, keyRole }: Omit<Release, "sealedContentKey">): Uint8Array {
  return encode([...contextPrefix, statementContext.contentKey, artefactId, module, sequence, keyRole]);
}
