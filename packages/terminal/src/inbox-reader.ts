import {
  type InboxMessage,
  inboxMessagesCodec,
  inboxStatementCodec,
  maxInboxWaitSeconds,
  mediaType,
  parseInboxEvent,
  routes,
  sealInboxRequest,
  statementAad,
} from "@sealane/api";
import { sign1 } from "@sealane/cose";
import { bytesOf, type HttpRequest, urlOf } from "@sealane/http";
import { certificateFor, mainSigning } from "@sealane/link";
import { decodeAs, encodeAs, hasCode } from "@sealane/wire";
import { elapsedSeconds } from "./clock.ts";
import { partsOf } from "./event-stream.ts";
import { suiteFor } from "./identity.ts";
import { maxInboxReplyBytes, streamStartSeconds } from "./limits.ts";
import type { Session } from "./link-client.ts";
import { isPassing, retrying } from "./retry.ts";

/** A stream is preferred; a server that does not know streams answers as to a long poll. */
const accept = `${mediaType.events}, ${mediaType.cbor};q=0.9`;

/**
 * How the next request is made. A stream that failed before it lived is followed by one long poll, whose retries outlast a server that
 * is away for a while; where the next stream fails too, or does so by its nature, it is long polls from then on.
 */
type Mode = "stream" | "poll once" | "poll";

/**
 * Reads the inbox: by an event stream while it waits, by long polls where something on the way does not let streams through. Nothing is
 * lost by going from one to the other, because reading removes nothing.
 */
export class InboxReader {
  readonly #session: Session;
  readonly #startSeconds: number;
  #mode: Mode = "stream";
  #hasFailed = false;

  constructor(session: Session, startSeconds: number = streamStartSeconds) {
    this.#session = session;
    this.#startSeconds = startSeconds;
  }

  /**
   * Gives the messages that wait and that come within `waitSeconds`, by growing position, each once.
   *
   * Errors: LINK_REFUSED; API_REPLY_WRONG, WIRE_* (a stream or a reply that has not the form); API_SERVER_UNREACHABLE, API_SERVER_BUSY,
   * API_SERVER_FAILED, API_RATE_EXCEEDED when all attempts of a long poll failed.
   */
  async *messages(waitSeconds: number): AsyncGenerator<InboxMessage, void, undefined> {
    const { clock } = this.#session.terminal;
    const deadline = elapsedSeconds(clock) + waitSeconds;
    for (let after = 0; ; ) {
      const askedAt = elapsedSeconds(clock);
      const ask = this.#mode === "stream" && askedAt < deadline ? this.#stream(after, deadline) : this.#poll(after, deadline);
      let isFresh = false;
      for await (const message of ask) {
        if (message.position <= after) continue; // anybody on the way may repeat a reply
        after = message.position;
        isFresh = true;
        yield message;
      }
      if (isFresh) continue;
      if (elapsedSeconds(clock) >= deadline) return;
      if (elapsedSeconds(clock) === askedAt) await clock.sleep(1_000); // a server that does not wait must not be asked without end
    }
  }

  async *#poll(after: number, deadline: number): AsyncGenerator<InboxMessage, void, undefined> {
    const { terminal, http } = this.#session;
    const waitSeconds = Math.max(0, Math.min(maxInboxWaitSeconds, deadline - elapsedSeconds(terminal.clock)));
    const bytes = await retrying(terminal, async () => {
      const request = await this.#request(after, waitSeconds);
      return await http.exchange({ ...request, waitSeconds }, { type: mediaType.cbor, maxBytes: maxInboxReplyBytes });
    });
    if (this.#mode === "poll once") this.#mode = "stream";
    yield* decodeMessages(bytes);
  }

  async *#stream(after: number, deadline: number): AsyncGenerator<InboxMessage, void, undefined> {
    const { terminal, http } = this.#session;
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), this.#startSeconds * 1000);
    let isAlive = false;
    try {
      const request = await this.#request(after, deadline - elapsedSeconds(terminal.clock), { accept });
      const reply = await http.open({ ...request, signal: silence.signal });
      if (reply.type !== mediaType.events) {
        this.#mode = "poll";
        const bytes = await http.read(reply, { type: mediaType.cbor, maxBytes: maxInboxReplyBytes });
        clearTimeout(timer);
        return yield* decodeMessages(bytes);
      }
      for await (const parts of partsOf(bytesOf(reply.body, null))) {
        if (!isAlive && parts.length > 0) {
          clearTimeout(timer);
          isAlive = true;
          this.#hasFailed = false;
        }
        for (const part of parts) if (part.kind === "event") yield parseInboxEvent(part);
        if (elapsedSeconds(terminal.clock) >= deadline) return;
      }
    } catch (error) {
      const isUnfit = !isAlive && (silence.signal.aborted || hasCode(error, "API_REPLY_WRONG") || hasCode(error, "API_REPLY_FOREIGN"));
      if (isUnfit) this.#mode = "poll";
      else if (!isPassing(error)) throw error;
    } finally {
      clearTimeout(timer);
    }
    if (isAlive || this.#mode === "poll") return;
    this.#mode = this.#hasFailed ? "poll" : "poll once";
    this.#hasFailed = true;
  }

  async #request(after: number, waitSeconds: number, headers: HttpRequest["headers"] = {}): Promise<HttpRequest> {
    const { terminal, enrolment } = this.#session;
    const signing = mainSigning(enrolment.self);
    const payload = encodeAs(inboxStatementCodec, {
      terminal: enrolment.name,
      server: enrolment.serverName,
      issuedAtSeconds: terminal.clock.nowSeconds(),
    });
    const signature = await sign1(signing.key, { payload, externalAad: statementAad("inbox") });
    const server = certificateFor(
      { suite: suiteFor(enrolment, { suite: null }), role: "server", purpose: "decrypt" },
      enrolment.serverDecryption,
    );
    const statement = { signingThumbprint: signing.certificate.thumbprint, signature };
    const body = sealInboxRequest(statement, { server, random: terminal.random });
    const url = urlOf(enrolment.url, routes.inbox, { after, wait: waitSeconds });
    return { method: "POST", url, body, headers: { ...headers, "content-type": mediaType.cbor } };
  }
}

function decodeMessages(bytes: Uint8Array): readonly InboxMessage[] {
  return decodeAs(inboxMessagesCodec, bytes, { maxBytes: maxInboxReplyBytes, what: "inbox" });
}
