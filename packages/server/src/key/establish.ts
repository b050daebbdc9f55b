import { type ServerReply, serverReplyCodec } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { acceptMessage, decodeMessage, defaultToleranceSeconds, defaultWindowSeconds, linkErrors, readReference } from "@sealane/link";
import { type Digest, encodeAs, equalBytes } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { KeyStores } from "../storage/stores.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { DeferredReplay } from "./deferred-replay.ts";
import type { KeyRole } from "./key-role.ts";
import { TerminalDirectory } from "./terminal-directory.ts";

/** A link message as received. */
interface Received {
  readonly message: Uint8Array;
  readonly digest: Digest;
}

/**
 * Takes a link message: a terminal's M1, which is answered by the answer, or the answer to a message of this server, which is
 * answered by the first record, with what is on offer.
 *
 * A message makes one link. The same bytes again, from a terminal that did not hear, get the same bytes again until the link moved
 * on, M1 only within its window; after that they are a replay.
 *
 * Errors: those of `acceptMessage`, `readReference`, `AwaitedAnswer.receive`; LINK_MESSAGE_REPLAYED, SERVER_TERMINAL_INACTIVE,
 * SERVER_PENDING_UNKNOWN, STORE_*.
 */
export async function establishLink(role: KeyRole, message: Uint8Array): Promise<Uint8Array> {
  const received = { message, digest: sha256(message) };
  const isFirst = decodeMessage(message).header.number === 1;
  const repeatSeconds = isFirst ? defaultWindowSeconds + defaultToleranceSeconds : Number.POSITIVE_INFINITY;
  const sent = await sentBefore(role, received, repeatSeconds);
  if (sent !== null) return sent;
  const made = isFirst ? await acceptFirst(role, received) : await receiveAnswer(role, received);
  const response = made ?? (await sentBefore(role, received, repeatSeconds));
  if (response === null) throw linkErrors.error("LINK_MESSAGE_REPLAYED");
  return response;
}

/** What this message got before, while it is the last thing that happened on its link. */
async function sentBefore(role: KeyRole, { digest }: Received, repeatSeconds: number): Promise<Uint8Array | null> {
  const nowSeconds = role.now();
  const opened = await role.stores.links.findOpened(digest, nowSeconds);
  if (opened === null) return null;
  using _link = opened.link;
  await requireActive(role.stores, { name: opened.terminal, signingThumbprint: opened.signingThumbprint });
  const isRepeated = equalBytes(opened.last.requestDigest, digest) && nowSeconds <= opened.createdAtSeconds + repeatSeconds;
  if (!isRepeated) throw linkErrors.error("LINK_MESSAGE_REPLAYED");
  return opened.last.response;
}

/**
 * Null when M1 was accepted before. It is remembered together with its link or not at all, so that a terminal that got no answer can
 * send it again.
 */
async function acceptFirst(role: KeyRole, { message, digest }: Received): Promise<Uint8Array | null> {
  const { self, random } = role;
  const nowSeconds = role.now();
  const peers = new TerminalDirectory(role);
  const replay = new DeferredReplay();
  // A terminal that sends M1 has a connection: it needs nothing that is stored.
  const freshness = { nowSeconds, storedSeconds: 0 };
  const { answer, link } = await acceptMessage({ self, peers, replay, freshness, random }, message);
  using accepted = link;
  const { terminal } = peers;
  return await role.atomically(async (stores) => {
    if (!(await replay.insertInto(stores.replay))) return null;
    await requireActive(stores, terminal);
    const { name, signingThumbprint } = terminal;
    const opening = { requestDigest: digest, response: answer };
    await stores.links.add({ link: accepted, terminal: name, signingThumbprint, nowSeconds, opening });
    await stores.terminals.seen(name, nowSeconds);
    return answer;
  });
}

/** Null when the same answer was taken by another request at the same time. */
async function receiveAnswer(role: KeyRole, { message, digest }: Received): Promise<Uint8Array | null> {
  const nowSeconds = role.now();
  const reference = readReference(message);
  const pending = await role.stores.pendingLinks.find(reference, nowSeconds);
  if (pending === null) throw serverErrors.error("SERVER_PENDING_UNKNOWN");
  using awaited = pending.awaited;
  const terminal = { name: pending.terminal, signingThumbprint: pending.signingThumbprint };
  await requireActive(role.stores, terminal);
  using link = awaited.receive(message, nowSeconds);
  const release = await role.stores.releases.find(pending.artefactId);
  const reply: ServerReply = { kind: "offers", offers: release === null ? [] : [release.description] };
  const response = link.seal(encodeAs(serverReplyCodec, reply), nowSeconds);
  return await role.atomically(async (stores) => {
    if (!(await stores.pendingLinks.take(reference))) return null;
    await requireActive(stores, terminal);
    await stores.inbox.remove(reference);
    const { name, signingThumbprint } = terminal;
    await stores.links.add({ link, terminal: name, signingThumbprint, nowSeconds, opening: { requestDigest: digest, response } });
    await stores.terminals.seen(name, nowSeconds);
    return response;
  });
}

/** Refuses a terminal that has other certificates by now, or none. Error: SERVER_TERMINAL_INACTIVE. */
export async function requireActive(
  stores: KeyStores,
  terminal: Pick<ActiveTerminal, "name" | "signingThumbprint">,
): Promise<ActiveTerminal> {
  const current = await stores.terminals.find(terminal.name);
  if (current === null || !equalBytes(current.signingThumbprint, terminal.signingThumbprint)) {
    throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { terminal: terminal.name });
  }
  return current;
}
