import { apiErrors, requireAllowed } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { type BroadcastLink, mechanismNamed } from "@sealane/link";
import { serverErrors } from "../errors.ts";
import type { Note } from "../http/subject.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { requirePublic } from "./broadcast.ts";
import { contentKeyOf } from "./content-key.ts";
import type { DeferredReplay } from "./deferred-replay.ts";
import type { KeyRole } from "./key-role.ts";
import { proveRelease } from "./licence.ts";

/**
 * Answers `open-broadcast` of a terminal (claim 13): it signed a number for everybody, with a licence for everybody that this server has
 * issued, and gets the content key of that licence's artefact wrapped under the link. There are no records and no link is kept.
 *
 * The same bytes again, while they are timely, get a wrap of the same key again, and nothing else happens: what they ask for is public,
 * so that no repetition can give away or change anything, and a terminal that lost the reply is helped.
 *
 * Errors: RELEASE_UNKNOWN (the licence is not one of this server's for everybody), POLICY_REFUSED, RELEASE_NOT_PUBLIC, RELEASE_*,
 * SERVER_TERMINAL_INACTIVE, LINK_REPLAY_CACHE_FULL, STORE_*.
 */
export async function answerOpenRequest(
  role: KeyRole,
  request: { readonly link: BroadcastLink; readonly replay: DeferredReplay; readonly terminal: ActiveTerminal; readonly note: Note },
): Promise<Uint8Array> {
  const { link, replay, terminal, note } = request;
  const { stores, random } = role;
  const licenceDigest = sha256(link.licence);
  const artefactId = await stores.licences.forEverybody(licenceDigest);
  const release = artefactId === null ? null : await stores.releases.find(artefactId);
  if (artefactId === null || release === null) throw apiErrors.error("RELEASE_UNKNOWN", { licence: licenceDigest.toHex() });
  requireAllowed(role.policy, { softwareClass: release.description.softwareClass, mechanism: link.mechanism });
  const proven = proveRelease(role, release);
  requirePublic(mechanismNamed(link.mechanism), proven);
  using contentKey = await contentKeyOf(role, proven, release.sealedContentKey);
  const nowSeconds = role.now();
  const wrap = link.wrap(contentKey, { artefactId, licenceDigest, random, nowSeconds });
  const isFresh = await role.atomically(async (tx) => {
    const current = await tx.terminals.find(terminal.name);
    if (current === null) throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { terminal: terminal.name });
    if (!(await replay.insertInto(tx.replay))) return false;
    await tx.terminals.seen(terminal.name, nowSeconds);
    return true;
  });
  if (!isFresh) return wrap; // anybody can send it again
  role.metrics.countLink(link);
  note({ terminal: terminal.name, module: release.description.module });
  return wrap;
}
