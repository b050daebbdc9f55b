import {
  certificateChainCodec,
  type EnrolReply,
  type EnrolToken,
  encodeProven,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  maxEnrolBytes,
  mediaType,
  parseEnrolToken,
  routes,
  statementAad,
} from "@sealane/api";
import { openWithPrivateKey, sealToPublicKey, sign1 } from "@sealane/cose";
import {
  type DecryptionKey,
  decryptionKindOf,
  decryptionKinds,
  defaultSuite,
  encryptionFor,
  type KeyKind,
  type PublicKey,
  type SigningKey,
} from "@sealane/crypto";
import { type Purpose, type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { type Codec, decode, decodeAs, encode, encodeAs, equalBytes, type Name, thumbprint } from "@sealane/wire";
import { changing, removeTemporary } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { HttpClient, parseBaseUrl, urlOf } from "./http-client.ts";
import { type Identity, loadIdentity, saveIdentity } from "./identity.ts";
import { decryptionKeyPrefix, signingKeyPrefix, stateVersion } from "./labels.ts";
import { retrying } from "./retry.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";

export interface EnrolInput {
  /** The token as the operator handed it over. */
  readonly token: string;
  /** Leave the server that this terminal is enrolled with; software under licences of another authority will not run any more. */
  readonly replace?: boolean;
}

export interface Enrolled {
  readonly name: Name;
  readonly model: string;
  readonly url: string;
  readonly serverName: Name;
  /** SHA-256 of the authority's certificate, hex. */
  readonly fingerprint: string;
  readonly certificateExpiresAtSeconds: number;
}

/**
 * Enrols this terminal: checks the server against the token's fingerprint, makes keys, has them certified, proves that it holds
 * them, and writes its identity last (docs/protocol.md, enrolment). After a crash at any point the same call with the same token
 * goes on with the same keys; until the identity is written the terminal is what it was before.
 *
 * Errors: ENROL_TOKEN_MALFORMED, TERMINAL_ADDRESS_WRONG, TERMINAL_ALREADY_ENROLLED, TERMINAL_STATE_LOCKED, PKI_FINGERPRINT_WRONG
 * and other PKI_* when the server or what it issued is not to be trusted, TERMINAL_SERVER_WRONG, ENROL_REFUSED, CRYPTO_*, COSE_*,
 * WIRE_*, KEYSTORE_*, those of the HTTP client, TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function enroll(terminal: Terminal, input: EnrolInput): Promise<Enrolled> {
  const token = parseEnrolToken(input.token);
  const url = parseBaseUrl(token.url);
  using _lock = await StateLock.take(terminal.folder, "downloads");
  if (input.replace !== true && (await loadIdentity(terminal)) !== null) {
    throw terminalErrors.error("TERMINAL_ALREADY_ENROLLED");
  }
  for (const folder of [terminal.folder.path, terminal.folder.keys]) await removeTemporary(folder);
  using http = new HttpClient({ environment: terminal.environment });
  const session: Session = { terminal, token, url, http };
  stage(terminal, "check server");
  const { anchor, enrolCertificate } = await fetchAuthority(session);
  stage(terminal, "make keys");
  const keys = await makeKeys(terminal, token);
  stage(terminal, "request certificates");
  const reply = await requestCertificates(session, { keys, enrolCertificate });
  const certificates = await verifyReply(session, { keys, anchor, reply });
  stage(terminal, "prove keys");
  await sendProof(session, { keys, certificates });
  const identity = identityOf(session, { keys, anchor, certificates });
  await saveIdentity(terminal, identity);
  await removeOtherKeys(terminal, keys);
  const ends = [certificates.signing, ...certificates.decryption.map(({ certificate }) => certificate)].map((each) => each.notAfterSeconds);
  return {
    name: token.name,
    model: token.model,
    url: identity.url,
    serverName: identity.serverName,
    fingerprint: anchor.thumbprint.toHex(),
    certificateExpiresAtSeconds: Math.min(...ends),
  };
}

interface Session {
  readonly terminal: Terminal;
  readonly token: EnrolToken;
  readonly url: URL;
  readonly http: HttpClient;
}

interface Keys {
  readonly signingId: string;
  readonly signing: SigningKey;
  /** One for each kind that suites use, in their order. */
  readonly decryption: readonly { readonly id: string; readonly key: DecryptionKey }[];
}

interface Certificates {
  readonly signing: VerifiedCertificate;
  /** In the order of the keys. */
  readonly decryption: readonly { readonly keyId: string; readonly certificate: VerifiedCertificate }[];
  readonly serverSigning: VerifiedCertificate;
  readonly serverDecryption: readonly VerifiedCertificate[];
}

async function fetchAuthority(session: Session): Promise<{ readonly anchor: TrustAnchor; readonly enrolCertificate: VerifiedCertificate }> {
  const { terminal, token, url, http } = session;
  const request = { method: "GET", url: urlOf(url, routes.enrol) } as const;
  const bytes = await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxEnrolBytes }));
  const info = decodeReply(enrolInfoCodec, bytes);
  const anchor = trustAnchor(info.authority, { fingerprint: thumbprint(token.fingerprint) });
  const nowSeconds = terminal.clock.nowSeconds();
  const enrolCertificate = verifyCertificate({ chain: info.enrolChain, anchors: [anchor], purpose: "enrol-decrypt", nowSeconds });
  return { anchor, enrolCertificate };
}

/** The keys of this token: those of a former attempt, or new ones. Their ids name the token, so that no two enrolments share keys. */
async function makeKeys({ keys, folder }: Terminal, token: EnrolToken): Promise<Keys> {
  const suffix = token.tokenId.toHex();
  const make = async (id: string, kind: KeyKind): Promise<unknown> => await changing(folder.keys, () => keys.generate(id, kind));
  const signingId = signingKeyPrefix + suffix;
  if (!(await keys.has(signingId))) await make(signingId, "ed25519");
  const decryption: Keys["decryption"][number][] = [];
  for (const kind of decryptionKinds) {
    const id = `${decryptionKeyPrefix}${kind}-${suffix}`;
    if (!(await keys.has(id))) await make(id, kind);
    decryption.push({ id, key: await keys.decryptionKey(id) });
  }
  return { signingId, signing: await keys.signingKey(signingId), decryption };
}

async function requestCertificates(
  session: Session,
  given: { readonly keys: Keys; readonly enrolCertificate: VerifiedCertificate },
): Promise<EnrolReply> {
  const { terminal, token, url, http } = session;
  const { keys, enrolCertificate } = given;
  const externalAad = statementAad("enrol request");
  const payload = encodeAs(enrolRequestCodec, {
    tokenId: token.tokenId,
    tokenSecret: token.tokenSecret,
    name: token.name,
    model: token.model,
    signingSpki: keys.signing.publicKey.spki,
    decryptionSpkis: keys.decryption.map(({ key }) => key.publicKey.spki),
    issuedAtSeconds: terminal.clock.nowSeconds(),
  });
  const plaintext = encode(await sign1(keys.signing, { payload, externalAad }));
  const recipient = { publicKey: enrolCertificate.publicKey, random: terminal.random };
  const body = encode(sealToPublicKey(encryptionFor(recipient.publicKey), recipient, { plaintext, externalAad }));
  payload.fill(0);
  plaintext.fill(0);
  const request = { method: "POST", url: urlOf(url, routes.enrol), body, headers: { "content-type": mediaType.cbor } } as const;
  const reply = await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxEnrolBytes }));
  return decodeReply(enrolReplyCodec, reply);
}

async function verifyReply(
  session: Session,
  given: { readonly keys: Keys; readonly anchor: TrustAnchor; readonly reply: EnrolReply },
): Promise<Certificates> {
  const { keys, anchor, reply } = given;
  const { name } = session.token;
  const nowSeconds = session.terminal.clock.nowSeconds();
  const prove = (chain: readonly Uint8Array[], purpose: Purpose, owner?: Name): VerifiedCertificate =>
    verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds, ...(owner === undefined ? {} : { name: owner }) });
  const signing = prove(reply.signingChain, "terminal-sign", name);
  requireOwnKey(signing, keys.signing.publicKey);
  const { sealedDecryptionChains } = reply;
  if (sealedDecryptionChains.length !== keys.decryption.length) throw terminalErrors.error("TERMINAL_SERVER_WRONG", { name });
  const decryption: Certificates["decryption"][number][] = [];
  for (const [position, { id: keyId, key }] of keys.decryption.entries()) {
    const sealed = sealedDecryptionChains[position] ?? new Uint8Array(0);
    const certificate = prove(await openChain(sealed, key), "terminal-decrypt", name);
    requireOwnKey(certificate, key.publicKey);
    decryption.push({ keyId, certificate });
  }
  const serverSigning = prove(reply.serverSigningChain, "server-sign");
  const serverDecryption = reply.serverDecryptionChains.map((chain) => prove(chain, "server-decrypt", serverSigning.name));
  requireKinds(serverDecryption);
  if (serverSigning.name === name) throw terminalErrors.error("TERMINAL_SERVER_WRONG", { name });
  return { signing, decryption, serverSigning, serverDecryption };
}

/** A chain that was encrypted to one of our keys. */
async function openChain(sealed: Uint8Array, key: DecryptionKey): Promise<readonly Uint8Array[]> {
  const input = { value: decode(sealed, maxEnrolBytes), externalAad: statementAad("enrol reply") };
  return decodeReply(certificateChainCodec, await openWithPrivateKey(encryptionFor(key.publicKey), key, input));
}

/** The server has one key of a kind, and one for the default suite. */
function requireKinds(serverDecryption: readonly VerifiedCertificate[]): void {
  const kinds = new Set(serverDecryption.map(({ publicKey }) => publicKey.kind));
  if (kinds.size !== serverDecryption.length || !kinds.has(decryptionKindOf(defaultSuite))) {
    throw terminalErrors.error("TERMINAL_SERVER_WRONG", { purpose: "server-decrypt", kinds: [...kinds].join(" ") });
  }
}

function requireOwnKey(certificate: VerifiedCertificate, own: PublicKey): void {
  if (!equalBytes(certificate.publicKey.spki, own.spki)) {
    throw terminalErrors.error("TERMINAL_SERVER_WRONG", { purpose: certificate.purpose, key: "another" });
  }
}

async function sendProof(session: Session, given: { readonly keys: Keys; readonly certificates: Certificates }): Promise<void> {
  const { terminal, url, http } = session;
  const { keys, certificates } = given;
  const payload = encodeProven(certificates.decryption.map(({ certificate }) => certificate.thumbprint));
  const signature = await sign1(keys.signing, { payload, externalAad: statementAad("enrol proof") });
  const body = encodeAs(enrolProofCodec, { signingThumbprint: certificates.signing.thumbprint, signature });
  const headers = { "content-type": mediaType.cbor };
  await retrying(terminal, () => http.command({ method: "POST", url: urlOf(url, routes.enrolProof), body, headers }));
}

function identityOf(
  session: Session,
  given: { readonly keys: Keys; readonly anchor: TrustAnchor; readonly certificates: Certificates },
): Identity {
  const { terminal, token, url } = session;
  const { keys, anchor, certificates } = given;
  return {
    version: stateVersion,
    name: token.name,
    model: token.model,
    url: url.href,
    authority: anchor.der,
    serverName: certificates.serverSigning.name,
    signingKeyId: keys.signingId,
    signingChain: certificates.signing.chain,
    decryption: certificates.decryption.map(({ keyId, certificate }) => ({ keyId, chain: certificate.chain })),
    serverSigningChain: certificates.serverSigning.chain,
    serverDecryptionChains: certificates.serverDecryption.map(({ chain }) => chain),
    enrolledAtSeconds: terminal.clock.nowSeconds(),
  };
}

/** Keys of attempts that came to nothing, and of the enrolment that was replaced. */
async function removeOtherKeys({ keys }: Terminal, own: Keys): Promise<void> {
  const kept = new Set([own.signingId, ...own.decryption.map(({ id }) => id)]);
  for (const id of await keys.list()) {
    const isOurs = id.startsWith(signingKeyPrefix) || id.startsWith(decryptionKeyPrefix);
    if (isOurs && !kept.has(id)) await keys.remove(id);
  }
}

function decodeReply<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return decodeAs(codec, bytes, { maxBytes: maxEnrolBytes, what: "reply" });
}

function stage(terminal: Terminal, name: string): void {
  terminal.onEvent({ kind: "stage", command: "enroll", stage: name });
}
