import type { Secret } from "@sealane/crypto";
import type { BroadcastLink, ConfidentialLink } from "@sealane/link";
import {
  type Authorisation,
  anonymousRecipient,
  type Licence,
  type SoftwareDescription,
  softwareDescriptionCodec,
  softwareErrors,
  type VerifiedAuthorisation,
  type VerifiedLicence,
  type VerifyAuthorisationInput,
  verifyAuthorisation,
  verifyLicence,
} from "@sealane/software";
import type { ArtefactId, Name } from "@sealane/wire";
import { licenceToleranceSeconds } from "./limits.ts";
import type { Terminal } from "./terminal.ts";
import type { Trust } from "./trust.ts";

/** For whom something is proven, and what is expected of it. */
export interface Expected {
  readonly terminal: Terminal;
  readonly trust: Trust;
  readonly artefactId?: ArtefactId;
  /** Default: this terminal's name, or "anonymous"; a licence for everybody is for either. */
  readonly recipient?: Name | typeof anonymousRecipient;
  /** When this terminal accepted it, as of which its signers' certificates are judged; default: now. */
  readonly acceptedAtSeconds?: number;
}

/**
 * Proves for this terminal that a publisher released a software and that a licence for the same software is valid now.
 * Errors: those of `verifyAuthorisation`.
 */
export function proveAuthorisation(authorisation: Authorisation, expected: Expected): VerifiedAuthorisation {
  return verifyAuthorisation(authorisation, inputOf(expected));
}

/** Proves a licence alone: for a slot of before releases travelled to terminals, and for nothing else. Errors: those of `verifyLicence`. */
export function proveLicenceOfFormer(encoded: Uint8Array, expected: Expected): VerifiedLicence {
  return verifyLicence(encoded, inputOf(expected));
}

function inputOf({ terminal, trust, artefactId, recipient, acceptedAtSeconds }: Expected): VerifyAuthorisationInput {
  const { anchors, name, model } = trust;
  return {
    anchors,
    nowSeconds: terminal.clock.nowSeconds(),
    recipients: recipient === undefined ? [...(name === null ? [] : [name]), anonymousRecipient] : [recipient],
    model,
    toleranceSeconds: licenceToleranceSeconds,
    ...(artefactId === undefined ? {} : { artefactId }),
    ...(acceptedAtSeconds === undefined ? {} : { acceptedAtSeconds }),
  };
}

/**
 * Unwraps a content key that came over a link: of software that a publisher released and that is licensed to this terminal, and of no
 * other. Errors: LICENCE_EXPIRED (the key's life is over), those of the link's `unwrap`.
 */
export function unwrapContentKey(
  link: ConfidentialLink | BroadcastLink,
  wrap: Uint8Array,
  proven: { readonly authorisation: VerifiedAuthorisation; readonly nowSeconds: number },
): Secret<"content key"> {
  const { authorisation, nowSeconds } = proven;
  const { artefactId, digest: licenceDigest } = authorisation.licence;
  requireKeyAlive(authorisation.licence, nowSeconds);
  return link.unwrap(wrap, { artefactId, licenceDigest, nowSeconds });
}

/** Refuses a content key whose life is over (KLIFE). Error: LICENCE_EXPIRED. */
export function requireKeyAlive(licence: VerifiedLicence, nowSeconds: number): void {
  const { keyExpiresAtSeconds } = licence;
  if (keyExpiresAtSeconds !== null && !(nowSeconds < keyExpiresAtSeconds + licenceToleranceSeconds)) {
    throw softwareErrors.error("LICENCE_EXPIRED", { keyExpiresAtSeconds, nowSeconds });
  }
}

/** What a licence says of the software, without what it says of the licence. */
export function descriptionOf(licence: Licence): SoftwareDescription {
  return softwareDescriptionCodec.fromCbor(softwareDescriptionCodec.toCbor(licence), "software");
}
