import http from "node:http";
import {
  type ChainList,
  certificateChainCodec,
  type EnrolAuthority,
  type EnrolProof,
  type EnrolReply,
  type EnrolRequest,
  type EnrolToken,
  type EnrolView,
  encodeProven,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  enrolViewDigest,
  type InboxMessage,
  type InboxStatement,
  inboxMessagesCodec,
  inboxStatementCodec,
  mediaType,
  parseEnrolToken,
  pathOf,
  routes,
  type ServerReply,
  type StatementLabel,
  sealInboxRequest,
  sealRequestTo,
  serverReplyCodec,
  statementAad,
  type TerminalRequest,
  terminalRequestCodec,
  verifyEnrolInfo,
} from "@sealane/api";
import { openUnderKey, openWithPrivateKey, sign1 } from "@sealane/cose";
import {
  type DecryptionKey,
  defaultSuite,
  encryptionFor,
  keyKindsOf,
  type PossessionKey,
  PublicKey,
  possessionOf,
  type SigningKey,
  SoftwareKey,
  type Suite,
  sha256,
  standardSuites,
  suitesOfKeys,
  systemRandom,
} from "@sealane/crypto";
import {
  type AcceptedLink,
  type AwaitedReply,
  acceptMessage,
  type CertifiedKey,
  type ConfidentialLink,
  type ContinueContext,
  type Mechanism,
  type MechanismName,
  maxMessageBytes,
  maxRecordBytes,
  mechanismNamed,
  type OriginatedLink,
  type OriginateOptions,
  type Self,
  type ThirdContent,
  thirdModes,
  UnconfirmedLink,
  type Unnamed,
} from "@sealane/link";
import { credentialOf, equalCredentials, type TrustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { type CborValue, concatBytes, type Digest, decode, decodeAs, digest, encode, encodeAs, type Name } from "@sealane/wire";

const maxBytes = 1_000_000;
const cbor = { "content-type": mediaType.cbor };

/** What came back, read whole. */
export interface Reply {
  readonly status: number;
  readonly body: Uint8Array;
  /** The code of a problem document. */
  readonly code: string | null;
}

export async function post(url: string, body: Uint8Array, headers: Record<string, string> = cbor): Promise<Reply> {
  return await replyOf(await fetch(url, { method: "POST", headers, body: Uint8Array.from(body) }));
}

/** Sends several bodies so that all of them are at the server before it has answered any: connected first, then all at once. */
export async function postTogether(url: string, bodies: readonly Uint8Array[]): Promise<readonly Reply[]> {
  const open = bodies.map((body) => {
    const request = http.request(url, { method: "POST", agent: false, headers: { ...cbor, "content-length": body.length } });
    const connected = new Promise((resolve) => request.once("socket", (socket) => socket.once("connect", resolve)));
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => request.once("response", resolve).once("error", reject));
    request.flushHeaders();
    return { body, request, connected, answered };
  });
  await Promise.all(open.map(({ connected }) => connected));
  for (const { request, body } of open) request.end(body);
  return await Promise.all(
    open.map(async ({ answered }) => {
      const response = await answered;
      const pieces: Uint8Array[] = [];
      for await (const piece of response) pieces.push(piece as Uint8Array);
      const headers = { "content-type": response.headers["content-type"] ?? "" };
      return await replyOf(new Response(Uint8Array.from(concatBytes(...pieces)), { status: response.statusCode ?? 0, headers }));
    }),
  );
}

export async function replyOf(response: Response): Promise<Reply> {
  const body = await response.bytes();
  const isProblem = response.headers.get("content-type")?.startsWith(mediaType.problem) === true;
  const problem: unknown = isProblem && body.length > 0 ? JSON.parse(new TextDecoder().decode(body)) : null;
  const code = typeof problem === "object" && problem !== null && "code" in problem ? String(problem.code) : null;
  return { status: response.status, body, code };
}

/** An enrolment reply with the certificates that only this device can read. */
interface OpenedReply {
  readonly reply: EnrolReply;
  readonly requestDigest: Digest;
  readonly decryptionChains: OpenedChains;
  readonly agreementChains: OpenedChains;
}

type OpenedChains = readonly (readonly Uint8Array[])[];

type ProvenCertificates = Pick<Device, "signing" | "alsoSigning" | "decryption" | "agreement">;

async function openChain(sealed: Uint8Array, key: DecryptionKey | PossessionKey): Promise<readonly Uint8Array[]> {
  const input = { value: decode(sealed, maxBytes), externalAad: statementAad("enrol certificate") };
  const opened = await openWithPrivateKey(encryptionFor(key.publicKey), key, input);
  return decodeAs(certificateChainCodec, opened, { maxBytes, what: "chain" });
}

/** The suites that the keys of a request are for; any where they are for none. */
function suiteNumbersOf({ signingSpkis, decryptionSpkis, agreementSpkis }: EnrolRequest): readonly number[] {
  const keysOf = (spkis: readonly Uint8Array[]): readonly { readonly publicKey: PublicKey }[] =>
    spkis.map((spki) => ({ publicKey: PublicKey.fromSpki(spki) }));
  try {
    const own = { signing: keysOf(signingSpkis), decryption: keysOf(decryptionSpkis), agreement: keysOf(agreementSpkis) };
    const numbers = suitesOfKeys(own).map(({ id }) => id);
    return numbers.length === 0 ? [1] : numbers;
  } catch {
    return [1];
  }
}

/** What a device reads its time from, and the suites that it has keys for: the standard ones unless told. */
export interface DeviceOptions {
  readonly now: () => number;
  readonly suites?: readonly Suite[];
}

/** What of a proof is not as it should be. */
export interface ProofChanges {
  readonly own?: Partial<ProvenCertificates>;
  readonly view?: Partial<EnrolView>;
  readonly sent?: Partial<EnrolProof>;
  /** Who signs, and as what. */
  readonly by?: SigningKey;
  readonly label?: StatementLabel;
}

/** Who signs a request in place of the device's keys. */
export interface RequestSigners {
  readonly first?: SigningKey;
  /** Changes the further signatures of the payload. */
  readonly others?: (made: readonly CborValue[], input: Parameters<typeof sign1>[1]) => Promise<readonly CborValue[]>;
}

/** A device before it is enrolled: keys, and the messages that it makes of them. */
export class NewDevice {
  readonly url: string;
  readonly token: EnrolToken;
  /** The key by which it is known. */
  readonly signing: SoftwareKey;
  /** The other keys that sign; each list has one of each kind that its suites use. */
  readonly alsoSigning: readonly SoftwareKey[];
  readonly decryption: readonly SoftwareKey[];
  readonly agreement: readonly SoftwareKey[];
  readonly now: () => number;
  /** Of the request that was made last. */
  #asked = { replyKey: new Uint8Array(32), requestDigest: digest(new Uint8Array(32)) };

  constructor(url: string, token: string, { now, suites = standardSuites }: DeviceOptions) {
    this.url = url;
    this.token = parseEnrolToken(token);
    this.now = now;
    const kinds = keyKindsOf(suites);
    const [signing, ...alsoSigning] = kinds.signing.map((kind) => SoftwareKey.generate(kind));
    if (signing === undefined) throw new Error("a device has a key that signs");
    this.signing = signing;
    this.alsoSigning = alsoSigning;
    this.decryption = kinds.decryption.map((kind) => SoftwareKey.generate(kind));
    this.agreement = kinds.agreement.map((kind) => SoftwareKey.generate(kind));
  }

  /** Whom this device trusts, and what its requests are encrypted to. */
  async authority(): Promise<EnrolAuthority> {
    const response = await fetch(this.url + routes.enrol);
    return verifyEnrolInfo(await response.bytes(), { token: this.token, nowSeconds: this.now() });
  }

  /** An enrolment request with some fields changed, signed by these keys or others; the reply to the last one is the one that is read. */
  async request(changes: Partial<EnrolRequest> = {}, signers: RequestSigners = {}): Promise<Uint8Array> {
    const { anchor, enrolCertificate } = await this.authority();
    const { tokenId, tokenSecret, name, model, url } = this.token;
    const replyKey = systemRandom.bytes(32);
    const request: EnrolRequest = {
      tokenId,
      tokenSecret,
      name,
      model,
      url,
      fingerprint: digest(anchor.thumbprint),
      suiteNumbers: [],
      signingSpkis: [this.signing, ...this.alsoSigning].map(({ publicKey }) => publicKey.spki),
      decryptionSpkis: this.decryption.map(({ publicKey }) => publicKey.spki),
      agreementSpkis: this.agreement.map(({ publicKey }) => publicKey.spki),
      issuedAtSeconds: this.now(),
      replyKey,
      ...changes,
    };
    const payload = encodeAs(enrolRequestCodec, { ...request, suiteNumbers: changes.suiteNumbers ?? suiteNumbersOf(request) });
    this.#asked = { replyKey: Uint8Array.from(request.replyKey), requestDigest: digest(sha256(payload)) };
    const externalAad = statementAad("enrol request");
    const { first = this.signing.signingKey(), others = async (made) => await Promise.resolve(made) } = signers;
    const detached = { payload, detached: true, externalAad };
    const own = await Promise.all(this.alsoSigning.map(async (key) => await sign1(key.signingKey(), detached)));
    const plaintext = encode([await sign1(first, { payload, externalAad }), await others(own, detached)]);
    return sealRequestTo(enrolCertificate, { label: "enrol request", plaintext, random: systemRandom });
  }

  async readReply(body: Uint8Array): Promise<OpenedReply> {
    const opened = openUnderKey(this.#asked.replyKey, { value: decode(body, maxBytes), externalAad: statementAad("enrol reply") });
    const reply = decodeAs(enrolReplyCodec, opened, { maxBytes, what: "reply" });
    const open = async (sealed: readonly Uint8Array[], keys: readonly (DecryptionKey | PossessionKey)[]): Promise<OpenedChains> =>
      await Promise.all(keys.map((key, i) => openChain(sealed[i] ?? new Uint8Array(0), key)));
    const decrypting = this.decryption.map((key) => key.decryptionKey());
    const agreeing = this.agreement.map((key) => possessionOf(key.agreementKey()));
    return {
      reply,
      requestDigest: this.#asked.requestDigest,
      decryptionChains: await open(reply.sealedDecryptionChains, decrypting),
      agreementChains: await open(reply.sealedAgreementChains, agreeing),
    };
  }

  /** Proof of possession, with some of what is proven, seen or sent changed. */
  async proof(device: Device, changes: ProofChanges = {}): Promise<Uint8Array> {
    const { enrolled, serverName } = device;
    const { signing, alsoSigning, decryption, agreement }: ProvenCertificates = { ...device, ...changes.own };
    const { reply, requestDigest } = enrolled;
    const chainsOf = (certificates: readonly VerifiedCertificate[]): ChainList => certificates.map(({ chain }) => chain);
    const { serverSuiteNumbers, serverChains, confirmation } = reply;
    const viewDigest = enrolViewDigest({
      requestDigest,
      terminalChains: {
        signingChains: chainsOf([signing, ...alsoSigning]),
        decryptionChains: chainsOf(decryption),
        agreementChains: chainsOf(agreement),
      },
      serverName,
      serverSuiteNumbers,
      serverChains,
      ...changes.view,
    });
    const sent = { signingThumbprint: signing.thumbprint, requestDigest, confirmation, ...changes.sent };
    const payload = encodeProven(viewDigest, sent.confirmation);
    const { by = this.signing.signingKey(), label = "enrol proof" } = changes;
    const signature = await sign1(by, { payload, detached: true, externalAad: statementAad(label) });
    const plaintext = encodeAs(enrolProofCodec, { signature, ...sent });
    return sealRequestTo((await this.authority()).enrolCertificate, { label: "enrol proof", plaintext, random: systemRandom });
  }

  /** Everything at once. */
  async enrol(): Promise<Device> {
    const enrolled = await post(this.url + routes.enrolments, await this.request());
    if (enrolled.status !== 200) throw new Error(`enrolment failed: ${enrolled.code}`);
    const device = await this.deviceOf(enrolled.body);
    const proven = await post(this.url + routes.enrolProof, await this.proof(device));
    if (proven.status !== 204) throw new Error(`proof failed: ${proven.code}`);
    return device;
  }

  async deviceOf(replyBody: Uint8Array): Promise<Device> {
    const enrolled = await this.readReply(replyBody);
    const { reply, decryptionChains, agreementChains } = enrolled;
    const { anchor } = await this.authority();
    const certificate = (chain: readonly Uint8Array[], purpose: Parameters<typeof verifyCertificate>[0]["purpose"]): VerifiedCertificate =>
      verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds: this.now() });
    const [signing, ...alsoSigning] = reply.signingChains.map((chain) => certificate(chain, "terminal-sign"));
    const serverSigners = reply.serverChains.signingChains.map((chain) => certificate(chain, "server-sign"));
    const [serverSigning] = serverSigners;
    if (signing === undefined || serverSigning === undefined) throw new Error("the codec lets no empty list through");
    return new Device({
      keys: this,
      enrolled,
      anchor,
      signing,
      alsoSigning,
      decryption: decryptionChains.map((chain) => certificate(chain, "terminal-decrypt")),
      agreement: agreementChains.map((chain) => certificate(chain, "terminal-agree")),
      serverSigning,
      serverSigners,
      serverDecryption: reply.serverChains.decryptionChains.map((chain) => certificate(chain, "server-decrypt")),
      serverAgreement: reply.serverChains.agreementChains.map((chain) => certificate(chain, "server-agree")),
    });
  }
}

/** Which link: `signed-transport` on the default suite unless told. */
export type LinkWish = Partial<OriginateOptions> & { readonly mechanism?: MechanismName };

export type SentLink = Extract<OriginatedLink, { kind: "sent" }>;
export type AnsweredLink = Extract<AcceptedLink, { kind: "answered" }>;

/** A link, and what the server said on it first. */
export interface FirstReply {
  readonly link: ConfidentialLink;
  readonly reply: ServerReply;
}

interface DeviceParts {
  readonly keys: NewDevice;
  readonly enrolled: OpenedReply;
  readonly anchor: TrustAnchor;
  readonly signing: VerifiedCertificate;
  readonly alsoSigning: readonly VerifiedCertificate[];
  readonly decryption: readonly VerifiedCertificate[];
  readonly agreement: readonly VerifiedCertificate[];
  /** The first of those that the server signs with, and all of them. */
  readonly serverSigning: VerifiedCertificate;
  readonly serverSigners: readonly VerifiedCertificate[];
  readonly serverDecryption: readonly VerifiedCertificate[];
  readonly serverAgreement: readonly VerifiedCertificate[];
}

/** An enrolled device: link messages by the real package link, sent by hand. */
export class Device {
  readonly anchor: TrustAnchor;
  readonly signing: VerifiedCertificate;
  readonly alsoSigning: readonly VerifiedCertificate[];
  readonly decryption: readonly VerifiedCertificate[];
  readonly agreement: readonly VerifiedCertificate[];
  /** The first of those that the server signs with, and all of them. */
  readonly serverSigning: VerifiedCertificate;
  readonly serverSigners: readonly VerifiedCertificate[];
  readonly serverDecryption: readonly VerifiedCertificate[];
  readonly serverAgreement: readonly VerifiedCertificate[];
  readonly keys: NewDevice;
  /** What its enrolment brought. */
  readonly enrolled: OpenedReply;
  /** Where it sends to; changes when the server comes back at another port. */
  url: string;

  constructor(parts: DeviceParts) {
    this.keys = parts.keys;
    this.enrolled = parts.enrolled;
    this.url = parts.keys.url;
    this.anchor = parts.anchor;
    this.signing = parts.signing;
    this.alsoSigning = parts.alsoSigning;
    this.decryption = parts.decryption;
    this.agreement = parts.agreement;
    this.serverSigning = parts.serverSigning;
    this.serverSigners = parts.serverSigners;
    this.serverDecryption = parts.serverDecryption;
    this.serverAgreement = parts.serverAgreement;
  }

  get name(): Name {
    return this.signing.name;
  }

  get serverName(): Name {
    return this.serverSigning.name;
  }

  /** M1 of a link that this device originates, without a name where the mechanism is anonymous. */
  async originate(
    { mechanism = "signed-transport", suite = defaultSuite, ...options }: LinkWish = {},
    recipient: readonly VerifiedCertificate[] = [...this.serverDecryption, ...this.serverAgreement],
  ): Promise<SentLink> {
    const made = mechanismNamed(mechanism);
    const context = { self: this.#selfOf(made), recipient, nowSeconds: this.keys.now(), random: systemRandom };
    const sent = await made.originate(context, { suite, ...options });
    if (sent.kind !== "sent") throw new Error(`${mechanism} is a broadcast`);
    return sent;
  }

  /** Takes the reply to M1; sends M3 where there is one, and reads what the server says behind it. */
  async receive(awaited: AwaitedReply, reply: Uint8Array): Promise<ConfidentialLink> {
    const { link, message: third } = await awaited.receive(this.context(awaited.mechanism), reply);
    if (third !== null) return this.openFirst(link, await this.#send(third)).link;
    if (link instanceof UnconfirmedLink) throw new Error("the server has not confirmed");
    return link;
  }

  /** Establishes a link that this device originates. */
  async establish(wish: LinkWish = {}): Promise<ConfidentialLink> {
    const { message, awaited } = await this.originate(wish);
    return await this.receive(awaited, await this.#send(message));
  }

  /** Sends a link message that must be taken. */
  async #send(message: Uint8Array): Promise<Uint8Array> {
    const { status, body, code } = await post(this.url + routes.links, message);
    if (status !== 200) throw new Error(`link refused: ${code}`);
    return body;
  }

  /** Reads the server's first record, which confirms the link where that is awaited. */
  openFirst(link: ConfidentialLink | UnconfirmedLink, record: Uint8Array): FirstReply {
    if (!(link instanceof UnconfirmedLink)) return { link, reply: this.open(link, record) };
    const { link: confirmed, payload } = link.confirm(record, this.keys.now());
    return { link: confirmed, reply: readReply(payload) };
  }

  seal(link: ConfidentialLink, request: TerminalRequest): Uint8Array {
    return link.seal(encodeAs(terminalRequestCodec, request), this.keys.now());
  }

  /** Where a link's records go. */
  recordsOf(link: { readonly id: Uint8Array }): string {
    return this.url + pathOf(routes.records, link.id.toHex());
  }

  async ask(link: ConfidentialLink, request: TerminalRequest): Promise<ServerReply> {
    const { status, body, code } = await post(this.recordsOf(link), this.seal(link, request));
    if (status !== 200) throw new Error(`record refused: ${code}`);
    return this.open(link, body);
  }

  open(link: ConfidentialLink, record: Uint8Array): ServerReply {
    return readReply(link.open(record, this.keys.now()));
  }

  /** Accepts a message of the inbox, in every form. */
  async acceptAny(message: Uint8Array): Promise<AcceptedLink> {
    return await acceptMessage({ ...this.context(), replay: { insert: () => "fresh" }, thirdModes }, message);
  }

  /** Accepts a message of the inbox that is answered, or replied to with M2 and nothing after it. */
  async accept(message: Uint8Array): Promise<AnsweredLink> {
    const accepted = await this.acceptAny(message);
    if (accepted.kind !== "answered") throw new Error(`the message is ${accepted.kind}`);
    return accepted;
  }

  /** Establishes the link of a message of the inbox and asks what is on offer, where the server has not said it. */
  async join(message: Uint8Array): Promise<FirstReply & { readonly third: ThirdContent | null }> {
    const accepted = await this.acceptAny(message);
    if (accepted.kind === "answered") return { ...this.openFirst(accepted.link, await this.#send(accepted.reply)), third: null };
    if (accepted.kind === "broadcast") throw new Error("the message is a broadcast");
    const { link, ...third } = await accepted.awaited.receive(this.context(), await this.#send(accepted.reply));
    return { link, third, reply: await this.ask(link, { kind: "offers", module: null, installed: [] }) };
  }

  /** What this device receives messages with: without a name where it originated the mechanism so. */
  context(originated?: MechanismName): ContinueContext {
    const nowSeconds = this.keys.now();
    return {
      self: originated === undefined ? this.#self() : this.#selfOf(mechanismNamed(originated)),
      peers: {
        find: (credential) => this.serverSigners.find((each) => equalCredentials(credential, credentialOf(each))) ?? null,
        verify: (chain) => verifyCertificate({ chain, anchors: [this.anchor], purpose: "server-sign", nowSeconds }),
        decryption: ({ name, suite }) => {
          const kind = suite.encryption.keyKind;
          return this.serverDecryption.find((certificate) => certificate.name === name && certificate.publicKey.kind === kind) ?? null;
        },
      },
      freshness: { nowSeconds },
      random: systemRandom,
    };
  }

  /** A request to the inbox, signed and encrypted. */
  async inboxRequest(changes: Partial<InboxStatement> = {}): Promise<Uint8Array> {
    const statement = { terminal: this.name, server: this.serverName, issuedAtSeconds: this.keys.now(), ...changes };
    const payload = encodeAs(inboxStatementCodec, statement);
    const signature = await sign1(this.keys.signing.signingKey(), { payload, externalAad: statementAad("inbox") });
    return this.sealInbox(signature);
  }

  /** The same of any signature. */
  sealInbox(signature: CborValue, signingThumbprint: Uint8Array = this.signing.thumbprint): Uint8Array {
    const [server] = this.serverDecryption;
    if (server === undefined) throw new Error("the codec lets no empty list through");
    return sealInboxRequest({ signingThumbprint, signature }, { server, random: systemRandom });
  }

  async fetchInbox(after = 0, wait = 0, signal?: AbortSignal): Promise<Response> {
    const url = `${this.url}${routes.inbox}?after=${after}&wait=${wait}`; // where it is now
    const body = Uint8Array.from(await this.inboxRequest());
    return await fetch(url, { method: "POST", headers: cbor, body, ...(signal === undefined ? {} : { signal }) });
  }

  async inbox(after = 0, wait = 0): Promise<readonly InboxMessage[]> {
    const response = await this.fetchInbox(after, wait);
    if (response.status !== 200) throw new Error(`inbox refused: ${(await replyOf(response)).code}`);
    return decodeAs(inboxMessagesCodec, await response.bytes(), { maxBytes: 16 * (maxMessageBytes + 64), what: "inbox" });
  }

  #selfOf({ anonymous }: Mechanism): Self | Unnamed {
    return anonymous === "originator" ? { name: null, role: "terminal" } : this.#self();
  }

  #self(): Self {
    return {
      name: this.name,
      role: "terminal",
      signing: certified([this.keys.signing, ...this.keys.alsoSigning], [this.signing, ...this.alsoSigning], (key) => key.signingKey()),
      decryption: certified(this.keys.decryption, this.decryption, (key) => key.decryptionKey()),
      agreement: certified(this.keys.agreement, this.agreement, (key) => key.agreementKey()),
    };
  }
}

/** Keys with their certificates, which are in the same order. */
function certified<Key>(
  keys: readonly SoftwareKey[],
  certificates: readonly VerifiedCertificate[],
  use: (key: SoftwareKey) => Key,
): readonly CertifiedKey<Key>[] {
  return certificates.flatMap((certificate, i) => {
    const key = keys[i];
    return key === undefined ? [] : [{ key: use(key), certificate }];
  });
}

export function readReply(payload: Uint8Array): ServerReply {
  return decodeAs(serverReplyCodec, payload, { maxBytes: maxRecordBytes, what: "reply" });
}
