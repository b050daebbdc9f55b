import http from "node:http";
import {
  certificateChainCodec,
  type EnrolReply,
  type EnrolRequest,
  type EnrolToken,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  formatInboxAuthorization,
  type InboxMessage,
  type InboxStatement,
  inboxMessagesCodec,
  inboxStatementCodec,
  mediaType,
  parseEnrolToken,
  pathOf,
  routes,
  type ServerReply,
  serverReplyCodec,
  statementAad,
  type TerminalRequest,
  terminalRequestCodec,
} from "@sealane/api";
import { openWithPrivateKey, sealToPublicKey, sign1 } from "@sealane/cose";
import { decryptionKinds, defaultSuite, encryptionFor, type SigningKey, SoftwareKey, type Suite, systemRandom } from "@sealane/crypto";
import {
  acceptMessage,
  type ConfidentialLink,
  certificateFor,
  maxMessageBytes,
  maxRecordBytes,
  mechanisms,
  type SignedTransportOptions,
  type UnconfirmedLink,
} from "@sealane/link";
import { credentialOf, equalCredentials, type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { concatBytes, decode, decodeAs, encode, encodeAs, type Name, thumbprint } from "@sealane/wire";

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

/** A device before it is enrolled: keys, and the messages that it makes of them. */
export class NewDevice {
  readonly url: string;
  readonly token: EnrolToken;
  readonly signing: SoftwareKey = SoftwareKey.generate("ed25519");
  /** One of each kind. */
  readonly decryption: readonly SoftwareKey[] = decryptionKinds.map((kind) => SoftwareKey.generate(kind));
  readonly now: () => number;

  constructor(url: string, token: string, now: () => number) {
    this.url = url;
    this.token = parseEnrolToken(token);
    this.now = now;
  }

  /** An enrolment request with some fields changed, signed by this or another key. */
  async request(changes: Partial<EnrolRequest> = {}, signer: SigningKey = this.signing.signingKey()): Promise<Uint8Array> {
    const response = await fetch(this.url + routes.enrol);
    const info = decodeAs(enrolInfoCodec, await response.bytes(), { maxBytes, what: "info" });
    const anchor = trustAnchor(info.authority, { fingerprint: thumbprint(this.token.fingerprint) });
    const recipient = verifyCertificate({ chain: info.enrolChain, anchors: [anchor], purpose: "enrol-decrypt", nowSeconds: this.now() });
    const { tokenId, tokenSecret, name, model } = this.token;
    const payload = encodeAs(enrolRequestCodec, {
      tokenId,
      tokenSecret,
      name,
      model,
      signingSpki: this.signing.publicKey.spki,
      decryptionSpkis: this.decryption.map(({ publicKey }) => publicKey.spki),
      issuedAtSeconds: this.now(),
      ...changes,
    });
    const externalAad = statementAad("enrol request");
    const plaintext = encode(await sign1(signer, { payload, externalAad }));
    return encode(
      sealToPublicKey(
        encryptionFor(recipient.publicKey),
        { publicKey: recipient.publicKey, random: systemRandom },
        { plaintext, externalAad },
      ),
    );
  }

  async readReply(
    body: Uint8Array,
  ): Promise<{ readonly reply: EnrolReply; readonly decryptionChains: readonly (readonly Uint8Array[])[] }> {
    const reply = decodeAs(enrolReplyCodec, body, { maxBytes, what: "reply" });
    const open = async (key: SoftwareKey, sealed: Uint8Array): Promise<readonly Uint8Array[]> => {
      const input = { value: decode(sealed, maxBytes), externalAad: statementAad("enrol reply") };
      const opened = await openWithPrivateKey(encryptionFor(key.publicKey), key.decryptionKey(), input);
      return decodeAs(certificateChainCodec, opened, { maxBytes, what: "chain" });
    };
    const sealed = reply.sealedDecryptionChains;
    return { reply, decryptionChains: await Promise.all(this.decryption.map((key, i) => open(key, sealed[i] ?? new Uint8Array(0)))) };
  }

  /** Proof of possession for these certificates. */
  async proof({ signing, decryption }: Pick<Device, "signing" | "decryption">): Promise<Uint8Array> {
    const payload = encode(decryption.map(({ thumbprint: each }) => each));
    const signature = await sign1(this.signing.signingKey(), { payload, externalAad: statementAad("enrol proof") });
    return encodeAs(enrolProofCodec, { signingThumbprint: signing.thumbprint, signature });
  }

  /** Everything at once. */
  async enrol(): Promise<Device> {
    const enrolled = await post(this.url + routes.enrol, await this.request());
    if (enrolled.status !== 200) throw new Error(`enrolment failed: ${enrolled.code}`);
    const device = await this.deviceOf(enrolled.body);
    const proven = await post(this.url + routes.enrolProof, await this.proof(device));
    if (proven.status !== 204) throw new Error(`proof failed: ${proven.code}`);
    return device;
  }

  async deviceOf(replyBody: Uint8Array): Promise<Device> {
    const { reply, decryptionChains } = await this.readReply(replyBody);
    const info = decodeAs(enrolInfoCodec, await (await fetch(this.url + routes.enrol)).bytes(), { maxBytes, what: "info" });
    const anchor = trustAnchor(info.authority, { fingerprint: thumbprint(this.token.fingerprint) });
    const certificate = (chain: readonly Uint8Array[], purpose: Parameters<typeof verifyCertificate>[0]["purpose"]): VerifiedCertificate =>
      verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds: this.now() });
    return new Device({
      keys: this,
      anchor,
      signing: certificate(reply.signingChain, "terminal-sign"),
      decryption: decryptionChains.map((chain) => certificate(chain, "terminal-decrypt")),
      serverSigning: certificate(reply.serverSigningChain, "server-sign"),
      serverDecryption: reply.serverDecryptionChains.map((chain) => certificate(chain, "server-decrypt")),
    });
  }
}

interface DeviceParts {
  readonly keys: NewDevice;
  readonly anchor: TrustAnchor;
  readonly signing: VerifiedCertificate;
  readonly decryption: readonly VerifiedCertificate[];
  readonly serverSigning: VerifiedCertificate;
  readonly serverDecryption: readonly VerifiedCertificate[];
}

/** An enrolled device: link messages by the real package link, sent by hand. */
export class Device {
  readonly anchor: TrustAnchor;
  readonly signing: VerifiedCertificate;
  readonly decryption: readonly VerifiedCertificate[];
  readonly serverSigning: VerifiedCertificate;
  readonly serverDecryption: readonly VerifiedCertificate[];
  readonly keys: NewDevice;
  /** Where it sends to; changes when the server comes back at another port. */
  url: string;

  constructor(parts: DeviceParts) {
    this.keys = parts.keys;
    this.url = parts.keys.url;
    this.anchor = parts.anchor;
    this.signing = parts.signing;
    this.decryption = parts.decryption;
    this.serverSigning = parts.serverSigning;
    this.serverDecryption = parts.serverDecryption;
  }

  get name(): Name {
    return this.signing.name;
  }

  /** M1 of a link that this device originates. */
  async originate(
    options: Partial<SignedTransportOptions> = {},
    recipients: readonly VerifiedCertificate[] = this.serverDecryption,
  ): ReturnType<(typeof mechanisms)["signed-transport"]["originate"]> {
    const { suite = defaultSuite } = options;
    const context = { self: this.#self(), recipient: certificateFor(suite, recipients), nowSeconds: this.keys.now(), random: systemRandom };
    return await mechanisms["signed-transport"].originate(context, { suite, ...options });
  }

  async establish(suite: Suite = defaultSuite): Promise<ConfidentialLink> {
    const { message, awaited } = await this.originate({ suite });
    const { status, body, code } = await post(this.url + routes.links, message);
    if (status !== 200) throw new Error(`link refused: ${code}`);
    return awaited.receive(body, this.keys.now());
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

  /** Accepts a message of the inbox. */
  async accept(message: Uint8Array): Promise<{ readonly answer: Uint8Array; readonly link: UnconfirmedLink }> {
    return await acceptMessage(
      {
        self: this.#self(),
        peers: {
          find: (credential) => (equalCredentials(credential, credentialOf(this.serverSigning)) ? this.serverSigning : null),
          verify: (chain) => verifyCertificate({ chain, anchors: [this.anchor], purpose: "server-sign", nowSeconds: this.keys.now() }),
        },
        replay: { insert: () => "fresh" },
        freshness: { nowSeconds: this.keys.now() },
        random: systemRandom,
      },
      message,
    );
  }

  async inboxHeaders(changes: Partial<InboxStatement> = {}): Promise<{ readonly authorization: string }> {
    const statement = { terminal: this.name, server: this.serverSigning.name, issuedAtSeconds: this.keys.now(), ...changes };
    const payload = encodeAs(inboxStatementCodec, statement);
    const signature = await sign1(this.keys.signing.signingKey(), { payload, externalAad: statementAad("inbox") });
    return { authorization: formatInboxAuthorization({ signingThumbprint: this.signing.thumbprint, signature }) };
  }

  async fetchInbox(after = 0, wait = 0, signal?: AbortSignal): Promise<Response> {
    const headers = await this.inboxHeaders();
    return await fetch(`${this.url}${routes.inbox}?after=${after}&wait=${wait}`, { headers, ...(signal === undefined ? {} : { signal }) });
  }

  async inbox(after = 0, wait = 0): Promise<readonly InboxMessage[]> {
    const response = await this.fetchInbox(after, wait);
    if (response.status !== 200) throw new Error(`inbox refused: ${(await replyOf(response)).code}`);
    return decodeAs(inboxMessagesCodec, await response.bytes(), { maxBytes: 16 * (maxMessageBytes + 64), what: "inbox" });
  }

  #self(): Parameters<typeof acceptMessage>[0]["self"] {
    return {
      name: this.name,
      role: "terminal",
      signing: { key: this.keys.signing.signingKey(), certificate: this.signing },
      decryption: this.decryption.flatMap((certificate, i) => {
        const key = this.keys.decryption[i];
        return key === undefined ? [] : [{ key: key.decryptionKey(), certificate }];
      }),
    };
  }
}

export function readReply(payload: Uint8Array): ServerReply {
  return decodeAs(serverReplyCodec, payload, { maxBytes: maxRecordBytes, what: "reply" });
}
