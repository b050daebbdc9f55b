import { sha256 } from "@sealane/crypto";
import type { TrustAnchor, VerifiedCertificate } from "@sealane/pki";
import { type ArtefactId, type Digest, equalBytes, type Name } from "@sealane/wire";
import { softwareErrors } from "./errors.ts";
import { type anonymousRecipient, everyRecipient } from "./labels.ts";
import { decodeLicence, type Licence, licenceKind } from "./licence.ts";
import { defaultToleranceSeconds } from "./limits.ts";
import { verifyStatement } from "./signed-statement.ts";

declare const verified: unique symbol;

/** A licence that was proven for this terminal at this time; made by {@link verifyLicence} only. */
export interface VerifiedLicence extends Licence {
  readonly [verified]: true;
  /** SHA-256 of the encoded licence: what wraps and receipts name it by. */
  readonly digest: Digest;
  /** Who signed it. */
  readonly certificate: VerifiedCertificate;
}

export interface VerifyLicenceInput {
  /** Authorities whose licence issuers are trusted here. */
  readonly anchors: readonly TrustAnchor[];
  readonly nowSeconds: number;
  /** The time as of which the issuer's certificate is judged; default: `nowSeconds`. */
  readonly certifiedAtSeconds?: number;
  /** Whom it may be for: this terminal's name, "anonymous" where it acts without one. A licence for "*" is for either. */
  readonly recipients: readonly (Name | typeof anonymousRecipient)[];
  readonly model: string;
  /** The artefact at hand, where there is one. */
  readonly artefactId?: ArtefactId;
  /** What this clock and the issuer's may differ by: 60 seconds unless told. */
  readonly toleranceSeconds?: number;
}

/**
 * Proves a licence for one terminal at one time, without a network. Checks in this order: size, encoding, certificate, signature,
 * claims, issuer, recipient, model, artefact, time.
 *
 * Errors: LICENCE_MALFORMED, LICENCE_UNTRUSTED, LICENCE_SIGNATURE_WRONG, LICENCE_ISSUER_WRONG, LICENCE_RECIPIENT_WRONG,
 * LICENCE_MODEL_WRONG, LICENCE_ARTEFACT_WRONG, LICENCE_NOT_YET_VALID, LICENCE_EXPIRED.
 */
export function verifyLicence(bytes: Uint8Array, input: VerifyLicenceInput): VerifiedLicence {
  const { anchors, nowSeconds, certifiedAtSeconds = nowSeconds } = input;
  const { payload, certificate } = verifyStatement(licenceKind, bytes, { anchors, nowSeconds: certifiedAtSeconds });
  const licence = decodeLicence(payload);
  requireIdentity(licence, certificate, input);
  requireTime(licence, input);
  return Object.freeze({ ...licence, digest: sha256(bytes), certificate }) as VerifiedLicence;
}

function requireIdentity(licence: Licence, certificate: VerifiedCertificate, input: VerifyLicenceInput): void {
  const { issuer, recipient, models } = licence;
  if (issuer !== certificate.name) throw softwareErrors.error("LICENCE_ISSUER_WRONG", { issuer, certificate: certificate.name });
  if (recipient !== everyRecipient && !input.recipients.includes(recipient))
    throw softwareErrors.error("LICENCE_RECIPIENT_WRONG", { recipient, expected: input.recipients.join(" ") });
  if (models.length > 0 && !models.includes(input.model))
    throw softwareErrors.error("LICENCE_MODEL_WRONG", { model: input.model, models: models.join(" ") });
  if (input.artefactId !== undefined && !equalBytes(licence.artefactId, input.artefactId))
    throw softwareErrors.error("LICENCE_ARTEFACT_WRONG");
}

/** The times of a CWT: valid from `nbf` on, not any more at `exp` (RFC 7519, sections 4.1.4 and 4.1.5), nor before it was issued. */
function requireTime(licence: Licence, { nowSeconds, toleranceSeconds = defaultToleranceSeconds }: VerifyLicenceInput): void {
  const { expiresAtSeconds } = licence;
  const beginsAtSeconds = Math.max(licence.notBeforeSeconds, licence.issuedAtSeconds);
  // Written so that a time that is no number is refused.
  if (!(nowSeconds >= beginsAtSeconds - toleranceSeconds))
    throw softwareErrors.error("LICENCE_NOT_YET_VALID", { beginsAtSeconds, nowSeconds });
  if (!(nowSeconds < expiresAtSeconds + toleranceSeconds)) throw softwareErrors.error("LICENCE_EXPIRED", { expiresAtSeconds, nowSeconds });
}
