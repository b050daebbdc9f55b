import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";
import {
  type ApiCode,
  apiErrors,
  type ChainList,
  certificateChainCodec,
  challengeCodec,
  type EnrolInfo,
  type EnrolReply,
  type EnrolView,
  encodeConfirmed,
  encodeProven,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  enrolViewDigest,
  formatEnrolToken,
  formatInboxEvent,
  type InboxMessage,
  inboxHeartbeat,
  inboxMessagesCodec,
  inboxStatementCodec,
  mediaType,
  openInboxRequest,
  openRequestFor,
  problemOf,
  referenceHeader,
  routes,
  type ServerReply,
  signedEnrolRequestCodec,
  statementAad,
  type TerminalRequest,
} from "@sealane/api";
import { parseSign1, requireBytes, sealToPublicKey, sealUnderKey, sign1, verifySign1 } from "@sealane/cose";
import {
  type DecryptionKey,
  defaultSuite,
  encryptionFor,
  PublicKey,
  type Secret,
  type SigningKey,
  type Suite,
  sha256,
  standardSuites,
  systemRandom,
} from "@sealane/crypto";
import {
  anonymousRecipient,
  type CertifiedKey,
  type ConfidentialLink,
  challengeBytes,
  everyRecipient,
  nothingVouched,
  type Self,
  suitesOf,
  type ThirdContent,
} from "@sealane/link";
import type { Purpose, VerifiedCertificate } from "@sealane/pki";
import {
  type Authorisation,
  issueLicence,
  type LicenceContent,
  type LicenceRecipient,
  licenceId,
  type SoftwareDescription,
} from "@sealane/software";
import { artefactId, type Digest, decodeAs, digest, encode, encodeAs, type Name, SealaneError } from "@sealane/wire";
import { TestAuthority } from "./authority.ts";
import { FakeChannel } from "./fake-channel.ts";
import type { FakeClock } from "./fake-clock.ts";
import { type EnrolledTerminal, FakeLinks, type OriginateWish } from "./fake-links.ts";
import { model, publisherName, releaseOf, sealSoftware, serverName, type TestSoftware, terminalName } from "./test-terminal.ts";

const maxBytes = 100_000;

/** What a test may make go wrong; each is asked at every occasion. */
export interface Faults {
  /** Called before a request is handled; "drop" breaks the connection, a code is answered as a problem. */
  before?: ((request: IncomingMessage) => "drop" | ApiCode | undefined) | undefined;
  /** The request is handled, and its reply is lost. */
  after?: ((request: IncomingMessage) => "drop" | undefined) | undefined;
  /** Changes what is sent of an artefact from `start` on. */
  artefact?: ((bytes: Uint8Array, start: number) => Uint8Array) | undefined;
  /** Awaited before a connection is broken behind a shortened artefact. */
  beforeCut?: (() => Promise<void>) | undefined;
  /** Answers link messages in place of this server. */
  link?: ((message: Uint8Array) => Promise<Uint8Array>) | undefined;
  /** Changes what is said on a link. */
  reply?: ((reply: ServerReply) => ServerReply) | undefined;
  /** Changes the reply to a link message on its way. */
  linkReply?: ((reply: Uint8Array) => Uint8Array) | undefined;
  /** Changes what M3 vouches for. */
  vouched?: ((content: ThirdContent) => ThirdContent) | undefined;
  /** Gives another release in place of the publisher's. */
  release?: ((release: Uint8Array) => Uint8Array) | undefined;
  /** Gives another licence, and the release of now, than M3 vouched for. */
  forgetsVouched?: boolean;
  /** Changes the terms of a licence. */
  terms?: Partial<LicenceContent> | undefined;
  /** Answers a request for an event stream in place of the server, behind the authorisation. */
  stream?: ((response: ServerResponse, after: number) => void) | undefined;
  /** Changes what the reply to an enrolment says, as somebody could who knows its key. */
  enrolReply?: ((reply: EnrolReply) => EnrolReply | Promise<EnrolReply>) | undefined;
  /** Changes it on its way. */
  enrolReplyBytes?: ((reply: Uint8Array) => Uint8Array) | undefined;
  enrolInfo?: ((info: EnrolInfo) => EnrolInfo) | undefined;
}

interface Artefact {
  readonly description: SoftwareDescription;
  readonly artefact: Uint8Array;
  readonly contentKey: Secret<"content key">;
}

/** A chain in an enrolment reply, encrypted to the key of its first certificate. */
export function sealChain(publicKey: PublicKey, chain: readonly Uint8Array[]): Uint8Array {
  const content = { plaintext: encodeAs(certificateChainCodec, chain), externalAad: statementAad("enrol certificate") };
  return encode(sealToPublicKey(encryptionFor(publicKey), { publicKey, random: systemRandom }, content));
}

function refusedIfNull(reply: Uint8Array | null): Uint8Array {
  if (reply === null) throw apiErrors.error("LINK_REFUSED");
  return reply;
}

/** A server of the test with the routes that a terminal uses, in memory. */
export class FakeServer {
  readonly clock: FakeClock;
  readonly authority: TestAuthority;
  readonly faults: Faults = {};
  /** "METHOD /path range" of every request, and " stream" of one that wants an event stream. */
  readonly requests: string[] = [];
  /** What terminals asked on links. */
  readonly asked: TerminalRequest[] = [];
  /** Orders for the terminal, by number. */
  orders: readonly { readonly number: number; readonly order: Uint8Array }[] = [];
  url = "";
  /** Streams end when they have given what waits, or stay open for what comes. */
  holdsStreams = false;
  /** What M3 vouched for, by artefact. */
  readonly #vouched = new Map<string, Authorisation>();
  readonly #streams = new Set<ServerResponse>();
  #onStream: () => void = () => {};
  readonly #server: Server;
  readonly #self: Self;
  readonly #issuer: CertifiedKey<SigningKey>;
  /** Signs releases; no server has this key. */
  readonly publisher: CertifiedKey<SigningKey>;
  readonly #enrolKey: CertifiedKey<DecryptionKey>;
  readonly #tokenId = systemRandom.bytes(8);
  readonly #tokenSecret = systemRandom.bytes(32);
  readonly #artefacts = new Map<string, Artefact>();
  readonly #challenges = new Set<string>();
  readonly #links: FakeLinks;
  readonly channel: FakeChannel;
  #inbox: { readonly position: number; readonly message: Uint8Array; readonly reference: string }[] = [];
  #position = 0;
  /** Set by enrolment; `isActive` by the proof. */
  terminal: EnrolledTerminal | null = null;

  private constructor(
    clock: FakeClock,
    authority: TestAuthority,
    keys: {
      readonly self: Self;
      readonly issuer: CertifiedKey<SigningKey>;
      readonly publisher: CertifiedKey<SigningKey>;
      readonly enrolKey: CertifiedKey<DecryptionKey>;
    },
  ) {
    this.clock = clock;
    this.authority = authority;
    this.#self = keys.self;
    this.#issuer = keys.issuer;
    this.publisher = keys.publisher;
    this.#enrolKey = keys.enrolKey;
    const said = (reply: ServerReply): ServerReply => this.faults.reply?.(reply) ?? reply;
    this.#links = new FakeLinks({
      clock,
      authority,
      self: keys.self,
      terminal: () => (this.terminal?.isActive === true ? this.terminal : null),
      vouch: async (offer) => await this.#vouch(offer),
      greet: (offer) => said(this.#offersOf(offer)),
      reply: async (link, request) => {
        this.asked.push(request);
        return said(await this.#reply(link, request));
      },
      isChallenge: (challenge) => this.#challenges.delete(challenge.toHex()),
      answered: (reference) => {
        this.#inbox = this.#inbox.filter((each) => each.reference !== reference);
      },
    });
    this.channel = new FakeChannel({
      clock,
      self: keys.self,
      licence: async (description) => await this.#licence(description, everyRecipient),
      release: async (description) => await this.#release(description),
      contentKey: (id) => this.#artefact(id).contentKey,
    });
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(t: TestContext, clock: FakeClock, suites: readonly Suite[] = standardSuites): Promise<FakeServer> {
    const authority = await TestAuthority.create(clock.now);
    const self: Self = {
      name: serverName,
      role: "server",
      signing: await authority.signers(serverName, "server-sign", suites),
      decryption: await authority.openers(serverName, "server-decrypt", suites),
      agreement: await authority.agreers(serverName, "server-agree", suites),
    };
    const issuer = await authority.signer(serverName, "licence-sign");
    const publisher = await authority.signer(publisherName, "release-sign");
    const enrolKey = await authority.opener(serverName, "enrol-decrypt");
    const server = new FakeServer(clock, authority, { self, issuer, publisher, enrolKey });
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    server.url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    t.after(() => {
      server.#server.closeAllConnections();
      server.#server.close();
    });
    return server;
  }

  token(changes: { readonly fingerprint?: Uint8Array; readonly name?: Name } = {}): string {
    return formatEnrolToken({
      url: this.url,
      fingerprint: digest(changes.fingerprint ?? this.authority.anchor.thumbprint),
      tokenId: this.#tokenId,
      tokenSecret: this.#tokenSecret,
      name: changes.name ?? terminalName,
      model,
    });
  }

  publish(software: TestSoftware): SoftwareDescription & { readonly artefact: Uint8Array } {
    const { description, artefact, sealed } = sealSoftware(software);
    this.#artefacts.set(description.artefactId.toHex(), { description, artefact, contentKey: sealed.contentKey });
    return { ...description, artefact };
  }

  /** Has it no more. */
  withdraw({ artefactId: id }: Pick<SoftwareDescription, "artefactId">): void {
    this.#artefacts.delete(id.toHex());
  }

  /** Describes a published artefact in other words. */
  publishAgain({ artefactId: id }: Pick<SoftwareDescription, "artefactId">, words: Partial<SoftwareDescription>): void {
    const published = this.#artefacts.get(id.toHex());
    if (published === undefined) throw new Error("It was never published");
    this.#artefacts.set(id.toHex(), { ...published, description: { ...published.description, ...words } });
  }

  /** Originates a link to the terminal, by `signed-transport` unless told, and puts M1 into its inbox. */
  async offer(description: SoftwareDescription, wish: Partial<OriginateWish> = {}): Promise<Uint8Array> {
    const expiresAtSeconds = this.clock.now + 86_400;
    const whole = { mechanism: "signed-transport", suite: defaultSuite, expiresAtSeconds, ...wish } as const;
    const { message, reference } = await this.#links.originate(description.artefactId.toHex(), whole);
    this.post(message, reference);
    return message;
  }

  /** Puts anything into the inbox. */
  post(message: Uint8Array, reference = ""): void {
    const position = ++this.#position;
    this.#inbox.push({ position, message, reference });
    for (const stream of this.#streams) stream.write(formatInboxEvent({ position, message }));
  }

  /** Comes back when the next stream stays open. */
  async streaming(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onStream = resolve;
    await promise;
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  contentKeyOf(id: Uint8Array): Uint8Array {
    return this.#artefact(id).contentKey.use((bytes) => Uint8Array.from(bytes));
  }

  /** A licence for somebody, of what was published. */
  async licenceFor(recipient: LicenceRecipient, id: Uint8Array): Promise<Uint8Array> {
    return await this.#licence(this.#artefact(id).description, recipient);
  }

  /** The publisher's release of what was published. */
  async releaseFor(id: Uint8Array): Promise<Uint8Array> {
    return await this.#release(this.#artefact(id).description);
  }

  #artefact(id: Uint8Array): Artefact {
    const found = this.#artefacts.get(id.toHex());
    if (found === undefined) throw new Error("There is no such artefact");
    return found;
  }

  emptyInbox(): void {
    this.#inbox = [];
  }

  /** Forgets the enrolment: the token is as new. */
  forgetTerminal(): void {
    this.terminal = null;
  }

  get waiting(): number {
    return this.#inbox.length;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const isStream = url.startsWith(routes.inbox) && headers.accept?.includes(mediaType.events) === true;
    const parts = [method, url.split("?")[0], headers.range, isStream ? "stream" : undefined];
    this.requests.push(parts.filter((part) => part !== undefined).join(" "));
    response.setHeader(referenceHeader, "0123456789abcdef");
    try {
      const body = await buffer(request);
      const fault = this.faults.before?.(request);
      if (fault === "drop") return void request.socket.destroy();
      if (fault !== undefined) throw apiErrors.error(fault);
      const path = new URL(url, this.url);
      if (path.pathname.startsWith("/v1/artefacts/")) return this.#sendArtefact(request, response, path);
      if (isStream) return await this.#streamInbox(body, { after: Number(path.searchParams.get("after")), response });
      const reply = await this.#route(`${method} ${path.pathname}`, { body, path });
      if (this.faults.after?.(request) === "drop") return void request.socket.destroy();
      if (reply === null) response.writeHead(204).end();
      else response.writeHead(200, { "content-type": mediaType.cbor, "content-length": reply.length }).end(reply);
    } catch (error) {
      const known = error instanceof SealaneError && error.code in apiErrors.entries ? error : apiErrors.error("LINK_REFUSED");
      response.writeHead(known.entry.http, { "content-type": mediaType.problem }).end(JSON.stringify(problemOf(known)));
    }
  }

  async #route(route: string, { body, path }: { readonly body: Uint8Array; readonly path: URL }): Promise<Uint8Array | null> {
    if (route === `GET ${routes.enrol}`) {
      const info = { authority: this.authority.anchor.der, enrolChain: this.#enrolKey.certificate.chain };
      return encodeAs(enrolInfoCodec, this.faults.enrolInfo?.(info) ?? info);
    }
    if (route === `POST ${routes.enrolments}`) return await this.#enrol(body);
    if (route === `POST ${routes.enrolProof}`) return await this.#prove(body);
    if (route === `POST ${routes.links}` && this.faults.link !== undefined) return await this.faults.link(body);
    if (route === `POST ${routes.links}`) {
      const reply = refusedIfNull(await this.#links.establish(body));
      return this.faults.linkReply?.(reply) ?? reply;
    }
    if (route.startsWith("POST /v1/links/")) {
      return refusedIfNull(await this.#links.exchange(path.pathname.slice("/v1/links/".length), body));
    }
    if (route === `POST ${routes.challenges}`) return this.#challenge();
    if (route === `GET ${routes.broadcasts}`) return this.channel.reply(Number(path.searchParams.get("after")));
    if (route === `POST ${routes.inbox}`) return await this.#readInbox(body, Number(path.searchParams.get("after")));
    throw apiErrors.error("API_ROUTE_UNKNOWN");
  }

  #challenge(): Uint8Array {
    const challenge = systemRandom.bytes(challengeBytes);
    this.#challenges.add(challenge.toHex());
    return encodeAs(challengeCodec, { challenge, nowSeconds: this.clock.now });
  }

  async #enrol(body: Uint8Array): Promise<Uint8Array> {
    const externalAad = statementAad("enrol request");
    const plaintext = await openRequestFor([this.#enrolKey], { label: "enrol request", body, maxBytes });
    const { signed: first, alsoSigned } = decodeAs(signedEnrolRequestCodec, plaintext, { maxBytes, what: "request" });
    const read = (payload: Uint8Array) => decodeAs(enrolRequestCodec, payload, { maxBytes, what: "request" });
    const [signingSpki = new Uint8Array(0), ...otherSpkis] = read(requireBytes(parseSign1(first).rest[0])).signingSpkis;
    const payload = verifySign1(first, { publicKey: PublicKey.fromSpki(signingSpki), externalAad });
    const request = read(payload);
    for (const [i, spki] of otherSpkis.entries()) {
      verifySign1(alsoSigned[i] ?? null, { publicKey: PublicKey.fromSpki(spki), externalAad, detachedPayload: payload });
    }
    if (Buffer.compare(request.tokenSecret, this.#tokenSecret) !== 0 || request.name !== terminalName)
      throw apiErrors.error("ENROL_REFUSED");
    const isBound = this.terminal !== null && Buffer.compare(this.terminal.signing.publicKey.spki, signingSpki) !== 0;
    if (isBound) throw apiErrors.error("ENROL_REFUSED");
    if (this.terminal === null) {
      const issue = async (purpose: Purpose, spki: Uint8Array) =>
        this.authority.verify(await this.authority.issue(request.name, purpose, PublicKey.fromSpki(spki)), purpose);
      this.terminal = {
        signing: await issue("terminal-sign", signingSpki),
        alsoSigning: await Promise.all(otherSpkis.map(async (spki) => await issue("terminal-sign", spki))),
        decryption: await Promise.all(request.decryptionSpkis.map(async (spki) => await issue("terminal-decrypt", spki))),
        agreement: await Promise.all(request.agreementSpkis.map(async (spki) => await issue("terminal-agree", spki))),
        isActive: false,
      };
    }
    const seal = ({ publicKey, chain }: VerifiedCertificate) => sealChain(publicKey, chain);
    const view = this.#viewOf(this.terminal, digest(sha256(payload)));
    const [confirming] = this.#self.signing;
    if (confirming === undefined) throw new Error("a server signs");
    const signed = { payload: encodeConfirmed(enrolViewDigest(view)), detached: true, externalAad: statementAad("enrol view") };
    const reply: EnrolReply = {
      signingChains: view.terminalChains.signingChains,
      sealedDecryptionChains: this.terminal.decryption.map(seal),
      sealedAgreementChains: this.terminal.agreement.map(seal),
      serverSuiteNumbers: view.serverSuiteNumbers,
      serverChains: view.serverChains,
      confirmation: await sign1(confirming.key, signed),
    };
    const sent = (await this.faults.enrolReply?.(reply)) ?? reply;
    const input = { plaintext: encodeAs(enrolReplyCodec, sent), externalAad: statementAad("enrol reply") };
    const sealed = encode(sealUnderKey(request.replyKey, systemRandom, input));
    return this.faults.enrolReplyBytes?.(sealed) ?? sealed;
  }

  #viewOf({ signing, alsoSigning, decryption, agreement }: EnrolledTerminal, requestDigest: Digest): EnrolView {
    const chainsOf = (certificates: readonly VerifiedCertificate[]): ChainList => certificates.map(({ chain }) => chain);
    const ownOf = (keys: readonly { readonly certificate: VerifiedCertificate }[]): ChainList =>
      chainsOf(keys.map(({ certificate }) => certificate));
    return {
      requestDigest,
      terminalChains: {
        signingChains: chainsOf([signing, ...alsoSigning]),
        decryptionChains: chainsOf(decryption),
        agreementChains: chainsOf(agreement),
      },
      serverName,
      serverSuiteNumbers: suitesOf(this.#self).map(({ id }) => id),
      serverChains: {
        signingChains: ownOf(this.#self.signing),
        decryptionChains: ownOf(this.#self.decryption),
        agreementChains: ownOf(this.#self.agreement),
      },
    };
  }

  async #prove(body: Uint8Array): Promise<null> {
    const { terminal } = this;
    const opened = await openRequestFor([this.#enrolKey], { label: "enrol proof", body, maxBytes });
    const { requestDigest, confirmation, signature } = decodeAs(enrolProofCodec, opened, { maxBytes, what: "proof" });
    if (terminal === null) throw apiErrors.error("ENROL_REFUSED");
    const viewDigest = enrolViewDigest(this.#viewOf(terminal, requestDigest));
    const detachedPayload = encodeProven(viewDigest, confirmation);
    verifySign1(signature, { publicKey: terminal.signing.publicKey, externalAad: statementAad("enrol proof"), detachedPayload });
    terminal.isActive = true;
    return null;
  }

  async #readInbox(body: Uint8Array, after: number): Promise<Uint8Array> {
    return encodeAs(inboxMessagesCodec, (await this.#waitingFor(body, after)).slice(0, 16));
  }

  async #streamInbox(body: Uint8Array, { after, response }: { readonly after: number; readonly response: ServerResponse }): Promise<void> {
    const waiting = await this.#waitingFor(body, after);
    if (this.faults.stream !== undefined) {
      this.faults.stream(response, after);
      return;
    }
    response.writeHead(200, { "content-type": mediaType.events, connection: "close" }).write(inboxHeartbeat);
    for (const message of waiting) response.write(formatInboxEvent(message));
    if (!this.holdsStreams) {
      response.end();
      return;
    }
    this.#streams.add(response);
    response.once("close", () => this.#streams.delete(response));
    this.#onStream();
  }

  async #waitingFor(body: Uint8Array, after: number): Promise<readonly InboxMessage[]> {
    if (this.terminal?.isActive !== true) throw apiErrors.error("LINK_REFUSED");
    const { signature } = await openInboxRequest(this.#self.decryption, body);
    const payload = verifySign1(signature, { publicKey: this.terminal.signing.publicKey, externalAad: statementAad("inbox") });
    const statement = decodeAs(inboxStatementCodec, payload, { maxBytes, what: "statement" });
    if (statement.terminal !== terminalName || statement.server !== serverName) throw apiErrors.error("LINK_REFUSED");
    return this.#inbox.filter(({ position }) => position > after).map(({ position, message }) => ({ position, message }));
  }

  #offersOf(offer: string): ServerReply {
    const offered = this.#artefacts.get(offer);
    return { ...this.#news(), offers: offered === undefined ? [] : [offered.description] };
  }

  #news(): Extract<ServerReply, { kind: "offers" }> {
    return { kind: "offers", offers: [], nowSeconds: this.clock.now, newestOrder: Math.max(0, ...this.orders.map(({ number }) => number)) };
  }

  async #vouch(offer: string): Promise<ThirdContent> {
    const offered = this.#artefacts.get(offer);
    if (offered === undefined) return nothingVouched;
    const licence = await this.#licence(offered.description, terminalName);
    const release = await this.#release(offered.description);
    const content = { artefactId: artefactId(offered.description.artefactId), licence, release };
    this.#vouched.set(offered.description.artefactId.toHex(), { licence, release });
    return this.faults.vouched?.(content) ?? content;
  }

  async #reply(link: ConfidentialLink, request: TerminalRequest): Promise<ServerReply> {
    if (request.kind === "offers") {
      const offers = [...this.#artefacts.values()].map(({ description }) => description);
      return { ...this.#news(), offers: offers.filter(({ module }) => (request.module ?? module) === module) };
    }
    if (request.kind === "groups") return { kind: "groups", memberships: this.channel.memberships };
    if (request.kind === "order") {
      const next = this.orders.find(({ number }) => number > request.after);
      return { kind: "order", number: next?.number ?? 0, order: next?.order ?? null };
    }
    if (request.kind === "licence") return { kind: "refused", code: "API_TERMINAL_OLD" };
    const found = this.#artefacts.get(request.artefactId.toHex());
    if (found === undefined) return { kind: "refused", code: "RELEASE_UNKNOWN" };
    const { parties, originatorRole } = link;
    const holder = originatorRole === "terminal" ? parties.originator : parties.recipient;
    const vouched = this.faults.forgetsVouched === true ? undefined : this.#vouched.get(request.artefactId.toHex());
    const licence = vouched?.licence ?? (await this.#licence(found.description, holder ?? anonymousRecipient));
    const binding = {
      artefactId: request.artefactId,
      licenceDigest: digest(sha256(licence)),
      random: systemRandom,
      nowSeconds: this.clock.now,
    };
    const release = vouched?.release ?? (await this.#release(found.description));
    return { kind: "authorised", release, licence, wrap: link.wrap(found.contentKey, binding) };
  }

  async #release(description: SoftwareDescription): Promise<Uint8Array> {
    const release = await releaseOf(description, { publisher: this.publisher, nowSeconds: this.clock.now });
    return this.faults.release?.(release) ?? release;
  }

  async #licence(description: SoftwareDescription, recipient: LicenceRecipient): Promise<Uint8Array> {
    const { key, certificate } = this.#issuer;
    const { now } = this.clock;
    const licence: LicenceContent = {
      ...description,
      issuer: serverName,
      recipient,
      licenceId: licenceId(systemRandom.bytes(16)),
      issuedAtSeconds: now,
      notBeforeSeconds: now - 60,
      expiresAtSeconds: now + 86_400,
      rights: [],
      copyright: null,
      ...this.faults.terms,
    };
    return await issueLicence({ key, chain: certificate.chain, licence });
  }

  #sendArtefact(request: IncomingMessage, response: ServerResponse, path: URL): void {
    const found = this.#artefacts.get(path.pathname.slice("/v1/artefacts/".length));
    if (found === undefined) throw apiErrors.error("ARTEFACT_UNKNOWN");
    const { artefact } = found;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range =
      request.headers.range === undefined ? {} : { "content-range": `bytes ${start}-${artefact.length - 1}/${artefact.length}` };
    const rest = artefact.subarray(start);
    const sent = this.faults.artefact?.(rest, start) ?? rest;
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      "content-type": mediaType.artefact,
      "content-length": rest.length,
      ...range,
    });
    if (sent.length >= rest.length) return void response.end(sent);
    response.write(sent, () => void (this.faults.beforeCut?.() ?? Promise.resolve()).then(() => response.destroy()));
  }
}
