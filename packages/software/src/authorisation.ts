import { encodeAs, equalBytes } from "@sealane/wire";
import { softwareErrors } from "./errors.ts";
import { type VerifiedRelease, verifyRelease } from "./release.ts";
import { type SoftwareDescription, softwareDescriptionCodec } from "./software-description.ts";
import { type VerifiedLicence, type VerifyLicenceInput, verifyLicence } from "./verify-licence.ts";

/** What allows the use of an artefact: the publisher's release of it, and a licence for it. Both encoded. */
export interface Authorisation {
  readonly release: Uint8Array;
  readonly licence: Uint8Array;
}

declare const verified: unique symbol;

/** A release and a licence that were proven together; made by {@link verifyAuthorisation} only. */
export interface VerifiedAuthorisation {
  readonly [verified]: true;
  readonly release: VerifiedRelease;
  readonly licence: VerifiedLicence;
}

export interface VerifyAuthorisationInput extends Omit<VerifyLicenceInput, "certifiedAtSeconds"> {
  /**
   * The time as of which both signers' certificates are judged: when this authorisation was accepted here, which must have been while
   * they were valid. Default: `nowSeconds`. The licence's own dates count as of `nowSeconds`.
   */
  readonly acceptedAtSeconds?: number;
}

/**
 * Proves that a publisher released a software and that a licence issuer licensed this very software to this terminal. Checks in this
 * order: the licence, the release, that one authority stands behind both, that both describe the same software.
 *
 * Errors: those of `verifyLicence` and `verifyRelease`; RELEASE_UNTRUSTED where another authority stands behind the release;
 * RELEASE_LICENCE_WRONG where the release describes other software than the licence.
 */
export function verifyAuthorisation(authorisation: Authorisation, input: VerifyAuthorisationInput): VerifiedAuthorisation {
  const { nowSeconds, acceptedAtSeconds = nowSeconds, anchors } = input;
  const licence = verifyLicence(authorisation.licence, { ...input, certifiedAtSeconds: acceptedAtSeconds });
  const release = verifyRelease(authorisation.release, { anchors, nowSeconds: acceptedAtSeconds, artefactId: licence.artefactId });
  if (!equalBytes(release.certificate.anchor.thumbprint, licence.certificate.anchor.thumbprint))
    throw softwareErrors.error("RELEASE_UNTRUSTED", { reason: "another authority than the licence's" });
  if (!isSameSoftware(release, licence)) throw softwareErrors.error("RELEASE_LICENCE_WRONG", { module: licence.module });
  return Object.freeze({ release, licence }) as VerifiedAuthorisation;
}

/** True when two descriptions are the same in every field. */
export function isSameSoftware(one: SoftwareDescription, other: SoftwareDescription): boolean {
  return equalBytes(encodeAs(softwareDescriptionCodec, one), encodeAs(softwareDescriptionCodec, other));
}
