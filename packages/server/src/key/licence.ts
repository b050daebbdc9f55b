import { apiErrors } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import type { ConfidentialLink } from "@sealane/link";
import { issueLicence, licenceId, openContentKey, type SoftwareDescription, softwareErrors, verifyRelease } from "@sealane/software";
import { type ArtefactId, equalBytes } from "@sealane/wire";
import { licenceRights } from "../labels.ts";
import { backdateSeconds, licenceLifeSeconds } from "../limits.ts";
import type { IssuedLicence } from "../storage/licences.ts";
import type { StoredRelease } from "../storage/releases.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import type { KeyRole } from "./key-role.ts";

export interface LicenceRequest {
  readonly link: ConfidentialLink;
  readonly terminal: ActiveTerminal;
  readonly artefactId: ArtefactId;
}

export interface LicenceGrant {
  readonly licence: Uint8Array;
  /** The content key, wrapped for this link and this licence. */
  readonly wrap: Uint8Array;
  /** To be recorded. */
  readonly issued: IssuedLicence;
}

/**
 * Licenses a release to a terminal (LIC) and wraps its content key under the link. A licence that has half of its life before it is
 * given again, so that a terminal that asks often gets one licence and not many.
 *
 * Errors: RELEASE_UNKNOWN, also for another model; RELEASE_UNTRUSTED, RELEASE_KEY_WRONG, LINK_EXHAUSTED, STORE_*.
 */
export async function licenceFor(role: KeyRole, request: LicenceRequest): Promise<LicenceGrant> {
  const { link, terminal, artefactId } = request;
  const release = await role.stores.releases.find(artefactId);
  if (release === null || !isForModel(release.description, terminal.model)) throw apiErrors.error("RELEASE_UNKNOWN");
  const issued = (await usableLicence(role, request)) ?? (await issue(role, { terminal, release }));
  using contentKey = await contentKeyOf(role, release);
  const wrap = link.wrap(contentKey, { artefactId, licenceDigest: issued.digest, random: role.random, nowSeconds: role.now() });
  return { licence: issued.licence, wrap, issued };
}

/** Software without models does not depend on the model. */
function isForModel({ models }: SoftwareDescription, model: string): boolean {
  return models.length === 0 || models.includes(model);
}

async function usableLicence(role: KeyRole, { terminal, artefactId }: LicenceRequest): Promise<IssuedLicence | null> {
  const latest = await role.stores.licences.latest(terminal.name, artefactId);
  if (latest === null || latest.issuedAtSeconds < terminal.enrolledAtSeconds) return null;
  const halfSeconds = (latest.expiresAtSeconds - latest.issuedAtSeconds) / 2;
  const nowSeconds = role.now();
  return nowSeconds >= latest.issuedAtSeconds && nowSeconds + halfSeconds < latest.expiresAtSeconds ? latest : null;
}

async function issue(role: KeyRole, given: { readonly terminal: ActiveTerminal; readonly release: StoredRelease }): Promise<IssuedLicence> {
  const { self, licenceSigner, random } = role;
  const { terminal, release } = given;
  const issuedAtSeconds = role.now();
  const { key, certificate } = licenceSigner;
  const lastSecond = Math.min(terminal.certificateExpiresAtSeconds, certificate.notAfterSeconds);
  const expiresAtSeconds = Math.min(issuedAtSeconds + licenceLifeSeconds, lastSecond + 1);
  const licence = await issueLicence({
    key,
    chain: certificate.chain,
    licence: {
      ...release.description,
      issuer: self.name,
      recipient: terminal.name,
      licenceId: licenceId(random.bytes(16)),
      issuedAtSeconds,
      notBeforeSeconds: issuedAtSeconds - backdateSeconds,
      expiresAtSeconds,
      rights: licenceRights,
      copyright: null,
    },
  });
  const { artefactId } = release.description;
  return { digest: sha256(licence), terminal: terminal.name, artefactId, licence, issuedAtSeconds, expiresAtSeconds };
}

/** The release is proven again, as of when it was accepted: what stands in the database alone opens no content key. */
async function contentKeyOf(role: KeyRole, release: StoredRelease): ReturnType<typeof openContentKey> {
  const { anchor, self } = role;
  const { statement, acceptedAtSeconds, description } = release;
  const proven = verifyRelease(statement, { anchors: [anchor], nowSeconds: acceptedAtSeconds, artefactId: description.artefactId });
  const sealedTo = self.decryption.find(({ certificate }) => equalBytes(certificate.thumbprint, proven.keyRole));
  if (sealedTo === undefined) throw softwareErrors.error("RELEASE_KEY_WRONG", { reason: "sealed to another certificate" });
  return await openContentKey(proven, sealedTo.key);
}
