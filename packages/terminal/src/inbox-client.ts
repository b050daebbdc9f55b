import {
  formatInboxAuthorization,
  type InboxMessage,
  inboxMessagesCodec,
  inboxStatementCodec,
  maxInboxWaitSeconds,
  mediaType,
  routes,
  type ServerReply,
  statementAad,
} from "@sealane/api";
import { sign1 } from "@sealane/cose";
import type { Secret } from "@sealane/crypto";
import { acceptMessage, ConfidentialLink, type RecipientContext, UnconfirmedLink } from "@sealane/link";
import { credentialOf, equalCredentials, verifyCertificate } from "@sealane/pki";
import type { SoftwareDescription } from "@sealane/software";
import { decodeAs, encodeAs, SealaneError } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { urlOf } from "./http-client.ts";
import type { InboxJournal, PendingMessage } from "./inbox-journal.ts";
import { keepSecret, openKeptSecret } from "./kept-secret.ts";
import { keptLinkAad } from "./labels.ts";
import { maxInboxLooks, maxInboxReplyBytes } from "./limits.ts";
import { decodeReply, postLinkMessage, postRecord, type Session, sealRequest } from "./link-client.ts";
import { describeLink, factsOf } from "./link-facts.ts";
import { isPassing, retrying } from "./retry.ts";

/** A link that the server originated, and the first thing it said on it: what it offers. */
export interface OfferedLink {
  readonly link: ConfidentialLink;
  readonly offers: readonly SoftwareDescription[];
}

/** What a link gave in the end: a licence with the wrapped content key. */
export type LicenceReply = Extract<ServerReply, { readonly kind: "licence" }>;

/**
 * Links that the server originates (DIR, EQ1): reads the inbox, accepts messages and answers them. What is sent is written down
 * before, with the link encrypted to this terminal, so that a terminal that was killed in between sends the same bytes again and
 * goes on.
 */
export class InboxClient {
  readonly #session: Session;
  readonly #journal: InboxJournal;
  readonly #skipped: string[] = [];

  constructor(session: Session, journal: InboxJournal) {
    this.#session = session;
    this.#journal = journal;
  }

  /** Codes of the messages that could not be used, in their order. */
  get skipped(): readonly string[] {
    return this.#skipped;
  }

  /**
   * Gives the links that the server originates, one after the other, until nothing new has come for `waitSeconds` or as many messages
   * were looked at as one command may. A message that fails (stale, replayed, damaged, refused by the server) is reported as an event
   * and skipped.
   * Errors: those of the HTTP client for the inbox itself; TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
   */
  async *links(waitSeconds: number): AsyncGenerator<OfferedLink, void, undefined> {
    const { clock } = this.#session.terminal;
    const deadline = clock.nowSeconds() + waitSeconds;
    let looked = 0;
    for (let after = 0; ; ) {
      const askedAt = clock.nowSeconds();
      const messages = await this.#poll(after, Math.max(0, Math.min(maxInboxWaitSeconds, deadline - askedAt)));
      const fresh = messages.filter(({ position }) => position > after); // anybody on the way may repeat a reply
      for (const { position, message } of fresh) {
        if (++looked > maxInboxLooks) return;
        after = Math.max(after, position);
        const offered = await this.#skipping(position, async () => await this.#accept(message));
        if (offered !== null) yield offered;
      }
      if (fresh.length > 0) continue;
      if (clock.nowSeconds() >= deadline) return;
      if (clock.nowSeconds() === askedAt) await clock.sleep(1_000); // a server that does not wait must not be asked without end
    }
  }

  /** Goes on with the answer that waits for its first record, if there is one and it still can be used; null otherwise. */
  async resumeAnswer(): Promise<OfferedLink | null> {
    const { pending } = this.#journal;
    if (pending?.kind !== "answer") return null;
    return await this.#skipping(0, async () => {
      using saved = await this.#open(pending);
      using unconfirmed = UnconfirmedLink.load(saved);
      return await this.#exchangeAnswer(unconfirmed, pending.message);
    });
  }

  /** Goes on with the request whose reply did not come, if there is one and it still can be used; null otherwise. */
  async resumeRequest(): Promise<{
    readonly link: ConfidentialLink;
    readonly reply: LicenceReply;
    readonly description: SoftwareDescription;
  } | null> {
    const { pending } = this.#journal;
    if (pending?.kind !== "request") return null;
    return await this.#skipping(0, async () => {
      using saved = await this.#open(pending);
      const link = ConfidentialLink.load(saved);
      const reply = await this.#exchangeRequest(link, pending);
      this.#announce(link);
      return { link, reply, description: pending.description };
    });
  }

  /** Asks for the licence of what was offered. Errors: those of `ask`; TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
  async requestLicence(link: ConfidentialLink, description: SoftwareDescription): Promise<LicenceReply> {
    const { clock } = this.#session.terminal;
    const message = sealRequest(link, { kind: "licence", artefactId: description.artefactId }, clock.nowSeconds());
    const pending = { kind: "request", linkId: link.id, message, link: this.#keep(link), description } as const;
    await this.#journal.commit(pending);
    return await this.#exchangeRequest(link, pending);
  }

  async #accept(message: Uint8Array): Promise<OfferedLink> {
    const { answer, link } = await acceptMessage(this.#recipientContext(), message);
    using accepted = link;
    await this.#journal.commit({ kind: "answer", message: answer, link: this.#keep(accepted) });
    return await this.#exchangeAnswer(accepted, answer);
  }

  async #exchangeAnswer(unconfirmed: UnconfirmedLink, answer: Uint8Array): Promise<OfferedLink> {
    const record = await postLinkMessage(this.#session, answer);
    const { link, payload } = unconfirmed.confirm(record, this.#session.terminal.clock.nowSeconds());
    const reply = decodeReply(payload);
    if (reply.kind !== "offers") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
    this.#announce(link);
    using saved = link.save(); // the unconfirmed link, whose key it shares, is wiped by its owner
    return { link: ConfidentialLink.load(saved), offers: reply.offers };
  }

  async #exchangeRequest(link: ConfidentialLink, pending: Extract<PendingMessage, { kind: "request" }>): Promise<LicenceReply> {
    const record = await postRecord(this.#session, pending.linkId, pending.message);
    const reply = decodeReply(link.open(record, this.#session.terminal.clock.nowSeconds()));
    if (reply.kind !== "licence") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
    return reply;
  }

  /** Runs work on one message; a fault of the message ends that message only, a fault of network or disk ends the command. */
  async #skipping<T>(position: number, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (!isMessageFault(error)) throw error;
      this.#skipped.push(error.code);
      this.#session.terminal.onEvent({ kind: "message-skipped", position, code: error.code });
      if (this.#journal.pending !== null) await this.#journal.commit(null);
      return null;
    }
  }

  async #poll(after: number, waitSeconds: number): Promise<readonly InboxMessage[]> {
    const { terminal, enrolment, http } = this.#session;
    return await retrying(terminal, async () => {
      const request = { method: "GET", url: urlOf(enrolment.url, routes.inbox, { after, wait: waitSeconds }), waitSeconds } as const;
      const headers = { authorization: await this.#authorization() };
      const bytes = await http.exchange({ ...request, headers }, { type: mediaType.cbor, maxBytes: maxInboxReplyBytes });
      return decodeAs(inboxMessagesCodec, bytes, { maxBytes: maxInboxReplyBytes, what: "inbox" });
    });
  }

  async #authorization(): Promise<string> {
    const { terminal, enrolment } = this.#session;
    const { signing } = enrolment.self;
    const payload = encodeAs(inboxStatementCodec, {
      terminal: enrolment.name,
      server: enrolment.serverSigning.name,
      issuedAtSeconds: terminal.clock.nowSeconds(),
    });
    const signature = await sign1(signing.key, { payload, externalAad: statementAad("inbox") });
    return formatInboxAuthorization({ signingThumbprint: signing.certificate.thumbprint, signature });
  }

  #recipientContext(): RecipientContext {
    const { terminal, enrolment } = this.#session;
    const { serverSigning, anchors, self } = enrolment;
    const nowSeconds = terminal.clock.nowSeconds();
    return {
      self,
      peers: {
        find: (credential) => (equalCredentials(credential, credentialOf(serverSigning)) ? serverSigning : null),
        verify: (chain) => verifyCertificate({ chain, anchors, purpose: "server-sign", name: serverSigning.name, nowSeconds }),
      },
      replay: this.#journal,
      freshness: { nowSeconds },
      random: terminal.random,
    };
  }

  #keep(link: UnconfirmedLink | ConfidentialLink): Uint8Array {
    const { terminal, enrolment } = this.#session;
    using saved = link.save();
    return keepSecret(saved, { publicKey: enrolment.keeper.publicKey, random: terminal.random }, keptLinkAad());
  }

  async #open(pending: PendingMessage): Promise<Secret<"saved link">> {
    return await openKeptSecret(pending.link, { key: this.#session.enrolment.keeper, kind: "saved link" }, keptLinkAad());
  }

  #announce(link: ConfidentialLink): void {
    this.#session.terminal.onEvent(describeLink(factsOf(link), this.#session.enrolment.name));
  }
}

/** Network, disk, keys and defects of ours stop the command; anything else is the fault of one message. */
function isMessageFault(error: unknown): error is SealaneError {
  if (!(error instanceof SealaneError) || error.entry.blame === "internal") return false;
  const { code } = error;
  return !isPassing(error) && code !== "TERMINAL_DISK_FULL" && code !== "FILE_WRITE_FAILED" && !code.startsWith("KEYSTORE_");
}
