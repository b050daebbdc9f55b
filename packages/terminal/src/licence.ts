import {
  anonymousRecipient,
  type Licence,
  type SoftwareDescription,
  softwareDescriptionCodec,
  softwareErrors,
  type VerifiedLicence,
  verifyLicence,
} from "@sealane/software";
import { type ArtefactId, encodeAs, equalBytes, type Name } from "@sealane/wire";
import { licenceToleranceSeconds } from "./limits.ts";
import type { Terminal } from "./terminal.ts";
import type { Trust } from "./trust.ts";

/**
 * Proves a licence for this terminal at this time: one in its name, one that it got without a name, or one for everybody; unless told
 * which.
 * Errors: those of `verifyLicence`.
 */
export function proveLicence(
  encoded: Uint8Array,
  given: {
    readonly terminal: Terminal;
    readonly trust: Trust;
    readonly artefactId?: ArtefactId;
    readonly recipient?: Name | typeof anonymousRecipient;
  },
): VerifiedLicence {
  const { terminal, trust, artefactId: expected, recipient } = given;
  const { anchors, name, model } = trust;
  return verifyLicence(encoded, {
    anchors,
    nowSeconds: terminal.clock.nowSeconds(),
    recipients: recipient === undefined ? [...(name === null ? [] : [name]), anonymousRecipient] : [recipient],
    model,
    toleranceSeconds: licenceToleranceSeconds,
    ...(expected === undefined ? {} : { artefactId: expected }),
  });
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

/** Whether two descriptions say the same of the same software, word for word. */
export function isSameSoftware(a: SoftwareDescription, b: SoftwareDescription): boolean {
  return equalBytes(encodeAs(softwareDescriptionCodec, a), encodeAs(softwareDescriptionCodec, b));
}
