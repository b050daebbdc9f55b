import { isEverAllowed, requireAllowed, type ServerReply, serverReplyCodec } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import {
  type AcceptedLink,
  acceptMessage,
  type ConfidentialLink,
  type ContinueContext,
  decodeMessage,
  defaultToleranceSeconds,
  defaultWindowSeconds,
  linkErrors,
  mechanismNamed,
  nothingVouched,
  readReference,
  referenceOf,
  type ThirdContent,
  UnconfirmedLink,
} from "@sealane/link";
import { type ArtefactId, type Digest, encodeAs, equalBytes } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { linkReference, type Note } from "../http/subject.ts";
import { offerLifeSeconds, thirdSeconds } from "../limits.ts";
import type { IssuedLicence } from "../storage/licences.ts";
import type { LinkOwner, NewLink } from "../storage/links.ts";
import type { PendingReply, PendingThird } from "../storage/pending-links.ts";
import type { KeyStores } from "../storage/stores.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { DeferredChallenge } from "./challenge.ts";
import { DeferredReplay } from "./deferred-replay.ts";
import type { KeyRole } from "./key-role.ts";
import { licenceOf } from "./licence.ts";
import { answerOpenRequest } from "./open-request.ts";
import { asOffers, offersFor } from "./respond.ts";
import { TerminalDirectory } from "./terminal-directory.ts";

/** A link message as received. */
interface Received {
  readonly message: Uint8Array;
  readonly digest: Digest;
}

/**
 * Takes a link message of a terminal and gives what is sent back:
 *
 * - M1: the answer, or M2;
 * - the answer to a message of this server: the first record, with what is on offer;
 * - M2 to a message of this server: M3, or the first record where the mechanism has no M3;
 * - M3: the first record, with what is on offer;
 * - M1 of `open-broadcast`: a wrapped content key, and no link.
 *
 * A message makes one link. The same bytes again, from a terminal that did not hear, get the same bytes again until the link moved
 * on, M1 only within its window; after that they are a replay.
 *
 * Errors: those of `acceptMessage`, `readReference`, `AwaitedReply.receive`, `AwaitedThird.receive`; LINK_MECHANISM_UNKNOWN (no policy
 * allows it), POLICY_REFUSED (not for what was offered any more), LINK_MESSAGE_REPLAYED, SERVER_TERMINAL_INACTIVE,
 * SERVER_PENDING_UNKNOWN, STORE_*.
 */
export async function establishLink(role: KeyRole, message: Uint8Array, note: Note): Promise<Uint8Array> {
  const received = { message, digest: sha256(message) };
  const { number, mechanism } = decodeMessage(message).header;
  if (number === 1 && mechanismNamed(mechanism).anonymous === "originator") note("anonymous");
  const repeatSeconds = number === 1 ? defaultWindowSeconds + defaultToleranceSeconds : Number.POSITIVE_INFINITY;
  const sent = await sentBefore(role, received, repeatSeconds);
  if (sent !== null) return sent;
  if (!isEverAllowed(role.policy, mechanism)) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism });
  const made = number === 1 ? await acceptFirst(role, received, note) : await receiveLater(role, received, note);
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
  if (opened.owner !== null) await requireActive(role.stores, opened.owner);
  const isRepeated = equalBytes(opened.last.requestDigest, digest) && nowSeconds <= opened.createdAtSeconds + repeatSeconds;
  if (!isRepeated) throw linkErrors.error("LINK_MESSAGE_REPLAYED");
  return opened.last.response;
}

/** Null when M1 was accepted before by another request. */
async function acceptFirst(role: KeyRole, received: Received, note: Note): Promise<Uint8Array | null> {
  const { message } = received;
  const { self, random } = role;
  const { mechanism } = decodeMessage(message).header;
  const waiting = await role.stores.pendingLinks.find(referenceOf(message), role.now());
  if (waiting !== null) {
    waiting.awaited[Symbol.dispose]();
    if (waiting.kind === "third") return waiting.sent;
  }
  const peers = new TerminalDirectory(role);
  const replay = new DeferredReplay();
  const challenge = new DeferredChallenge();
  const freshness = mechanismNamed(mechanism).broadcast
    ? { nowSeconds: role.now(), storedSeconds: defaultWindowSeconds } // it always has an end, and is for more than who gave a challenge
    : { nowSeconds: role.now(), storedSeconds: 0, isChallenge: challenge.isChallenge }; // with a connection nothing has to be stored
  const accepted = await acceptMessage({ self, peers, replay, freshness, random }, message);
  switch (accepted.kind) {
    case "answered":
      return await addAnswered(role, received, {
        ...{ accepted, replay, challenge, note },
        owner: ownerOf(peers, mechanismNamed(mechanism).anonymous),
      });
    case "waiting":
      return await addWaiting(role, { accepted, challenge, owner: ownerOf(peers, "no") });
    case "broadcast": {
      using link = accepted.link;
      return await answerOpenRequest(role, { link, replay, terminal: ownerOf(peers, "no"), note });
    }
  }
}

/** The terminal of a message; null where it has no name. Error: SERVER_TERMINAL_INACTIVE. */
function ownerOf({ terminal }: TerminalDirectory, anonymous: "no"): ActiveTerminal;
function ownerOf({ terminal }: TerminalDirectory, anonymous: string): ActiveTerminal | null;
function ownerOf({ terminal }: TerminalDirectory, anonymous: string): ActiveTerminal | null {
  if (anonymous === "originator") return null;
  if (terminal === null) throw serverErrors.error("SERVER_TERMINAL_INACTIVE");
  return terminal;
}

/**
 * M1 is remembered together with its link or not at all, so that a terminal that got no answer can send it again. Null when it was
 * accepted before: of an anonymous one only its link is remembered.
 */
async function addAnswered(
  role: KeyRole,
  { digest }: Received,
  given: {
    readonly accepted: Extract<AcceptedLink, { kind: "answered" }>;
    readonly replay: DeferredReplay;
    readonly challenge: DeferredChallenge;
    readonly owner: LinkOwner | null;
    readonly note: Note;
  },
): Promise<Uint8Array | null> {
  const { accepted, replay, challenge, owner, note } = given;
  const { reply } = accepted;
  using link = accepted.link;
  const isAdded = await role.atomically(async (stores) => {
    if (!(await replay.insertInto(stores.replay))) return false;
    const isNew = await addLink(role, stores, { link, owner, offered: null, opening: { requestDigest: digest, response: reply } });
    if (isNew) await challenge.takeFrom(stores, role.now());
    return isNew;
  });
  if (!isAdded) return null;
  role.metrics.countLink(link);
  noteLink(note, link, owner);
  return reply;
}

/** A link that is not confirmed has not proven its terminal yet. */
function noteLink(note: Note, link: ConfidentialLink | UnconfirmedLink, owner: LinkOwner | null): void {
  const proven = owner === null || link instanceof UnconfirmedLink ? {} : { terminal: owner.name };
  note(owner === null ? "anonymous" : { link: linkReference(link.id), ...proven });
}

/** Nothing is proven of the terminal before M3, and nothing happens but that M3 is awaited. */
async function addWaiting(
  role: KeyRole,
  given: {
    readonly accepted: Extract<AcceptedLink, { kind: "waiting" }>;
    readonly challenge: DeferredChallenge;
    readonly owner: LinkOwner;
  },
): Promise<Uint8Array> {
  const { accepted, challenge, owner } = given;
  using awaited = accepted.awaited;
  const expiresAtSeconds = role.now() + thirdSeconds;
  const pending: PendingThird = { kind: "third", awaited, owner, sent: accepted.reply, expiresAtSeconds };
  const isAdded = await role.atomically(async (stores) => {
    if (!(await stores.pendingLinks.add(pending))) return false;
    await challenge.takeFrom(stores, role.now());
    return true;
  });
  if (isAdded) return accepted.reply;
  // Another request with the same M1 was quicker.
  const known = await role.stores.pendingLinks.find(awaited.reference, role.now());
  if (known?.kind !== "third") throw linkErrors.error("LINK_MESSAGE_REPLAYED");
  known.awaited[Symbol.dispose]();
  return known.sent;
}

/** The answer, M2 or M3. Null when the same message was taken by another request at the same time. */
async function receiveLater(role: KeyRole, received: Received, note: Note): Promise<Uint8Array | null> {
  const pending = await role.stores.pendingLinks.find(readReference(received.message), role.now());
  if (pending === null) {
    // Another request with the same message may have been quicker since this one looked.
    const sent = await sentBefore(role, received, Number.POSITIVE_INFINITY);
    if (sent === null) throw serverErrors.error("SERVER_PENDING_UNKNOWN");
    return sent;
  }
  using _awaited = pending.awaited;
  const terminal = await requireActive(role.stores, pending.owner);
  return pending.kind === "reply"
    ? await receiveReply(role, received, { pending, terminal, note })
    : await receiveThird(role, received, { pending, terminal, note });
}

async function receiveReply(
  role: KeyRole,
  received: Received,
  of: { readonly pending: PendingReply; readonly terminal: ActiveTerminal; readonly note: Note },
): Promise<Uint8Array | null> {
  const { pending, terminal, note } = of;
  const mechanism = mechanismNamed(pending.awaited.mechanism);
  const release = pending.artefactId === null ? null : await role.stores.releases.find(pending.artefactId);
  // The policy may have changed since the offer was made.
  if (release !== null) requireAllowed(role.policy, { softwareClass: release.description.softwareClass, mechanism: mechanism.name });
  const issued = mechanism.vouches && release !== null ? await licenceOf(role, { terminal, release }) : null;
  const content: ThirdContent =
    issued === null || release === null
      ? nothingVouched
      : { artefactId: issued.artefactId, licence: issued.licence, release: release.statement };
  const self = mechanism.anonymous === "originator" ? unnamedServer : role.self;
  const established = await pending.awaited.receive({ ...contextOf(role, offerLifeSeconds), self }, received.message, content);
  using link = established.link;
  noteLink(note, link, terminal);
  const offers = await asOffers(role, release === null ? [] : [release], terminal);
  const response = established.message ?? firstRecord(link, offers, role.now());
  return await establishPending(role, received, { pending, link, offered: pending.artefactId, response, issued });
}

async function receiveThird(
  role: KeyRole,
  received: Received,
  of: { readonly pending: PendingThird; readonly terminal: ActiveTerminal; readonly note: Note },
): Promise<Uint8Array | null> {
  const { pending, terminal, note } = of;
  const established = await pending.awaited.receive(contextOf(role), received.message);
  using link = established.link;
  noteLink(note, link, terminal);
  const response = firstRecord(link, await offersFor(role, { terminal, module: null, offered: null }), role.now());
  return await establishPending(role, received, { pending, link, offered: null, response, issued: null });
}

const unnamedServer = { name: null, role: "server" } as const;

/** A reply to a stored message may be as old as that: the terminal writes it down before it finds a network to send it. */
function contextOf(role: KeyRole, windowSeconds = defaultWindowSeconds): ContinueContext {
  const freshness = { nowSeconds: role.now(), windowSeconds };
  return { self: role.self, peers: new TerminalDirectory(role), freshness, random: role.random };
}

function firstRecord(link: ConfidentialLink | UnconfirmedLink, reply: ServerReply, nowSeconds: number): Uint8Array {
  if (link instanceof UnconfirmedLink) throw linkErrors.error("LINK_STATE_WRONG"); // it comes with M3, which is sent in place of a record
  return link.seal(encodeAs(serverReplyCodec, reply), nowSeconds);
}

/** Puts a link in place of the pending state that it came from, together with everything that goes with it. */
async function establishPending(
  role: KeyRole,
  { digest }: Received,
  given: {
    readonly pending: PendingReply | PendingThird;
    readonly link: ConfidentialLink | UnconfirmedLink;
    readonly offered: ArtefactId | null;
    readonly response: Uint8Array;
    readonly issued: IssuedLicence | null;
  },
): Promise<Uint8Array | null> {
  const { pending, link, offered, response, issued } = given;
  const { owner, awaited } = pending;
  const isAdded = await role.atomically(async (stores) => {
    if (!(await stores.pendingLinks.take(awaited.reference))) return false;
    await stores.inbox.remove(awaited.reference);
    if (issued !== null) await stores.licences.add(issued);
    return await addLink(role, stores, { link, owner, offered, opening: { requestDigest: digest, response } });
  });
  if (!isAdded) return null;
  role.metrics.countLink(link);
  return response;
}

async function addLink(role: KeyRole, stores: KeyStores, made: Omit<NewLink, "nowSeconds">): Promise<boolean> {
  const { owner } = made;
  const nowSeconds = role.now();
  if (owner !== null) await requireActive(stores, owner);
  if (!(await stores.links.add({ ...made, nowSeconds }))) return false;
  if (owner !== null) await stores.terminals.seen(owner.name, nowSeconds);
  return true;
}

/** Refuses a terminal that has other certificates by now, or none. Error: SERVER_TERMINAL_INACTIVE. */
export async function requireActive(stores: KeyStores, terminal: LinkOwner): Promise<ActiveTerminal> {
  const current = await stores.terminals.find(terminal.name);
  if (current === null || !equalBytes(current.signingThumbprint, terminal.signingThumbprint)) {
    throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { terminal: terminal.name });
  }
  return current;
}
