import type { Randomness } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import { byteString, type Codec, decodeAs, encodeAs, nullable, SealaneError, tuple } from "@sealane/wire";
import type { ContentKey } from "./artefact-keys.ts";
import { softwareErrors } from "./errors.ts";
import { maxPublicationBytes, maxReleaseBytes, maxSealedKeyBytes } from "./limits.ts";
import { type ReleaseContent, signRelease } from "./release.ts";
import { sealContentKey } from "./sealed-content-key.ts";
import type { StatementSigner } from "./signed-statement.ts";

/** What a publisher hands to a server: a release, and beside it the content key that only the server's key role can open. */
export interface Publication {
  /** The signed release. */
  readonly release: Uint8Array;
  /** Null where a release that the server has is signed anew: its content key stays. */
  readonly sealedContentKey: Uint8Array | null;
}

export interface IssueReleaseInput extends StatementSigner {
  readonly release: ReleaseContent;
  readonly contentKey: ContentKey;
  /** The key role's `server-decrypt` certificate. */
  readonly keyRole: VerifiedCertificate;
  readonly random?: Randomness;
}

/**
 * Signs a release and seals its content key to the key role: the encoded publication.
 * Errors: those of `signRelease` and `sealContentKey`.
 */
export async function issueRelease(input: IssueReleaseInput): Promise<Uint8Array> {
  const sealedContentKey = sealContentKey(input);
  return encodePublication({ release: await signRelease(input), sealedContentKey });
}

/** The encoded form of a publication. */
export function encodePublication(publication: Publication): Uint8Array {
  return encodeAs(publicationCodec, publication);
}

/** Reads a publication; nothing in it is proven. Error: RELEASE_MALFORMED. */
export function parsePublication(bytes: Uint8Array): Publication {
  try {
    return decodeAs(publicationCodec, bytes, { maxBytes: maxPublicationBytes, what: "publication" });
  } catch (cause) {
    if (!(cause instanceof SealaneError)) throw cause;
    throw softwareErrors.error("RELEASE_MALFORMED", { ...cause.details, reason: cause.code }, cause);
  }
}

const publicationCodec: Codec<Publication> = tuple<Publication>({
  release: byteString({ min: 1, max: maxReleaseBytes }),
  sealedContentKey: nullable(byteString({ min: 1, max: maxSealedKeyBytes })),
});
