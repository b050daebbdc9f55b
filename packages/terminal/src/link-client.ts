import {
  apiErrors,
  type Challenge,
  challengeCodec,
  mediaType,
  pathOf,
  referenceOfReply,
  routes,
  type ServerReply,
  serverReplyCodec,
  type TerminalRequest,
  terminalRequestCodec,
} from "@sealane/api";
import type { Suite } from "@sealane/crypto";
import { type HttpClient, urlOf } from "@sealane/http";
import {
  type ConfidentialLink,
  type ContinueContext,
  linkErrors,
  type Mechanism,
  maxRecordBytes,
  type ThirdMode,
  UnconfirmedLink,
} from "@sealane/link";
import { decodeAs, encodeAs, hasCode, type LinkId, type SealaneError } from "@sealane/wire";
import type { OrderWatch } from "./ask-orders.ts";
import { terminalErrors } from "./errors.ts";
import { type Enrolment, suiteFor } from "./identity.ts";
import { maxRecordWireBytes } from "./limits.ts";
import { linkContext } from "./link-context.ts";
import { describeLink, factsOf } from "./link-facts.ts";
import { retrying } from "./retry.ts";
import { changeState } from "./state-change.ts";
import type { Terminal } from "./terminal.ts";

/** Who talks to whom. */
export interface Session {
  readonly terminal: Terminal;
  readonly enrolment: Enrolment;
  readonly http: HttpClient;
  /** Hears of orders that wait; absent where a command only asks for these. */
  readonly orders?: OrderWatch;
}

/** How this terminal originates a link. */
export interface LinkChoice {
  readonly mechanism: Mechanism;
  /** Null: the strongest one that both can take part in. */
  readonly suite: Suite | null;
  /** The form of M3 of `mutual-agreement`. */
  readonly third?: ThirdMode;
}

/** A link, and what the server said it offers, where its first record came already. */
export interface OpenedLink {
  readonly link: ConfidentialLink;
  readonly offers: Offers | null;
}

/** What is on offer, and what time it is at the server. */
export type Offers = Extract<ServerReply, { readonly kind: "offers" }>;

/**
 * Establishes a link that this terminal originates (DIR, EQ5): sends M1 and checks what comes back; with three messages, sends M3
 * and takes the server's first record. A lost reply is asked for with the same bytes again. Anonymous mechanisms say nothing of
 * this terminal.
 *
 * Errors: LINK_MECHANISM_UNKNOWN for one that a terminal does not originate, CRYPTO_SUITE_UNKNOWN when the server has no key for the
 * suite; LINK_REFUSED by the server; LINK_ANSWER_WRONG and what else `AwaitedReply.receive` throws; those of the HTTP client.
 */
export async function originateLink(session: Session, choice: LinkChoice): Promise<OpenedLink> {
  const { terminal, enrolment } = session;
  const { mechanism } = choice;
  if (mechanism.broadcast || mechanism.equations.terminal === undefined) {
    throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: mechanism.name, originator: "terminal" });
  }
  const opened = await establish(session, choice, null).catch(async (error: unknown) => {
    // A stranger is not told why he is refused. Where this clock is known to be wrong, a challenge stands in the place of the time.
    if (!hasCode(error, "LINK_REFUSED") || !terminal.clock.isBehind) throw error;
    return await establish(session, choice, await askChallenge(session));
  });
  terminal.onEvent(describeLink(factsOf(opened.link), enrolment));
  return opened;
}

/** M1 with the time, or with a challenge in its place. */
async function establish(session: Session, choice: LinkChoice, challenge: Challenge | null): Promise<OpenedLink> {
  const { terminal, enrolment } = session;
  const { mechanism, third } = choice;
  const recipient = [...enrolment.serverDecryption, ...enrolment.serverAgreement];
  const isAnonymous = mechanism.anonymous === "originator";
  const clockSeconds = terminal.clock.nowSeconds();
  // By how many seconds its clock is wrong tells one terminal from another; the minute will do.
  const ownSeconds = isAnonymous ? clockSeconds - (clockSeconds % 60) : clockSeconds;
  const self = isAnonymous ? ({ name: null, role: "terminal" } as const) : enrolment.self;
  const nowSeconds = Math.max(ownSeconds, challenge?.nowSeconds ?? 0);
  const options = {
    suite: suiteFor(enrolment, choice),
    ...(third === undefined ? {} : { third }),
    ...(challenge === null ? {} : { challenge: challenge.challenge }),
  };
  const sent = await mechanism.originate({ self, recipient, nowSeconds, random: terminal.random }, options);
  if (sent.kind !== "sent") throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: mechanism.name });
  using awaited = sent.awaited;
  const context: ContinueContext = { ...linkContext(session), self };
  const established = await awaited.receive(context, await postLinkMessage(session, sent.message));
  return established.message === null ? { link: established.link, offers: null } : await sendThird(session, established);
}

/** M0. Errors: those of the HTTP client, WIRE_*. */
async function askChallenge({ terminal, enrolment, http }: Session): Promise<Challenge> {
  const request = { method: "POST", url: urlOf(enrolment.url, routes.challenges), body: new Uint8Array(0), headers } as const;
  const bytes = await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor }));
  return decodeAs(challengeCodec, bytes, { maxBytes: maxChallengeBytes, what: "challenge" });
}

/** Bytes of a reply with a challenge: 32, a time, and heads. */
const maxChallengeBytes = 64;

/**
 * Takes the server's clock from what it said on a link, and tells when this machine's differs (FCLOCK); ends the command for now where it
 * said that orders wait. Errors: those of `changeState`.
 */
export async function learnNews({ terminal, enrolment, orders }: Session, link: ConfidentialLink, offers: Offers): Promise<void> {
  orders?.notice(link, offers); // first: what the clock is to be, an order may say
  const proven = { nowSeconds: offers.nowSeconds, endsAtSeconds: link.keyExpiresAtSeconds };
  const behindSeconds = await changeState(terminal, enrolment, async () => await terminal.clock.learn(proven));
  if (behindSeconds !== 0) terminal.onEvent({ kind: "clock", behindSeconds });
}

async function sendThird(
  session: Session,
  established: { readonly link: ConfidentialLink | UnconfirmedLink; readonly message: Uint8Array },
): Promise<OpenedLink> {
  const record = await postLinkMessage(session, established.message);
  return openFirstRecord(established.link, { record, reference: {} }, session.terminal.clock.nowSeconds());
}

/**
 * Opens the server's first record, which says what is on offer, and confirms the link where that is awaited.
 * Errors: those of `UnconfirmedLink.confirm` and `ConfidentialLink.open`; TERMINAL_SERVER_WRONG, those of {@link decodeReply}.
 */
export function openFirstRecord(link: ConfidentialLink | UnconfirmedLink, posted: PostedRecord, nowSeconds: number): OpenedLink {
  const { record, reference } = posted;
  const isUnconfirmed = link instanceof UnconfirmedLink;
  const first = isUnconfirmed ? link.confirm(record, nowSeconds) : { link, payload: link.open(record, nowSeconds) };
  const reply = decodeReply(first.payload, reference);
  if (reply.kind !== "offers") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
  return { link: first.link, offers: reply };
}

/** Sends M1, an answer, M2 or M3 and gives what comes back. Errors: LINK_REFUSED, those of the HTTP client. */
export async function postLinkMessage({ terminal, enrolment, http }: Session, body: Uint8Array): Promise<Uint8Array> {
  const request = { method: "POST", url: urlOf(enrolment.url, routes.links), body, headers } as const;
  return await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxRecordWireBytes }));
}

/** Makes the next record of a link from a request. Errors: LINK_EXPIRED, LINK_EXHAUSTED. */
export function sealRequest(link: ConfidentialLink, request: TerminalRequest, nowSeconds: number): Uint8Array {
  return link.seal(encodeAs(terminalRequestCodec, request), nowSeconds);
}

/** A record that came back, and the reference of its request. */
export interface PostedRecord {
  readonly record: Uint8Array;
  readonly reference: Reference;
}

type Reference = ReturnType<typeof referenceOfReply>;

/** Sends a record and gives the record that comes back. Errors: LINK_REFUSED, those of the HTTP client. */
export async function postRecord({ terminal, enrolment, http }: Session, id: LinkId, body: Uint8Array): Promise<PostedRecord> {
  const request = { method: "POST", url: urlOf(enrolment.url, pathOf(routes.records, id.toHex())), body, headers } as const;
  return await retrying(terminal, async () => {
    const reply = await http.open(request);
    const record = await http.read(reply, { type: mediaType.cbor, maxBytes: maxRecordWireBytes });
    return { record, reference: referenceOfReply(reply.header) };
  });
}

/** Asks on a link. Errors: those of {@link sealRequest}, {@link postRecord}, `ConfidentialLink.open` and {@link decodeReply}. */
export async function ask(session: Session, link: ConfidentialLink, request: TerminalRequest): Promise<ServerReply> {
  const { clock } = session.terminal;
  const { record, reference } = await postRecord(session, link.id, sealRequest(link, request, clock.nowSeconds()));
  return decodeReply(link.open(record, clock.nowSeconds()), reference);
}

/** Reads a record from the server. Errors: WIRE_*; what the server refused with, with the reference of the request. */
export function decodeReply(payload: Uint8Array, reference: Reference): ServerReply {
  const reply = decodeAs(serverReplyCodec, payload, { maxBytes: maxRecordBytes, what: "reply" });
  if (reply.kind === "refused") throw refusalOf(reply.code, reference);
  return reply;
}

const headers = { "content-type": mediaType.cbor };

function refusalOf(code: string, reference: Reference): SealaneError {
  const known = (Object.keys(apiErrors.entries) as (keyof typeof apiErrors.entries)[]).find((candidate) => candidate === code);
  return apiErrors.error(known ?? "API_REPLY_WRONG", { refused: known ?? "unknown code", ...reference });
}
