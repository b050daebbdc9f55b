import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";
import {
  type ApiCode,
  apiErrors,
  certificateChainCodec,
  type EnrolInfo,
  type EnrolReply,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  formatEnrolToken,
  inboxMessagesCodec,
  inboxStatementCodec,
  mediaType,
  parseInboxAuthorization,
  problemOf,
  routes,
  type ServerReply,
  serverReplyCodec,
  statementAad,
  type TerminalRequest,
  terminalRequestCodec,
} from "@sealane/api";
import { openWithPrivateKey, parseSign1, requireBytes, sealToPublicKey, verifySign1 } from "@sealane/cose";
import {
  type DecryptionKey,
  defaultSuite,
  encryptionFor,
  PublicKey,
  type Secret,
  type SigningKey,
  type Suite,
  sha256,
  systemRandom,
} from "@sealane/crypto";
import {
  type AwaitedAnswer,
  acceptMessage,
  type CertifiedKey,
  type ConfidentialLink,
  certificateFor,
  decodeMessage,
  mechanismNamed,
  readReference,
  type Self,
  UnconfirmedLink,
} from "@sealane/link";
import { credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import { issueLicence, type LicenceContent, licenceId, type SoftwareDescription } from "@sealane/software";
import { decode, decodeAs, digest, encode, encodeAs, SealaneError } from "@sealane/wire";
import { TestAuthority } from "./authority.ts";
import type { FakeClock } from "./fake-clock.ts";
import { model, sealSoftware, serverName, type TestSoftware, terminalName } from "./test-terminal.ts";

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
  /** Changes what is said on a link. */
  reply?: ((reply: ServerReply) => ServerReply) | undefined;
  /** Changes the terms of a licence. */
  terms?: Partial<LicenceContent> | undefined;
  enrolReply?: ((reply: EnrolReply) => EnrolReply) | undefined;
  enrolInfo?: ((info: EnrolInfo) => EnrolInfo) | undefined;
}

interface Artefact {
  readonly description: SoftwareDescription;
  readonly artefact: Uint8Array;
  readonly contentKey: Secret<"content key">;
}

interface OpenLink {
  link: UnconfirmedLink | ConfidentialLink;
  last: { readonly digest: string; readonly response: Uint8Array };
}

/** A server of the test with the routes that a terminal uses, in memory. */
export class FakeServer {
  readonly clock: FakeClock;
  readonly authority: TestAuthority;
  readonly faults: Faults = {};
  /** "METHOD /path range" of every request. */
  readonly requests: string[] = [];
  url = "";
  readonly #server: Server;
  readonly #self: Self;
  readonly #issuer: CertifiedKey<SigningKey>;
  readonly #enrolKey: CertifiedKey<DecryptionKey>;
  readonly #tokenId = systemRandom.bytes(8);
  readonly #tokenSecret = systemRandom.bytes(32);
  readonly #artefacts = new Map<string, Artefact>();
  readonly #links = new Map<string, OpenLink>();
  readonly #opened = new Map<string, OpenLink>();
  readonly #awaited = new Map<string, { readonly awaited: AwaitedAnswer; readonly artefact: string }>();
  readonly #seen = new Set<string>();
  #inbox: { readonly position: number; readonly message: Uint8Array; readonly reference: string }[] = [];
  #position = 0;
  /** Set by enrolment; `isActive` by the proof. */
  terminal: { readonly signing: VerifiedCertificate; readonly decryption: readonly VerifiedCertificate[]; isActive: boolean } | null = null;

  private constructor(
    clock: FakeClock,
    authority: TestAuthority,
    keys: { readonly self: Self; readonly issuer: CertifiedKey<SigningKey>; readonly enrolKey: CertifiedKey<DecryptionKey> },
  ) {
    this.clock = clock;
    this.authority = authority;
    this.#self = keys.self;
    this.#issuer = keys.issuer;
    this.#enrolKey = keys.enrolKey;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(t: TestContext, clock: FakeClock): Promise<FakeServer> {
    const authority = await TestAuthority.create(clock.now);
    const self: Self = {
      name: serverName,
      role: "server",
      signing: await authority.signer(serverName, "server-sign"),
      decryption: await authority.openers(serverName, "server-decrypt"),
    };
    const issuer = await authority.signer(serverName, "licence-sign");
    const enrolKey = await authority.opener(serverName, "enrol-decrypt");
    const server = new FakeServer(clock, authority, { self, issuer, enrolKey });
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    server.url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    t.after(() => {
      server.#server.closeAllConnections();
      server.#server.close();
    });
    return server;
  }

  token(changes: { readonly fingerprint?: Uint8Array } = {}): string {
    return formatEnrolToken({
      url: this.url,
      fingerprint: digest(changes.fingerprint ?? this.authority.anchor.thumbprint),
      tokenId: this.#tokenId,
      tokenSecret: this.#tokenSecret,
      name: terminalName,
      model,
    });
  }

  publish(software: TestSoftware): SoftwareDescription & { readonly artefact: Uint8Array } {
    const { description, artefact, sealed } = sealSoftware(software);
    this.#artefacts.set(description.artefactId.toHex(), { description, artefact, contentKey: sealed.contentKey });
    return { ...description, artefact };
  }

  /** Originates a link to the terminal and puts M1 into its inbox. */
  async offer(description: SoftwareDescription, suite: Suite = defaultSuite): Promise<Uint8Array> {
    if (this.terminal === null) throw new Error("No terminal is enrolled");
    const { now } = this.clock;
    const { message, awaited } = await mechanismNamed("signed-transport").originate(
      { self: this.#self, recipient: certificateFor(suite, this.terminal.decryption), nowSeconds: now, random: systemRandom },
      { suite, expiresAtSeconds: now + 86_400 },
    );
    const reference = awaited.reference.toHex();
    this.#awaited.set(reference, { awaited, artefact: description.artefactId.toHex() });
    this.post(message, reference);
    return message;
  }

  /** Puts anything into the inbox. */
  post(message: Uint8Array, reference = ""): void {
    this.#inbox.push({ position: ++this.#position, message, reference });
  }

  contentKeyOf(artefactId: Uint8Array): Uint8Array {
    const found = this.#artefacts.get(artefactId.toHex());
    if (found === undefined) throw new Error("There is no such artefact");
    return found.contentKey.use((bytes) => Uint8Array.from(bytes));
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
    this.requests.push([method, url.split("?")[0], headers.range].filter((part) => part !== undefined).join(" "));
    try {
      const body = await buffer(request);
      const fault = this.faults.before?.(request);
      if (fault === "drop") return void request.socket.destroy();
      if (fault !== undefined) throw apiErrors.error(fault);
      const path = new URL(url, this.url);
      if (path.pathname.startsWith("/v1/artefacts/")) return this.#sendArtefact(request, response, path);
      const reply = await this.#route(`${method} ${path.pathname}`, { body, path, authorization: headers.authorization });
      if (this.faults.after?.(request) === "drop") return void request.socket.destroy();
      if (reply === null) response.writeHead(204).end();
      else response.writeHead(200, { "content-type": mediaType.cbor, "content-length": reply.length }).end(reply);
    } catch (error) {
      const known = error instanceof SealaneError && error.code in apiErrors.entries ? error : apiErrors.error("LINK_REFUSED");
      response.writeHead(known.entry.http, { "content-type": mediaType.problem }).end(JSON.stringify(problemOf(known)));
    }
  }

  async #route(
    route: string,
    { body, path, authorization }: { readonly body: Uint8Array; readonly path: URL; readonly authorization: string | undefined },
  ): Promise<Uint8Array | null> {
    if (route === `GET ${routes.enrol}`) {
      const info = { authority: this.authority.anchor.der, enrolChain: this.#enrolKey.certificate.chain };
      return encodeAs(enrolInfoCodec, this.faults.enrolInfo?.(info) ?? info);
    }
    if (route === `POST ${routes.enrol}`) return await this.#enrol(body);
    if (route === `POST ${routes.enrolProof}`) return this.#prove(body);
    if (route === `POST ${routes.links}`) return await this.#establish(body);
    if (route.startsWith("POST /v1/links/")) return await this.#exchange(path.pathname.slice("/v1/links/".length), body);
    if (route === `GET ${routes.inbox}`) return this.#readInbox(authorization, Number(path.searchParams.get("after")));
    throw apiErrors.error("API_ROUTE_UNKNOWN");
  }

  async #enrol(body: Uint8Array): Promise<Uint8Array> {
    const externalAad = statementAad("enrol request");
    const plaintext = await openWithPrivateKey(encryptionFor(this.#enrolKey.key.publicKey), this.#enrolKey.key, {
      value: decode(body, maxBytes),
      externalAad,
    });
    const signed = decode(plaintext, maxBytes);
    const read = (payload: Uint8Array) => decodeAs(enrolRequestCodec, payload, { maxBytes, what: "request" });
    const { signingSpki } = read(requireBytes(parseSign1(signed).rest[0]));
    const request = read(verifySign1(signed, { publicKey: PublicKey.fromSpki(signingSpki), externalAad }));
    if (Buffer.compare(request.tokenSecret, this.#tokenSecret) !== 0 || request.name !== terminalName)
      throw apiErrors.error("ENROL_REFUSED");
    const isBound = this.terminal !== null && Buffer.compare(this.terminal.signing.publicKey.spki, signingSpki) !== 0;
    if (isBound) throw apiErrors.error("ENROL_REFUSED");
    const decryptionKeys = request.decryptionSpkis.map((spki) => PublicKey.fromSpki(spki));
    if (this.terminal === null) {
      const issue = async (purpose: "terminal-sign" | "terminal-decrypt", key: PublicKey) =>
        this.authority.verify(await this.authority.issue(request.name, purpose, key), purpose);
      this.terminal = {
        signing: await issue("terminal-sign", PublicKey.fromSpki(signingSpki)),
        decryption: await Promise.all(decryptionKeys.map(async (key) => await issue("terminal-decrypt", key))),
        isActive: false,
      };
    }
    const sealed = this.terminal.decryption.map(({ publicKey, chain }) => {
      const content = { plaintext: encodeAs(certificateChainCodec, chain), externalAad: statementAad("enrol reply") };
      return encode(sealToPublicKey(encryptionFor(publicKey), { publicKey, random: systemRandom }, content));
    });
    const reply: EnrolReply = {
      signingChain: this.terminal.signing.chain,
      sealedDecryptionChains: sealed,
      serverSigningChain: this.#self.signing.certificate.chain,
      serverDecryptionChains: this.#self.decryption.map(({ certificate }) => certificate.chain),
    };
    return encodeAs(enrolReplyCodec, this.faults.enrolReply?.(reply) ?? reply);
  }

  #prove(body: Uint8Array): null {
    const { terminal } = this;
    const { signature } = decodeAs(enrolProofCodec, body, { maxBytes, what: "proof" });
    if (terminal === null) throw apiErrors.error("ENROL_REFUSED");
    const proof = verifySign1(signature, { publicKey: terminal.signing.publicKey, externalAad: statementAad("enrol proof") });
    if (Buffer.compare(proof, encode(terminal.decryption.map(({ thumbprint }) => thumbprint))) !== 0)
      throw apiErrors.error("ENROL_REFUSED");
    terminal.isActive = true;
    return null;
  }

  #readInbox(authorization: string | undefined, after: number): Uint8Array {
    if (this.terminal?.isActive !== true) throw apiErrors.error("LINK_REFUSED");
    const { signature } = parseInboxAuthorization(authorization);
    const payload = verifySign1(signature, { publicKey: this.terminal.signing.publicKey, externalAad: statementAad("inbox") });
    const statement = decodeAs(inboxStatementCodec, payload, { maxBytes, what: "statement" });
    if (statement.terminal !== terminalName || statement.server !== serverName) throw apiErrors.error("LINK_REFUSED");
    const messages = this.#inbox.filter(({ position }) => position > after).map(({ position, message }) => ({ position, message }));
    return encodeAs(inboxMessagesCodec, messages.slice(0, 16));
  }

  async #establish(message: Uint8Array): Promise<Uint8Array> {
    const id = sha256(message).toHex();
    const opened = this.#opened.get(id);
    if (opened !== undefined) {
      if (opened.last.digest !== id) throw apiErrors.error("LINK_REFUSED"); // the link has moved on
      return opened.last.response;
    }
    if (this.terminal?.isActive !== true) throw apiErrors.error("LINK_REFUSED");
    const isFirst = decodeMessage(message).header.number === 1;
    const { link, response } = isFirst ? await this.#accept(message) : this.#receive(message);
    const opening: OpenLink = { link, last: { digest: id, response } };
    this.#links.set(link.id.toHex(), opening);
    this.#opened.set(id, opening);
    return response;
  }

  async #accept(message: Uint8Array): Promise<{ readonly link: UnconfirmedLink; readonly response: Uint8Array }> {
    const signing = this.terminal?.signing ?? null;
    const { answer, link } = await acceptMessage(
      {
        self: this.#self,
        peers: {
          find: (credential) => (signing !== null && equalCredentials(credential, credentialOf(signing)) ? signing : null),
          verify: () => {
            throw apiErrors.error("LINK_REFUSED");
          },
        },
        replay: { insert: ({ nonce }) => (this.#seen.size < this.#seen.add(nonce.toHex()).size ? "fresh" : "seen") },
        freshness: { nowSeconds: this.clock.now },
        random: systemRandom,
      },
      message,
    );
    return { link, response: answer };
  }

  #receive(answer: Uint8Array): { readonly link: ConfidentialLink; readonly response: Uint8Array } {
    const reference = readReference(answer).toHex();
    const pending = this.#awaited.get(reference);
    if (pending === undefined) throw apiErrors.error("LINK_REFUSED");
    const link = pending.awaited.receive(answer, this.clock.now);
    this.#inbox = this.#inbox.filter((each) => each.reference !== reference);
    const offered = this.#artefacts.get(pending.artefact);
    const response = this.#say(link, { kind: "offers", offers: offered === undefined ? [] : [offered.description] });
    return { link, response };
  }

  async #exchange(id: string, record: Uint8Array): Promise<Uint8Array> {
    const open = this.#links.get(id);
    if (open === undefined) throw apiErrors.error("LINK_REFUSED");
    const recordDigest = sha256(record).toHex();
    if (open.last.digest === recordDigest) return open.last.response;
    const { link, payload } =
      open.link instanceof UnconfirmedLink
        ? open.link.confirm(record, this.clock.now)
        : { link: open.link, payload: open.link.open(record, this.clock.now) };
    const request = decodeAs(terminalRequestCodec, payload, { maxBytes, what: "request" });
    const response = this.#say(link, await this.#reply(link, request));
    open.link = link;
    open.last = { digest: recordDigest, response };
    return response;
  }

  async #reply(link: ConfidentialLink, request: TerminalRequest): Promise<ServerReply> {
    if (request.kind === "offers") {
      const offers = [...this.#artefacts.values()].map(({ description }) => description);
      return { kind: "offers", offers: offers.filter(({ module }) => (request.module ?? module) === module) };
    }
    const found = this.#artefacts.get(request.artefactId.toHex());
    if (found === undefined) return { kind: "refused", code: "RELEASE_UNKNOWN" };
    const licence = await this.#licence(found.description);
    const binding = {
      artefactId: request.artefactId,
      licenceDigest: digest(sha256(licence)),
      random: systemRandom,
      nowSeconds: this.clock.now,
    };
    return { kind: "licence", licence, wrap: link.wrap(found.contentKey, binding) };
  }

  async #licence(description: SoftwareDescription): Promise<Uint8Array> {
    const { key, certificate } = this.#issuer;
    const { now } = this.clock;
    const licence: LicenceContent = {
      ...description,
      issuer: serverName,
      recipient: terminalName,
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

  #say(link: ConfidentialLink, reply: ServerReply): Uint8Array {
    return link.seal(encodeAs(serverReplyCodec, this.faults.reply?.(reply) ?? reply), this.clock.now);
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
