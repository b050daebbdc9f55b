import { type Authorisation, type VerifiedAuthorisation, verifyAuthorisation as verify } from "@sealane/software";
import { requireBytes, requireSeconds } from "../own-arguments.ts";
import { proofOf, type VerifyLicenceInput } from "./verify-licence.ts";

/** What a release and a licence are verified for. */
export interface VerifyAuthorisationInput extends VerifyLicenceInput {
  /**
   * When both were accepted here, where they are verified again: the signers' certificates count as of then, the licence's own dates as of
   * now. Now unless told.
   */
  readonly acceptedAtSeconds?: number;
}

/**
 * Proves, without a network, that a publisher released a software and that a licence issuer licensed this very software to this
 * recipient: **what to call before software is opened, installed or run**. A licence alone does not tell who made what it is for: whoever
 * has the keys of the party that delivers could licence anything. Checks in this order: the licence, the release, that one authority
 * stands behind both, that both describe the same software.
 *
 * ```ts
 * const { licence, release } = verifyAuthorisation(received, { trust, recipient: "gateway-1", environment });
 * ```
 * Errors: those of `verifyLicence` and `verifyRelease`; RELEASE_UNTRUSTED where another authority stands behind the release;
 * RELEASE_LICENCE_WRONG where the release describes other software than the licence.
 */
export function verifyAuthorisation({ release, licence }: Authorisation, input: VerifyAuthorisationInput): VerifiedAuthorisation {
  const { acceptedAtSeconds } = input;
  requireBytes("release", release);
  requireBytes("licence", licence);
  requireSeconds("acceptedAtSeconds", acceptedAtSeconds, 0);
  return verify({ release, licence }, { ...proofOf(input), ...(acceptedAtSeconds === undefined ? {} : { acceptedAtSeconds }) });
}
