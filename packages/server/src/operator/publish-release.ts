import { apiErrors } from "@sealane/api";
import { verifyRelease } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { StoredRelease } from "../storage/releases.ts";
import type { OperatorRole } from "./operator-role.ts";

/**
 * Takes a signed release of an artefact that is in the store. The content key in it must be sealed to one of the keys of this
 * server's key role.
 *
 * Errors: RELEASE_MALFORMED, RELEASE_UNTRUSTED, RELEASE_SIGNATURE_WRONG, RELEASE_PUBLISHER_WRONG, SERVER_RELEASE_KEY_WRONG,
 * ARTEFACT_UNKNOWN, SERVER_RELEASE_CONFLICT, STORE_*.
 */
export async function publishRelease(role: OperatorRole, statement: Uint8Array): Promise<StoredRelease> {
  const { anchor, decryption, artefacts } = role;
  const acceptedAtSeconds = role.now();
  const { publisher, publishedAtSeconds, keyRole, ...proven } = verifyRelease(statement, {
    anchors: [anchor],
    nowSeconds: acceptedAtSeconds,
  });
  const { artefactId, module, sequence } = proven;
  const details = { module, sequence };
  const isOurs = decryption.some(({ thumbprint }) => equalBytes(keyRole, thumbprint));
  if (!isOurs) throw serverErrors.error("SERVER_RELEASE_KEY_WRONG", details);
  if (!(await artefacts.has(artefactId))) throw apiErrors.error("ARTEFACT_UNKNOWN", { artefactId: artefactId.toHex() });
  const release: StoredRelease = { description: proven, statement, publisher, publishedAtSeconds, acceptedAtSeconds };
  const added = await role.atomically(({ releases }) => releases.add(release));
  if (added === "conflict") throw serverErrors.error("SERVER_RELEASE_CONFLICT", details);
  return release;
}
