import { apiErrors } from "@sealane/api";
import {
  isSameSoftware,
  parsePublication,
  parseSealedContentKey,
  softwareErrors,
  type VerifiedRelease,
  verifyFormerRelease,
  verifyRelease,
} from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { StoredRelease } from "../storage/releases.ts";
import type { OperatorRole } from "./operator-role.ts";

/**
 * Takes a release of an artefact that is in the store, with its content key, which must be sealed to one of the keys of this server's key
 * role, for this very release, publisher and grade. A release that the server has may be signed anew by its publisher, with the content
 * key left out: the same software, sequence, publisher and grade; the statement takes the place of the one before.
 *
 * Errors: RELEASE_MALFORMED, RELEASE_UNTRUSTED, RELEASE_PUBLISHER_EXPIRED, RELEASE_SIGNATURE_WRONG, RELEASE_PUBLISHER_WRONG,
 * RELEASE_UNKNOWN (signed anew, and not here), SERVER_RELEASE_KEY_WRONG, RELEASE_KEY_WRONG, ARTEFACT_UNKNOWN, SERVER_RELEASE_CONFLICT,
 * SERVER_VERSION_TAKEN, KEYSTORE_*, STORE_*.
 */
export async function publishRelease(role: OperatorRole, publication: Uint8Array): Promise<StoredRelease> {
  const { anchor, artefacts } = role;
  const acceptedAtSeconds = role.now();
  const { release: statement, sealedContentKey: given } = parsePublication(publication);
  const release = verifyRelease(statement, { anchors: [anchor], nowSeconds: acceptedAtSeconds });
  const { artefactId, module, version, sequence, publisher, publishedAtSeconds } = release;
  const sealedContentKey = given ?? (await knownKeyOf(role, release));
  if (given !== null) requireOurs(role, release, given);
  await role.contentKeys?.requireOpens(release, sealedContentKey);
  if (!(await artefacts.has(artefactId))) throw apiErrors.error("ARTEFACT_UNKNOWN", { artefactId: artefactId.toHex() });
  const stored: StoredRelease = { description: release, statement, sealedContentKey, publisher, publishedAtSeconds, acceptedAtSeconds };
  const added = await role.atomically(({ releases }) => releases.add(stored));
  if (added === "conflict") throw serverErrors.error("SERVER_RELEASE_CONFLICT", { module, sequence });
  if (added === "version taken") throw serverErrors.error("SERVER_VERSION_TAKEN", { module, version });
  return stored;
}

async function knownKeyOf({ stores, anchor, contentKeys }: OperatorRole, release: VerifiedRelease): Promise<Uint8Array> {
  const { artefactId, module, sequence, publisher, grade } = release;
  const known = await stores.releases.findAny(artefactId);
  if (known === null) throw apiErrors.error("RELEASE_UNKNOWN", { module, sequence });
  if (known.sealedContentKey !== null) return known.sealedContentKey;
  const former = verifyFormerRelease(known.statement, { anchors: [anchor], nowSeconds: known.acceptedAtSeconds });
  if (former.publisher !== publisher || former.grade !== grade || !isSameSoftware(former, release))
    throw serverErrors.error("SERVER_RELEASE_CONFLICT", { module, sequence });
  if (contentKeys === null) throw softwareErrors.error("RELEASE_KEY_WRONG", { reason: "the key role runs in another process" });
  return await contentKeys.sealFormer(release, former);
}

function requireOurs({ decryption }: OperatorRole, { module, sequence }: VerifiedRelease, sealed: Uint8Array): void {
  const { keyRole } = parseSealedContentKey(sealed);
  if (!decryption.some(({ thumbprint }) => equalBytes(keyRole, thumbprint)))
    throw serverErrors.error("SERVER_RELEASE_KEY_WRONG", { module, sequence });
}
