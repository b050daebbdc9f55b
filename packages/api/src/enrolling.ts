import { openWithPrivateKey, sealToPublicKey, sign1 } from "@sealane/cose";
import {
  type AgreementKey,
  type DecryptionKey,
  encryptionFor,
  type KeyKind,
  type KeyKinds,
  type PossessionKey,
  type PublicKey,
  possessionOf,
  type Randomness,
  type SigningKey,
  suitesOfKinds,
} from "@sealane/crypto";
import type { CertifiedKey } from "@sealane/link";
import { type Purpose, type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { type CborValue, type Codec, decode, decodeAs, encode, encodeAs, equalBytes, type Name, thumbprint } from "@sealane/wire";
import {
  certificateChainCodec,
  type EnrolReply,
  type EnrolToken,
  encodeProven,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  signedEnrolRequestCodec,
} from "./enrolment.ts";
import { apiErrors } from "./errors.ts";
import { statementAad } from "./labels.ts";
import { maxEnrolReplyBytes } from "./limits.ts";

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
}

/** Checks what anybody may fetch from the server against the fingerprint in the token. Errors: PKI_*, WIRE_*. */
export function verifyEnrolInfo(bytes: Uint8Array, given: { readonly token: EnrolToken; readonly nowSeconds: number }): EnrolAuthority {
  const info = decodeReply(enrolInfoCodec, bytes);
  const anchor = trustAnchor(info.authority, { fingerprint: thumbprint(given.token.fingerprint) });
  const expected = { anchors: [anchor], purpose: "enrol-decrypt", nowSeconds: given.nowSeconds } as const;
  return { anchor, enrolCertificate: verifyCertificate({ chain: info.enrolChain, ...expected }) };
}

/** Makes the request: all public keys and the token's secret, signed by every new key that signs, encrypted to the server. Errors: what a handle throws. */
export async function requestEnrolment(given: {
  readonly token: EnrolToken;
  readonly keys: EnrollingKeys;
  readonly enrolCertificate: VerifiedCertificate;
  readonly nowSeconds: number;
  readonly random: Randomness;
}): Promise<Uint8Array> {
  const { token, keys, enrolCertificate, nowSeconds, random } = given;
  const externalAad = statementAad("enrol request");
  const payload = encodeAs(enrolRequestCodec, {
    tokenId: token.tokenId,
    tokenSecret: token.tokenSecret,
    name: token.name,
    model: token.model,
    signingSpkis: spkisOf(keys.signing),
    decryptionSpkis: spkisOf(keys.decryption),
    agreementSpkis: spkisOf(keys.agreement),
    issuedAtSeconds: nowSeconds,
  });
  try {
    const plaintext = await signRequest(keys.signing, { payload, externalAad });
    const { publicKey } = enrolCertificate;
    const body = encode(sealToPublicKey(encryptionFor(publicKey), { publicKey, random }, { plaintext, externalAad }));
    plaintext.fill(0);
    return body;
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
 * Opens and proves the certificates of the reply: ours for our name and keys, the server's for one other name.
 * Errors: ENROL_REPLY_WRONG, PKI_*, CRYPTO_*, COSE_*, WIRE_*.
 */
export async function verifyEnrolReply(
  bytes: Uint8Array,
  given: { readonly token: EnrolToken; readonly keys: EnrollingKeys; readonly anchor: TrustAnchor; readonly nowSeconds: number },
): Promise<EnrolCertificates> {
  const { keys, anchor, nowSeconds } = given;
  const { name } = given.token;
  const reply = decodeReply(enrolReplyCodec, bytes);
  const prove: Prove = (chain, purpose, owner) =>
    verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds, ...(owner === undefined ? {} : { name: owner }) });
  const signing = certificatesFor(keys.signing, reply.signingChains, (chain) => prove(chain, "terminal-sign", name));
  const decryption = await openCertificates(reply.sealedDecryptionChains, keys.decryption, (chain) =>
    prove(chain, "terminal-decrypt", name),
  );
  const agreement = await openCertificates(reply.sealedAgreementChains, keys.agreement, (chain) => prove(chain, "terminal-agree", name));
  const server = verifyServer(reply, prove);
  if (server.serverName === name) throw apiErrors.error("ENROL_REPLY_WRONG", { name });
  requireCommonSuite(keys, server);
  return { signing, decryption, agreement, ...server };
}

/**
 * Makes the proof that the keys for decryption and agreement are held: only their owner could read these certificates. The further
 * ones that sign are named with them.
 * Errors: what the handle throws.
 */
export async function proveEnrolment(keys: EnrollingKeys, { signing, decryption, agreement }: EnrolCertificates): Promise<Uint8Array> {
  const payload = encodeProven([...signing.slice(1), ...decryption, ...agreement].map(({ certificate }) => certificate.thumbprint));
  const signature = await sign1(required(keys.signing[0]), { payload, externalAad: statementAad("enrol proof") });
  return encodeAs(enrolProofCodec, { signingThumbprint: required(signing[0]).certificate.thumbprint, signature });
}

type Prove = (chain: readonly Uint8Array[], purpose: Purpose, owner?: Name) => VerifiedCertificate;

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

/** The server's certificates: one name, for each purpose one key of a kind, and no key for two purposes. */
function verifyServer(reply: EnrolReply, prove: Prove): ServerCertificates {
  const [first, ...others] = reply.serverSigningChains;
  const main = prove(required(first), "server-sign");
  const serverSigning = [main, ...others.map((chain) => prove(chain, "server-sign", main.name))];
  const serverDecryption = reply.serverDecryptionChains.map((chain) => prove(chain, "server-decrypt", main.name));
  const serverAgreement = reply.serverAgreementChains.map((chain) => prove(chain, "server-agree", main.name));
  for (const certificates of [serverSigning, serverDecryption, serverAgreement]) requireKinds(certificates);
  requireOnePurpose([...serverSigning, ...serverDecryption, ...serverAgreement]);
  return { serverName: main.name, serverSigning, serverDecryption, serverAgreement };
}

type ServerCertificates = Pick<EnrolCertificates, "serverName" | "serverSigning" | "serverDecryption" | "serverAgreement">;

/** There is a suite that both can take part in. Error: ENROL_REPLY_WRONG. */
function requireCommonSuite(keys: EnrollingKeys, server: ServerCertificates): void {
  const { serverSigning: signing, serverDecryption: decryption, serverAgreement: agreement } = server;
  const theirs = suitesOfKinds(kindsOf({ signing, decryption, agreement }));
  if (!suitesOfKinds(kindsOf(keys)).some((suite) => theirs.includes(suite))) {
    throw apiErrors.error("ENROL_REPLY_WRONG", { suites: theirs.map(({ name }) => name).join(" ") });
  }
}

function kindsOf(held: Readonly<Record<keyof KeyKinds, readonly { readonly publicKey: PublicKey }[]>>): KeyKinds {
  const { signing, decryption, agreement } = held;
  const of = (keys: typeof signing): readonly KeyKind[] => keys.map(({ publicKey }) => publicKey.kind);
  return { signing: of(signing), decryption: of(decryption), agreement: of(agreement) };
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
  const input = { value: decode(sealed, maxEnrolReplyBytes), externalAad: statementAad("enrol reply") };
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
