import {
  apiErrors,
  mediaType,
  pathOf,
  routes,
  type ServerReply,
  serverReplyCodec,
  type TerminalRequest,
  terminalRequestCodec,
} from "@sealane/api";
import type { Suite } from "@sealane/crypto";
import { type ConfidentialLink, certificateFor, type Mechanism, maxRecordBytes } from "@sealane/link";
import { decodeAs, encodeAs, type LinkId, type SealaneError } from "@sealane/wire";
import { type HttpClient, urlOf } from "./http-client.ts";
import type { Enrolment } from "./identity.ts";
import { maxRecordWireBytes } from "./limits.ts";
import { describeLink, factsOf } from "./link-facts.ts";
import { retrying } from "./retry.ts";
import type { Terminal } from "./terminal.ts";

/** Who talks to whom. */
export interface Session {
  readonly terminal: Terminal;
  readonly enrolment: Enrolment;
  readonly http: HttpClient;
}

/**
 * Establishes a link that this terminal originates (DIR, EQ5): sends M1 and checks the answer. A lost reply is asked for with the
 * same bytes again.
 *
 * Errors: CRYPTO_SUITE_UNKNOWN when the server has no key for the suite; LINK_REFUSED by the server; LINK_ANSWER_WRONG and what else `AwaitedAnswer.receive` throws; those of the HTTP client.
 */
export async function originateLink(
  session: Session,
  choice: { readonly mechanism: Mechanism; readonly suite: Suite },
): Promise<ConfidentialLink> {
  const { terminal, enrolment } = session;
  const { clock, random } = terminal;
  const recipient = certificateFor(choice.suite, enrolment.serverDecryption);
  const context = { self: enrolment.self, recipient, nowSeconds: clock.nowSeconds(), random };
  const { message, awaited } = await choice.mechanism.originate(context, { suite: choice.suite });
  using pending = awaited;
  const link = pending.receive(await postLinkMessage(session, message), clock.nowSeconds());
  terminal.onEvent(describeLink(factsOf(link), enrolment.name));
  return link;
}

/** Sends M1 or an answer and gives what comes back. Errors: LINK_REFUSED, those of the HTTP client. */
export async function postLinkMessage({ terminal, enrolment, http }: Session, body: Uint8Array): Promise<Uint8Array> {
  const request = { method: "POST", url: urlOf(enrolment.url, routes.links), body, headers } as const;
  return await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxRecordWireBytes }));
}

/** Makes the next record of a link from a request. Errors: LINK_EXPIRED, LINK_EXHAUSTED. */
export function sealRequest(link: ConfidentialLink, request: TerminalRequest, nowSeconds: number): Uint8Array {
  return link.seal(encodeAs(terminalRequestCodec, request), nowSeconds);
}

/** Sends a record and gives the record that comes back. Errors: LINK_REFUSED, those of the HTTP client. */
export async function postRecord({ terminal, enrolment, http }: Session, id: LinkId, body: Uint8Array): Promise<Uint8Array> {
  const request = { method: "POST", url: urlOf(enrolment.url, pathOf(routes.records, id.toHex())), body, headers } as const;
  return await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxRecordWireBytes }));
}

/** Asks on a link. Errors: those of {@link sealRequest}, {@link postRecord}, `ConfidentialLink.open` and {@link decodeReply}. */
export async function ask(session: Session, link: ConfidentialLink, request: TerminalRequest): Promise<ServerReply> {
  const { clock } = session.terminal;
  const reply = await postRecord(session, link.id, sealRequest(link, request, clock.nowSeconds()));
  return decodeReply(link.open(reply, clock.nowSeconds()));
}

/** Reads a record from the server. Errors: WIRE_*; what the server refused with. */
export function decodeReply(payload: Uint8Array): ServerReply {
  const reply = decodeAs(serverReplyCodec, payload, { maxBytes: maxRecordBytes, what: "reply" });
  if (reply.kind === "refused") throw refusalOf(reply.code);
  return reply;
}

const headers = { "content-type": mediaType.cbor };

function refusalOf(code: string): SealaneError {
  const known = (Object.keys(apiErrors.entries) as (keyof typeof apiErrors.entries)[]).find((candidate) => candidate === code);
  return apiErrors.error(known ?? "API_REPLY_WRONG", { refused: known ?? "unknown code" });
}
