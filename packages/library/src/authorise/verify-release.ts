import type { TrustAnchor } from "@sealane/pki";
import { type VerifiedRelease, verifyRelease as verify } from "@sealane/software";
import type { ArtefactId } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import { requireBytes, requireTrust } from "../own-arguments.ts";

/** What a release is verified for. */
export interface VerifyReleaseInput {
  /** Authorities whose publishers are trusted here. */
  readonly trust: readonly TrustAnchor[];
  /** The artefact at hand, where there is one. */
  readonly artefactId?: ArtefactId;
  readonly environment: Environment;
}

/**
 * Proves who released a software, now, without a network. Whether this party may use it, the licence says: before anything is used prove both,
 * by `verifyAuthorisation`. Checks in this order: size, encoding, certificate, signature, content, time, publisher, artefact.
 *
 * Errors: LIBRARY_ARGUMENT_WRONG, RELEASE_MALFORMED, RELEASE_UNTRUSTED, RELEASE_NOT_YET_VALID, RELEASE_PUBLISHER_EXPIRED, RELEASE_SIGNATURE_WRONG,
 * RELEASE_DATED_AHEAD, RELEASE_PUBLISHER_WRONG, RELEASE_ARTEFACT_WRONG.
 */
export function verifyRelease(bytes: Uint8Array, input: VerifyReleaseInput): VerifiedRelease {
  const { trust, artefactId, environment } = input;
  requireBytes("bytes", bytes);
  requireTrust(trust);
  const trusted = { anchors: trust, nowSeconds: environment.clock.nowSeconds() };
  return verify(bytes, artefactId === undefined ? trusted : { ...trusted, artefactId });
}
