import { type ServerReply, serverReplyCodec, type TerminalRequest, terminalRequestCodec } from "@sealane/api";
import { sha256, systemRandom } from "@sealane/crypto";
import {
  type AwaitedReply,
  type AwaitedThird,
  acceptMessage,
  type ConfidentialLink,
  type ContinueContext,
  decodeMessage,
  type MechanismName,
  mechanismNamed,
  type OriginateOptions,
  readReference,
  referenceOf,
  type Self,
  type ThirdContent,
  thirdModes,
  UnconfirmedLink,
} from "@sealane/link";
import { credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import { decodeAs, encodeAs } from "@sealane/wire";
import type { TestAuthority } from "./authority.ts";
import type { FakeClock } from "./fake-clock.ts";

const maxBytes = 100_000;

export interface EnrolledTerminal {
  /** By which it is known, and the others. */
  readonly signing: VerifiedCertificate;
  readonly alsoSigning: readonly VerifiedCertificate[];
  readonly decryption: readonly VerifiedCertificate[];
  readonly agreement: readonly VerifiedCertificate[];
  isActive: boolean;
}

/** How a link is originated. */
export type OriginateWish = OriginateOptions & { readonly mechanism: MechanismName };

/** What the server of these links does on them. */
export interface LinkOwner {
  readonly clock: FakeClock;
  readonly authority: TestAuthority;
  readonly self: Self;
  /** Null while none is active. */
  readonly terminal: () => EnrolledTerminal | null;
  /** What M3 to the terminal carries for an offer. */
  readonly vouch: (offer: string) => Promise<ThirdContent>;
  /** What is said first on a link of the server, about its offer. */
  readonly greet: (offer: string) => ServerReply;
  readonly reply: (link: ConfidentialLink, request: TerminalRequest) => Promise<ServerReply>;
  /** Whether a challenge is one that was given; it is used up. */
  readonly isChallenge: (challenge: Uint8Array) => boolean;
  /** The message that was originated is answered. */
  readonly answered: (reference: string) => void;
}

interface OpenLink {
  link: UnconfirmedLink | ConfidentialLink;
  last: { readonly digest: string; readonly response: Uint8Array };
}

/** Links of the test's server by every mechanism, in memory. What was received once is answered alike until its link goes on. */
export class FakeLinks {
  readonly #owner: LinkOwner;
  readonly #links = new Map<string, OpenLink>();
  readonly #opened = new Map<string, OpenLink>();
  readonly #replies = new Map<string, { readonly awaited: AwaitedReply; readonly offer: string }>();
  readonly #thirds = new Map<string, { readonly awaited: AwaitedThird; readonly sent: Uint8Array }>();
  readonly #seen = new Set<string>();

  constructor(owner: LinkOwner) {
    this.#owner = owner;
  }

  /** M1 to the terminal that offers something. */
  async originate(offer: string, wish: OriginateWish): Promise<{ readonly message: Uint8Array; readonly reference: string }> {
    const { mechanism, ...options } = wish;
    const terminal = this.#owner.terminal();
    if (terminal === null) throw new Error("No terminal is enrolled");
    const recipient = [...terminal.decryption, ...terminal.agreement];
    const { self } = this.#context(mechanism);
    const context = { self, recipient, nowSeconds: this.#owner.clock.now, random: systemRandom };
    const sent = await mechanismNamed(mechanism).originate(context, options);
    if (sent.kind !== "sent") throw new Error(`${mechanism} is a broadcast`);
    const reference = sent.awaited.reference.toHex();
    this.#replies.set(reference, { awaited: sent.awaited, offer });
    return { message: sent.message, reference };
  }

  /** Takes a link message; null where it is refused. */
  async establish(message: Uint8Array): Promise<Uint8Array | null> {
    const id = sha256(message).toHex();
    const opened = this.#opened.get(id);
    if (opened !== undefined) return opened.last.digest === id ? opened.last.response : null; // the link has moved on
    if (this.#owner.terminal() === null) return null;
    if (decodeMessage(message).header.number === 1) return await this.#accept(id, message);
    const reference = readReference(message).toHex();
    if (this.#thirds.has(reference)) return await this.#receiveThird(id, message);
    return this.#replies.has(reference) ? await this.#receiveReply(id, message) : null;
  }

  /** Takes a record; null where it is refused. */
  async exchange(id: string, record: Uint8Array): Promise<Uint8Array | null> {
    const open = this.#links.get(id);
    if (open === undefined) return null;
    const digest = sha256(record).toHex();
    if (open.last.digest === digest) return open.last.response;
    const { now } = this.#owner.clock;
    const { link, payload } =
      open.link instanceof UnconfirmedLink ? open.link.confirm(record, now) : { link: open.link, payload: open.link.open(record, now) };
    const request = decodeAs(terminalRequestCodec, payload, { maxBytes, what: "request" });
    const response = this.#say(link, await this.#owner.reply(link, request));
    open.link = link;
    open.last = { digest, response };
    return response;
  }

  async #accept(id: string, message: Uint8Array): Promise<Uint8Array> {
    const reference = referenceOf(message).toHex();
    const waiting = this.#thirds.get(reference);
    if (waiting !== undefined) return waiting.sent;
    const insert = ({ nonce }: { readonly nonce: Uint8Array }): "fresh" | "seen" =>
      this.#seen.size < this.#seen.add(nonce.toHex()).size ? "fresh" : "seen";
    const accepted = await acceptMessage({ ...this.#context(), replay: { insert }, thirdModes }, message);
    if (accepted.kind === "broadcast") throw new Error("a broadcast was sent to the server");
    if (accepted.kind === "answered") return this.#open(id, accepted.link, accepted.reply);
    this.#thirds.set(reference, { awaited: accepted.awaited, sent: accepted.reply });
    return accepted.reply;
  }

  async #receiveReply(id: string, message: Uint8Array): Promise<Uint8Array> {
    const reference = readReference(message).toHex();
    const pending = this.#replies.get(reference);
    if (pending === undefined) throw new Error("no reply is awaited");
    const { awaited, offer } = pending;
    const { link, message: third } = await awaited.receive(
      this.#context(awaited.mechanism),
      message,
      mechanismNamed(awaited.mechanism).vouches ? await this.#owner.vouch(offer) : undefined,
    );
    this.#owner.answered(reference);
    this.#replies.delete(reference);
    if (third !== null) return this.#open(id, link, third);
    if (link instanceof UnconfirmedLink) throw new Error("a link is unconfirmed only behind M3");
    return this.#open(id, link, this.#say(link, this.#owner.greet(offer)));
  }

  async #receiveThird(id: string, message: Uint8Array): Promise<Uint8Array> {
    const reference = readReference(message).toHex();
    const pending = this.#thirds.get(reference);
    if (pending === undefined) throw new Error("no M3 is awaited");
    const { link } = await pending.awaited.receive(this.#context(), message);
    this.#thirds.delete(reference);
    return this.#open(id, link, this.#say(link, await this.#owner.reply(link, { kind: "offers", module: null, installed: [] })));
  }

  #open(id: string, link: OpenLink["link"], response: Uint8Array): Uint8Array {
    const opening: OpenLink = { link, last: { digest: id, response } };
    this.#links.set(link.id.toHex(), opening);
    this.#opened.set(id, opening);
    return response;
  }

  #say(link: ConfidentialLink, reply: ServerReply): Uint8Array {
    return link.seal(encodeAs(serverReplyCodec, reply), this.#owner.clock.now);
  }

  /** Without a name where the server originated the mechanism so. */
  #context(originated?: MechanismName): ContinueContext {
    const { clock, self, authority } = this.#owner;
    const terminal = this.#owner.terminal();
    const signers = terminal === null ? [] : [terminal.signing, ...terminal.alsoSigning];
    const decryption = terminal?.decryption ?? [];
    const isUnnamed = originated !== undefined && mechanismNamed(originated).anonymous === "originator";
    return {
      self: isUnnamed ? { name: null, role: "server" } : self,
      peers: {
        find: (credential) => signers.find((each) => equalCredentials(credential, credentialOf(each))) ?? null,
        verify: (chain) => authority.verify(chain, "terminal-sign"),
        decryption: ({ name, suite }) => {
          const kind = suite.encryption.keyKind;
          return decryption.find((certificate) => certificate.name === name && certificate.publicKey.kind === kind) ?? null;
        },
      },
      freshness: { nowSeconds: clock.now, isChallenge: this.#owner.isChallenge },
      random: systemRandom,
    };
  }
}
