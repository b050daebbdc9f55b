import { apiErrors, requireAllowed } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { anonymousRecipient, type ConfidentialLink, type everyRecipient } from "@sealane/link";
import {
  isSameSoftware,
  issueLicence,
  licenceId,
  type SoftwareDescription,
  softwareErrors,
  type VerifiedRelease,
  verifyRelease,
} from "@sealane/software";
import type { ArtefactId } from "@sealane/wire";
import { licenceRights } from "../labels.ts";
import { backdateSeconds, licenceLifeSeconds } from "../limits.ts";
import type { IssuedLicence } from "../storage/licences.ts";
import type { StoredRelease } from "../storage/releases.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { contentKeyOf } from "./content-key.ts";
import type { KeyRole } from "./key-role.ts";

/** Whom a licence is for: a terminal, one that stays anonymous, or everybody that hears a broadcast. */
interface Licensee {
  readonly terminal: ActiveTerminal | null;
  /** Where there is no terminal; "anonymous" unless told. */
  readonly nameless?: typeof anonymousRecipient | typeof everyRecipient;
}

export interface LicenceRequest extends Licensee {
  readonly link: ConfidentialLink;
  readonly artefactId: ArtefactId;
}

export interface LicenceGrant {
  /** The publisher's statement, as it was accepted. */
  readonly release: Uint8Array;
  readonly licence: Uint8Array;
  /** The content key, wrapped for this link and this licence. */
  readonly wrap: Uint8Array;
  /** To be recorded. */
  readonly issued: IssuedLicence;
}

/**
 * Licenses a release to a terminal (LIC) and wraps its content key under the link.
 *
 * Errors: RELEASE_UNKNOWN, also for another model; POLICY_REFUSED (POLICY), those of {@link proveRelease}, RELEASE_KEY_WRONG,
 * LINK_EXHAUSTED, STORE_*.
 */
export async function licenceFor(role: KeyRole, request: LicenceRequest): Promise<LicenceGrant> {
  const { link, terminal, artefactId } = request;
  const release = await role.stores.releases.find(artefactId);
  if (release === null) throw apiErrors.error("RELEASE_UNKNOWN");
  const proven = proveRelease(role, release);
  requireAllowed(role.policy, { softwareClass: proven.softwareClass, mechanism: link.mechanism });
  const issued = await licenceOf(role, { terminal, release });
  using contentKey = await contentKeyOf(role, proven, release.sealedContentKey);
  const wrap = link.wrap(contentKey, { artefactId, licenceDigest: issued.digest, random: role.random, nowSeconds: role.now() });
  return { release: release.statement, licence: issued.licence, wrap, issued };
}

/**
 * The licence of a terminal for a release. One that has half of its life before it is given again, so that a terminal that asks often
 * gets one licence and not many; anonymous terminals have one together, which tells none from another (ANON).
 *
 * Errors: RELEASE_UNKNOWN for another model; STORE_*.
 */
export async function licenceOf(role: KeyRole, request: Licensee & { readonly release: StoredRelease }): Promise<IssuedLicence> {
  const { terminal, release } = request;
  // The model of an anonymous terminal is not known here; the terminal checks it.
  if (terminal !== null && !isForModel(release.description, terminal.model)) throw apiErrors.error("RELEASE_UNKNOWN");
  return (await usableLicence(role, request)) ?? (await issue(role, request));
}

/** Software without models does not depend on the model. */
function isForModel({ models }: SoftwareDescription, model: string): boolean {
  return models.length === 0 || models.includes(model);
}

async function usableLicence(
  role: KeyRole,
  { terminal, nameless = anonymousRecipient, release }: Licensee & { readonly release: StoredRelease },
): Promise<IssuedLicence | null> {
  const latest = await role.stores.licences.latest(terminal?.name ?? nameless, release.description.artefactId);
  if (latest === null || (terminal !== null && latest.issuedAtSeconds < terminal.enrolledAtSeconds)) return null;
  const halfSeconds = (latest.expiresAtSeconds - latest.issuedAtSeconds) / 2;
  const nowSeconds = role.now();
  return nowSeconds >= latest.issuedAtSeconds && nowSeconds + halfSeconds < latest.expiresAtSeconds ? latest : null;
}

async function issue(role: KeyRole, given: Licensee & { readonly release: StoredRelease }): Promise<IssuedLicence> {
  const { self, licenceSigner, random } = role;
  const { terminal, nameless = anonymousRecipient, release } = given;
  const recipient = terminal?.name ?? nameless;
  const issuedAtSeconds = role.now();
  const { key, certificate } = licenceSigner;
  const lastSecond = Math.min(terminal?.certificateExpiresAtSeconds ?? certificate.notAfterSeconds, certificate.notAfterSeconds);
  const expiresAtSeconds = Math.min(issuedAtSeconds + licenceLifeSeconds, lastSecond + 1);
  const licence = await issueLicence({
    key,
    chain: certificate.chain,
    licence: {
      ...release.description,
      issuer: self.name,
      recipient,
      licenceId: licenceId(random.bytes(16)),
      issuedAtSeconds,
      notBeforeSeconds: issuedAtSeconds - backdateSeconds,
      expiresAtSeconds,
      rights: licenceRights,
      copyright: null,
    },
  });
  const { artefactId } = release.description;
  return {
    digest: sha256(licence),
    recipient,
    artefactId,
    licence,
    issuedAtSeconds,
    expiresAtSeconds,
  };
}

/**
 * The release is proven again, as of when it was accepted: what stands in the database alone opens no content key and makes nothing
 * public, nor does another description there bring it under another policy.
 * Errors: RELEASE_UNTRUSTED and others of `verifyRelease`; RELEASE_LICENCE_WRONG where the description is not the publisher's.
 */
export function proveRelease(role: KeyRole, { statement, acceptedAtSeconds, description }: StoredRelease): VerifiedRelease {
  const { artefactId, module } = description;
  const release = verifyRelease(statement, { anchors: [role.anchor], nowSeconds: acceptedAtSeconds, artefactId });
  if (!isSameSoftware(release, description)) throw softwareErrors.error("RELEASE_LICENCE_WRONG", { module });
  return release;
}
