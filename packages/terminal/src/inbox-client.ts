import { apiErrors, type ServerReply } from "@sealane/api";
import { type Secret, type Suite, sha256 } from "@sealane/crypto";
import {
  type AwaitedThird,
  acceptMessage,
  ConfidentialLink,
  decodeMessage,
  linkErrors,
  loadAwaitedThird,
  type MechanismName,
  type ThirdContent,
  UnconfirmedLink,
} from "@sealane/link";
import type { SoftwareDescription } from "@sealane/software";
import { equalBytes, type SealaneError } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { isFaultOfMessage } from "./hear.ts";
import type { InboxJournal, PendingMessage, Vouched } from "./inbox-journal.ts";
import { InboxReader } from "./inbox-reader.ts";
import { keepSecret, openKeptSecret } from "./kept-secret.ts";
import { keptLinkAad, keptWaitAad } from "./labels.ts";
import { proveAuthorisation } from "./licence.ts";
import { maxInboxLooks } from "./limits.ts";
import {
  decodeReply,
  learnNews,
  type Offers,
  openFirstRecord,
  postLinkMessage,
  postRecord,
  type Session,
  sealRequest,
} from "./link-client.ts";
import { linkContext } from "./link-context.ts";
import { describeLink, factsOf } from "./link-facts.ts";
import { isPassing } from "./retry.ts";
import { requireStrongEnough } from "./suite-floor.ts";

/** A link that the server originated, and the first thing it said on it: what it offers. */
export interface OfferedLink {
  readonly link: ConfidentialLink;
  readonly offers: readonly SoftwareDescription[];
  /** What M3 vouched for: the link gives that and nothing else. Null where it vouched for nothing. */
  readonly vouched: Vouched | null;
}

/** What a link gave in the end: release and licence with the wrapped content key. */
export type AuthorisedReply = Extract<ServerReply, { readonly kind: "authorised" }>;

/**
 * Links that the server originates (DIR, EQ1): reads the inbox, accepts messages and answers them. What is sent is written down
 * before, with the link encrypted to this terminal, so that a terminal that was killed in between sends the same bytes again and
 * goes on.
 */
export class InboxClient {
  readonly #session: Session;
  readonly #journal: InboxJournal;
  readonly #mechanisms: readonly MechanismName[];
  readonly #suite: Suite | null;
  readonly #reader: InboxReader;
  readonly #skipped: string[] = [];

  /** `mechanisms` are those by which a message is accepted (POLICY), `suite` a weaker one than the floor that the user named. */
  constructor(
    session: Session,
    journal: InboxJournal,
    accepted: { readonly mechanisms: readonly MechanismName[]; readonly suite: Suite | null },
  ) {
    this.#session = session;
    this.#journal = journal;
    this.#mechanisms = accepted.mechanisms;
    this.#suite = accepted.suite;
    this.#reader = new InboxReader(session);
  }

  /** Codes of the messages that could not be used, in their order. */
  get skipped(): readonly string[] {
    return this.#skipped;
  }

  /**
   * Gives the links that the server originates, one after the other, until nothing new has come for `waitSeconds` or as many messages
   * were looked at as one command may. A message that fails (stale, replayed, damaged, refused by the server) is reported as an event
   * and skipped.
   * Errors: those of `InboxReader.messages`; TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
   */
  async *links(waitSeconds: number): AsyncGenerator<OfferedLink, void, undefined> {
    let looked = 0;
    for await (const { position, message } of this.#reader.messages(waitSeconds)) {
      if (++looked > maxInboxLooks) return;
      const offered = await this.#skipping(position, async () => await this.#accept(message));
      if (offered !== null) yield offered;
    }
  }

  /** Goes on with a link that had not said yet what is on offer, if there is one and it still can be used; null otherwise. */
  async resumeLink(): Promise<OfferedLink | null> {
    const { pending } = this.#journal;
    if (pending === null || pending.kind === "request") return null;
    return await this.#skipping(0, async () => await this.#resume(pending));
  }

  /** Goes on with the request whose reply did not come, if there is one and it still can be used; null otherwise. */
  async resumeRequest(): Promise<{
    readonly link: ConfidentialLink;
    readonly reply: AuthorisedReply;
    readonly description: SoftwareDescription;
  } | null> {
    const { pending } = this.#journal;
    if (pending?.kind !== "request") return null;
    return await this.#skipping(0, async () => {
      using saved = await this.#open(pending, "saved link", keptLinkAad());
      const link = ConfidentialLink.load(saved);
      const reply = await this.#exchangeRequest(link, pending);
      await this.#announce(link, null);
      return { link, reply, description: pending.description };
    });
  }

  /**
   * Asks for release, licence and content key of what was offered. Errors: those of `ask`; TERMINAL_LICENCE_CONTRADICTS for another licence
   * or release than M3 vouched for; TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
   */
  async requestAuthorisation({ link, vouched }: OfferedLink, description: SoftwareDescription): Promise<AuthorisedReply> {
    const { clock } = this.#session.terminal;
    const message = sealRequest(link, { kind: "authorise", artefactId: description.artefactId }, clock.nowSeconds());
    const state = this.#keep(link.save(), keptLinkAad());
    const pending = { kind: "request", linkId: link.id, message, link: state, description, vouched } as const;
    await this.#journal.commit(pending);
    return await this.#exchangeRequest(link, pending);
  }

  async #accept(message: Uint8Array): Promise<OfferedLink> {
    const { mechanism, suite } = decodeMessage(message).header;
    if (!this.#mechanisms.includes(mechanism)) throw apiErrors.error("POLICY_REFUSED", { mechanism });
    requireStrongEnough(this.#session.enrolment.floor, { suite, named: this.#suite });
    const accepted = await acceptMessage({ ...linkContext(this.#session), replay: this.#journal }, message);
    switch (accepted.kind) {
      case "answered": {
        using link = accepted.link;
        await this.#journal.commit({ kind: "answer", message: accepted.reply, link: this.#keep(link.save(), keptLinkAad()) });
        return await this.#exchangeAnswer(link, accepted.reply);
      }
      case "waiting": {
        using awaited = accepted.awaited;
        await this.#journal.commit({ kind: "second", message: accepted.reply, link: this.#keep(awaited.save(), keptWaitAad()) });
        return await this.#exchangeSecond(awaited, accepted.reply);
      }
      case "broadcast":
        throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism });
    }
  }

  async #resume(pending: Exclude<PendingMessage, { kind: "request" }>): Promise<OfferedLink> {
    switch (pending.kind) {
      case "answer": {
        using saved = await this.#open(pending, "saved link", keptLinkAad());
        using unconfirmed = UnconfirmedLink.load(saved);
        return await this.#exchangeAnswer(unconfirmed, pending.message);
      }
      case "second": {
        using saved = await this.#open(pending, "saved pending link", keptWaitAad());
        using awaited = loadAwaitedThird(saved);
        return await this.#exchangeSecond(awaited, pending.message);
      }
      case "offers": {
        using saved = await this.#open(pending, "saved link", keptLinkAad());
        return await this.#exchangeOffers(ConfidentialLink.load(saved), pending);
      }
    }
  }

  async #exchangeAnswer(unconfirmed: UnconfirmedLink, answer: Uint8Array): Promise<OfferedLink> {
    const record = await postLinkMessage(this.#session, answer);
    const { link, offers } = openFirstRecord(unconfirmed, { record, reference: {} }, this.#session.terminal.clock.nowSeconds());
    await this.#announce(link, offers);
    using saved = link.save(); // the unconfirmed link, whose key it shares, is wiped by its owner
    return { link: ConfidentialLink.load(saved), offers: offers?.offers ?? [], vouched: null };
  }

  /** Sends M2, takes M3, and asks what is on offer: the record proves that this terminal holds the key. */
  async #exchangeSecond(awaited: AwaitedThird, second: Uint8Array): Promise<OfferedLink> {
    const third = await postLinkMessage(this.#session, second);
    const { link, ...vouched } = await awaited.receive(linkContext(this.#session), third);
    const proven = awaited.third === null ? null : this.#proveVouched(vouched);
    const { clock } = this.#session.terminal;
    const message = sealRequest(link, { kind: "offers", module: null, installed: [] }, clock.nowSeconds());
    const pending = { kind: "offers", linkId: link.id, vouched: proven, message, link: this.#keep(link.save(), keptLinkAad()) } as const;
    await this.#journal.commit(pending);
    return await this.#exchangeOffers(link, pending);
  }

  /**
   * Proves what M3 vouches for: release and licence of the artefact that it names, or nothing at all.
   * Errors: LINK_FIELD_WRONG for a part of it, those of `verifyAuthorisation`.
   */
  #proveVouched({ artefactId, licence, release }: ThirdContent): Vouched | null {
    if (artefactId === null && licence === null && release === null) return null;
    if (artefactId === null || licence === null || release === null) throw linkErrors.error("LINK_FIELD_WRONG", { field: "M3" });
    const { terminal, enrolment } = this.#session;
    const expected = { terminal, trust: enrolment, artefactId, recipient: enrolment.name };
    const proven = proveAuthorisation({ licence, release }, expected);
    return { artefactId, licence: proven.licence.digest, release: proven.release.digest };
  }

  async #exchangeOffers(link: ConfidentialLink, pending: Extract<PendingMessage, { kind: "offers" }>): Promise<OfferedLink> {
    const posted = await postRecord(this.#session, pending.linkId, pending.message);
    const { offers } = openFirstRecord(link, posted, this.#session.terminal.clock.nowSeconds());
    await this.#announce(link, offers);
    const { vouched } = pending;
    const isVouched = ({ artefactId }: SoftwareDescription): boolean => vouched === null || equalBytes(artefactId, vouched.artefactId);
    return { link, offers: (offers?.offers ?? []).filter(isVouched), vouched };
  }

  async #exchangeRequest(link: ConfidentialLink, pending: Extract<PendingMessage, { kind: "request" }>): Promise<AuthorisedReply> {
    const { record, reference } = await postRecord(this.#session, pending.linkId, pending.message);
    const reply = decodeReply(link.open(record, this.#session.terminal.clock.nowSeconds()), reference);
    if (reply.kind !== "authorised") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
    if (pending.vouched !== null && !isVouchedFor(reply, pending.vouched))
      throw terminalErrors.error("TERMINAL_LICENCE_CONTRADICTS", { module: pending.description.module });
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

  #keep(secret: Secret, aad: Uint8Array): Uint8Array {
    const { terminal, enrolment } = this.#session;
    using saved = secret;
    return keepSecret(saved, { publicKey: enrolment.keeper.publicKey, random: terminal.random }, aad);
  }

  async #open<Kind extends string>(pending: PendingMessage, kind: Kind, aad: Uint8Array): Promise<Secret<Kind>> {
    return await openKeptSecret(pending.link, { key: this.#session.enrolment.keeper, kind }, aad);
  }

  async #announce(link: ConfidentialLink, offers: Offers | null): Promise<void> {
    // Who has no name has proved nothing, and the time least of all: a floor that was raised does not come down by itself.
    if (offers !== null && link.peer !== null) await learnNews(this.#session, link, offers);
    this.#session.terminal.onEvent(describeLink(factsOf(link), this.#session.enrolment));
  }
}

function isVouchedFor(reply: AuthorisedReply, { licence, release }: Vouched): boolean {
  return equalBytes(sha256(reply.licence), licence) && equalBytes(sha256(reply.release), release);
}

/** The network too stops the command: the message is as good afterwards. */
function isMessageFault(error: unknown): error is SealaneError {
  return isFaultOfMessage(error) && !isPassing(error);
}
