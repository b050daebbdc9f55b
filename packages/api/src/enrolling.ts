import { openUnderKey, openWithPrivateKey, sign1, verifySign1 } from "@sealane/cose";
import {
  type AgreementKey,
  type DecryptionKey,
  encryptionFor,
  type PossessionKey,
  type PublicKey,
  possessionOf,
  type Randomness,
  Secret,
  type SigningKey,
  type Suite,
  sha256,
  suitesOfKeys,
} from "@sealane/crypto";
import type { CertifiedKey } from "@sealane/link";
import { type Purpose, type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import {
  type CborValue,
  type Codec,
  type Digest,
  decode,
  decodeAs,
  digest,
  encode,
  encodeAs,
  equalBytes,
  type Name,
  thumbprint,
} from "@sealane/wire";
import { sealRequestTo } from "./encrypted-request.ts";
import {
  type ChainList,
  certificateChainCodec,
  type EnrolReply,
  type EnrolToken,
  encodeConfirmed,
  encodeProven,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  enrolViewDigest,
  signedEnrolRequestCodec,
} from "./enrolment.ts";
import { apiErrors } from "./errors.ts";
import { statementAad } from "./labels.ts";
import { maxEnrolReplyBytes, replyKeyBytes } from "./limits.ts";

/** The enrolling party's half of enrolment (docs/protocol.md, enrolment), free of I/O: in the order of its functions. */

/** The keys that are to be certified: for each purpose one of each kind that the party's suites use, in their order. */
export interface EnrollingKeys {
  readonly signing: readonly SigningKey[];
  readonly decryption: readonly DecryptionKey[];
  readonly agreement: readonly AgreementKey[];
}

/** Whom an enrolling party trusts from here on, and what its request is encrypted to. */
export interface EnrolAuthority {
  readonly anchor: TrustAnchor;
  readonly enrolCertificate: VerifiedCertificate;
}

/** What an enrolment brought. */
export interface EnrolCertificates {
  /** In the order of the keys. */
  readonly signing: readonly CertifiedKey<SigningKey>[];
  readonly decryption: readonly CertifiedKey<DecryptionKey>[];
  readonly agreement: readonly CertifiedKey<AgreementKey>[];
  readonly serverName: Name;
  readonly serverSigning: readonly VerifiedCertificate[];
  readonly serverDecryption: readonly VerifiedCertificate[];
  readonly serverAgreement: readonly VerifiedCertificate[];
  /** Suites that both can take part in, in the order of all suites; at least one. */
  readonly commonSuites: readonly Suite[];
  /** What the server signed of this enrolment. */
  readonly confirmed: { readonly requestDigest: Digest; readonly viewDigest: Digest; readonly confirmation: CborValue };
}

/** Checks what anybody may fetch from the server against the fingerprint in the token. Errors: PKI_*, WIRE_*. */
export function verifyEnrolInfo(bytes: Uint8Array, given: { readonly token: EnrolToken; readonly nowSeconds: number }): EnrolAuthority {
  const info = decodeReply(enrolInfoCodec, bytes);
  const anchor = trustAnchor(info.authority, { fingerprint: thumbprint(given.token.fingerprint) });
  const expected = { anchors: [anchor], purpose: "enrol-decrypt", nowSeconds: given.nowSeconds } as const;
  return { anchor, enrolCertificate: verifyCertificate({ chain: info.enrolChain, ...expected }) };
}

/** What an enrolling party remembers of its request until the reply has come. */
export interface RequestedEnrolment extends Disposable {
  /** What is sent. The same bytes may be sent again. */
  readonly body: Uint8Array;
  readonly requestDigest: Digest;
  readonly replyKey: Secret<"enrol reply key">;
}

/**
 * Makes the request: all that this party is and takes for right, and the token's secret, signed by every new key that signs, encrypted to
 * the server. Errors: what a handle throws.
 */
export async function requestEnrolment(given: {
  readonly token: EnrolToken;
  readonly keys: EnrollingKeys;
  readonly authority: EnrolAuthority;
  readonly nowSeconds: number;
  readonly random: Randomness;
}): Promise<RequestedEnrolment> {
  const { token, keys, authority, nowSeconds, random } = given;
  const externalAad = statementAad("enrol request");
  const replyKey = random.bytes(replyKeyBytes);
  const payload = encodeAs(enrolRequestCodec, {
    ...token,
    fingerprint: digest(authority.anchor.thumbprint),
    suiteNumbers: numbersOf(suitesOfKeys(keys)),
    signingSpkis: spkisOf(keys.signing),
    decryptionSpkis: spkisOf(keys.decryption),
    agreementSpkis: spkisOf(keys.agreement),
    issuedAtSeconds: nowSeconds,
    replyKey,
  });
  const key = Secret.take("enrol reply key", replyKey);
  try {
    const plaintext = await signRequest(keys.signing, { payload, externalAad });
    const body = sealRequestTo(authority.enrolCertificate, { label: "enrol request", plaintext, random });
    return { body, requestDigest: digest(sha256(payload)), replyKey: key, [Symbol.dispose]: () => key[Symbol.dispose]() };
  } catch (error) {
    key[Symbol.dispose]();
    throw error;
  } finally {
    payload.fill(0); // also where a key in a token fails
  }
}

/** The request with the signature of each key. */
async function signRequest(
  [first, ...others]: readonly SigningKey[],
  input: { readonly payload: Uint8Array; readonly externalAad: Uint8Array },
): Promise<Uint8Array> {
  const alsoSigned: CborValue[] = [];
  for (const key of others) alsoSigned.push(await sign1(key, { ...input, detached: true }));
  return encodeAs(signedEnrolRequestCodec, { signed: await sign1(required(first), input), alsoSigned });
}

/**
 * Opens and proves the reply: the certificates, ours for our name and keys, the server's for the name that the request was encrypted to,
 * and that the server has signed the very view of both that this party has. Whatever was taken away, added, exchanged or put in another order
 * on the way, in the request or in the reply, ends here.
 * Errors: ENROL_REPLY_WRONG, PKI_*, CRYPTO_*, COSE_*, WIRE_*.
 */
export async function verifyEnrolReply(
  bytes: Uint8Array,
  given: {
    readonly token: EnrolToken;
    readonly keys: EnrollingKeys;
    readonly authority: EnrolAuthority;
    readonly requested: RequestedEnrolment;
    readonly nowSeconds: number;
  },
): Promise<EnrolCertificates> {
  const { keys, nowSeconds, requested } = given;
  const { anchor, enrolCertificate } = given.authority;
  const { name } = given.token;
  const reply = openReply(bytes, requested.replyKey);
  const prove: Prove = (chain, purpose, owner) => verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds, name: owner });
  const signing = certificatesFor(keys.signing, reply.signingChains, (chain) => prove(chain, "terminal-sign", name));
  const decryption = await openCertificates(reply.sealedDecryptionChains, keys.decryption, (chain) =>
    prove(chain, "terminal-decrypt", name),
  );
  const agreement = await openCertificates(reply.sealedAgreementChains, keys.agreement, (chain) => prove(chain, "terminal-agree", name));
  const server = verifyServer(reply, enrolCertificate.name, prove);
  if (server.serverName === name) throw apiErrors.error("ENROL_REPLY_WRONG", { name });
  const commonSuites = commonSuitesOf(keys, server);
  const { requestDigest } = requested;
  const { serverSuiteNumbers, serverChains, confirmation } = reply;
  const terminalChains = {
    signingChains: chainsOf(signing),
    decryptionChains: chainsOf(decryption),
    agreementChains: chainsOf(agreement),
  };
  const viewDigest = enrolViewDigest({ requestDigest, terminalChains, serverName: server.serverName, serverSuiteNumbers, serverChains });
  const { publicKey } = required(server.serverSigning[0]);
  verifySign1(confirmation, { publicKey, externalAad: statementAad("enrol view"), detachedPayload: encodeConfirmed(viewDigest) });
  return { signing, decryption, agreement, ...server, commonSuites, confirmed: { requestDigest, viewDigest, confirmation } };
}

/** The reply as it was encrypted under the request's key. Errors: COSE_*, CRYPTO_OPEN_FAILED, WIRE_*. */
function openReply(bytes: Uint8Array, replyKey: Secret<"enrol reply key">): EnrolReply {
  const input = { value: decode(bytes, maxEnrolReplyBytes), externalAad: statementAad("enrol reply") };
  return decodeReply(
    enrolReplyCodec,
    replyKey.use((key) => openUnderKey(key, input)),
  );
}

/**
 * Makes the proof: this party has seen what the server signed, and holds the keys for decryption and agreement, for only their owner could
 * read their certificates in it. The server activates nothing before it has compared that with its own view.
 * Errors: what the handle throws.
 */
export async function proveEnrolment(given: {
  readonly keys: EnrollingKeys;
  readonly certificates: EnrolCertificates;
  readonly authority: EnrolAuthority;
  readonly random: Randomness;
}): Promise<Uint8Array> {
  const { keys, certificates, authority, random } = given;
  const { requestDigest, viewDigest, confirmation } = certificates.confirmed;
  const payload = encodeProven(viewDigest, confirmation);
  const signature = await sign1(required(keys.signing[0]), { payload, detached: true, externalAad: statementAad("enrol proof") });
  const signingThumbprint = required(certificates.signing[0]).certificate.thumbprint;
  const plaintext = encodeAs(enrolProofCodec, { signingThumbprint, requestDigest, confirmation, signature });
  return sealRequestTo(authority.enrolCertificate, { label: "enrol proof", plaintext, random });
}

type Prove = (chain: readonly Uint8Array[], purpose: Purpose, owner: Name) => VerifiedCertificate;

/** Our certificates of one purpose, in the order of our keys. */
function certificatesFor<Key extends { readonly publicKey: PublicKey }>(
  keys: readonly Key[],
  chains: readonly (readonly Uint8Array[])[],
  prove: (chain: readonly Uint8Array[]) => VerifiedCertificate,
): readonly CertifiedKey<Key>[] {
  if (chains.length !== keys.length) throw apiErrors.error("ENROL_REPLY_WRONG", { certificates: chains.length });
  return keys.map((key, position) => {
    const certificate = prove(chains[position] ?? []);
    requireOwnKey(certificate, key.publicKey);
    return { key, certificate };
  });
}

/** The same where each chain is encrypted to its key. */
async function openCertificates<Key extends DecryptionKey | AgreementKey>(
  sealedChains: readonly Uint8Array[],
  keys: readonly Key[],
  prove: (chain: readonly Uint8Array[]) => VerifiedCertificate,
): Promise<readonly CertifiedKey<Key>[]> {
  if (sealedChains.length !== keys.length) throw apiErrors.error("ENROL_REPLY_WRONG", { certificates: sealedChains.length });
  const chains: (readonly Uint8Array[])[] = [];
  for (const [position, key] of keys.entries()) {
    chains.push(await openChain(sealedChains[position] ?? new Uint8Array(0), openerOf(key)));
  }
  return certificatesFor(keys, chains, prove);
}

/** The server's certificates: of one name, for each purpose one key of a kind, no key for two purposes, and its suites those of its keys. */
function verifyServer({ serverChains, serverSuiteNumbers }: EnrolReply, serverName: Name, prove: Prove): ServerCertificates {
  const serverSigning = serverChains.signingChains.map((chain) => prove(chain, "server-sign", serverName));
  const serverDecryption = serverChains.decryptionChains.map((chain) => prove(chain, "server-decrypt", serverName));
  const serverAgreement = serverChains.agreementChains.map((chain) => prove(chain, "server-agree", serverName));
  for (const certificates of [serverSigning, serverDecryption, serverAgreement]) requireKinds(certificates);
  requireOnePurpose([...serverSigning, ...serverDecryption, ...serverAgreement]);
  const theirs = suitesOfKeys({ signing: serverSigning, decryption: serverDecryption, agreement: serverAgreement });
  if (!equalBytes(encode(serverSuiteNumbers), encode(numbersOf(theirs)))) {
    throw apiErrors.error("ENROL_REPLY_WRONG", { suites: serverSuiteNumbers.join(" ") });
  }
  return { serverName, serverSigning, serverDecryption, serverAgreement };
}

type ServerCertificates = Pick<EnrolCertificates, "serverName" | "serverSigning" | "serverDecryption" | "serverAgreement">;

/** The suites that both can take part in, at least one. Error: ENROL_REPLY_WRONG. */
function commonSuitesOf(keys: EnrollingKeys, server: ServerCertificates): readonly Suite[] {
  const { serverSigning: signing, serverDecryption: decryption, serverAgreement: agreement } = server;
  const theirs = suitesOfKeys({ signing, decryption, agreement });
  const common = suitesOfKeys(keys).filter((suite) => theirs.includes(suite));
  if (common.length === 0) throw apiErrors.error("ENROL_REPLY_WRONG", { suites: theirs.map(({ name }) => name).join(" ") });
  return common;
}

function numbersOf(suites: readonly Suite[]): readonly number[] {
  return suites.map(({ id }) => id);
}

function chainsOf(certified: readonly CertifiedKey<unknown>[]): ChainList {
  return certified.map(({ certificate }) => certificate.chain);
}

/** Of a list that its codec or its type keeps from being empty. */
function required<T>(value: T | undefined): T {
  if (value === undefined) throw apiErrors.error("ENROL_REPLY_WRONG", { keys: 0 });
  return value;
}

/** What opens a certificate that is encrypted to one of our keys. */
function openerOf(key: DecryptionKey | AgreementKey): DecryptionKey | PossessionKey {
  return key.purpose === "agree" ? possessionOf(key) : key;
}

/** A chain that was encrypted to one of our keys. */
async function openChain(sealed: Uint8Array, key: DecryptionKey | PossessionKey): Promise<readonly Uint8Array[]> {
  const input = { value: decode(sealed, maxEnrolReplyBytes), externalAad: statementAad("enrol certificate") };
  return decodeReply(certificateChainCodec, await openWithPrivateKey(encryptionFor(key.publicKey), key, input));
}

/** The server has one key of a kind for a purpose. */
function requireKinds(certificates: readonly VerifiedCertificate[]): void {
  const kinds = new Set(certificates.map(({ publicKey }) => publicKey.kind));
  if (kinds.size !== certificates.length) throw apiErrors.error("ENROL_REPLY_WRONG", { kinds: [...kinds].join(" ") });
}

/** One key, one purpose. */
function requireOnePurpose(certificates: readonly VerifiedCertificate[]): void {
  const keys = new Set(certificates.map(({ publicKey }) => publicKey.spki.toHex()));
  if (keys.size !== certificates.length) throw apiErrors.error("ENROL_REPLY_WRONG", { key: "of two purposes" });
}

function spkisOf(keys: readonly { readonly publicKey: PublicKey }[]): readonly Uint8Array[] {
  return keys.map(({ publicKey }) => publicKey.spki);
}

function requireOwnKey(certificate: VerifiedCertificate, own: PublicKey): void {
  if (!equalBytes(certificate.publicKey.spki, own.spki)) {
    throw apiErrors.error("ENROL_REPLY_WRONG", { purpose: certificate.purpose, key: "another" });
  }
}

function decodeReply<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return decodeAs(codec, bytes, { maxBytes: maxEnrolReplyBytes, what: "reply" });
}
