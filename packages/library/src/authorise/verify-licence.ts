import type { TrustAnchor } from "@sealane/pki";
import { anonymousRecipient, type VerifyLicenceInput as Proof, type VerifiedLicence, verifyLicence as verify } from "@sealane/software";
import type { ArtefactId } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import { nameArgument, requireBytes, requireSeconds, requireTrust } from "../own-arguments.ts";

/** What a licence is verified for. */
export interface VerifyLicenceInput {
  /** Authorities whose licence issuers are trusted here. */
  readonly trust: readonly TrustAnchor[];
  /** The own name, or "anonymous" where this party acts without one. A licence for "*" is for either. */
  readonly recipient: string;
  /** The own model; needed where licences name models. */
  readonly model?: string;
  /** The artefact at hand, where there is one. */
  readonly artefactId?: ArtefactId;
  /** What this clock and the issuer's may differ by: 60 seconds unless told. */
  readonly toleranceSeconds?: number;
  readonly environment: Environment;
}

/**
 * Proves a licence for one recipient, now, without a network: who licensed it, not who released it. For software that is opened, installed
 * or run take `verifyAuthorisation`, which proves both. Checks in this order: size, encoding, certificate, signature, claims,
 * issuer, recipient, model, artefact, time.
 *
 * Errors: LICENCE_MALFORMED, LICENCE_UNTRUSTED, LICENCE_SIGNATURE_WRONG, LICENCE_ISSUER_WRONG, LICENCE_RECIPIENT_WRONG,
 * LICENCE_MODEL_WRONG, LICENCE_ARTEFACT_WRONG, LICENCE_NOT_YET_VALID, LICENCE_EXPIRED; LIBRARY_ARGUMENT_WRONG for a recipient that no
 * party can be.
 */
export function verifyLicence(bytes: Uint8Array, input: VerifyLicenceInput): VerifiedLicence {
  requireBytes("bytes", bytes);
  return verify(bytes, proofOf(input));
}

/** The same for the package that proves it. Error: LIBRARY_ARGUMENT_WRONG. */
export function proofOf(input: VerifyLicenceInput): Proof {
  const { trust, recipient, model = "", artefactId, toleranceSeconds, environment } = input;
  requireTrust(trust);
  requireSeconds("toleranceSeconds", toleranceSeconds, 0);
  return {
    anchors: trust,
    nowSeconds: environment.clock.nowSeconds(),
    recipients: [recipient === anonymousRecipient ? recipient : nameArgument("recipient", recipient)],
    model,
    ...(artefactId === undefined ? {} : { artefactId }),
    ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
  };
}
