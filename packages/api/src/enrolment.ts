import { sha256, suites } from "@sealane/crypto";
import { maxCertificateBytes, maxChainLength } from "@sealane/link";
import {
  anyValue,
  byteString,
  bytesAs,
  type CborValue,
  type Codec,
  type Digest,
  decodeAs,
  digest,
  encode,
  encodeAs,
  formatBase64Url,
  listOf,
  type Name,
  nameCodec,
  parseBase64Url,
  text,
  tuple,
  uint,
} from "@sealane/wire";
import { apiErrors } from "./errors.ts";
import { maxEnrolReplyBytes, maxKeyKinds, maxModelBytes, maxUrlBytes, replyKeyBytes } from "./limits.ts";

/** Enrolment (docs/protocol.md, enrolment): one request that carries all public keys, one reply, one proof of possession and of the same view. */

/** What an operator hands to a terminal: where to enrol, whom to trust, and a secret that is good for one enrolment. */
export interface EnrolToken {
  readonly url: string;
  /** SHA-256 of the CA certificate. */
  readonly fingerprint: Digest;
  readonly tokenId: Uint8Array;
  readonly tokenSecret: Uint8Array;
  readonly name: Name;
  readonly model: string;
}

const modelCodec = text(maxModelBytes);
const chainCodec = listOf(byteString({ min: 1, max: maxCertificateBytes }), { min: 1, max: maxChainLength });
const tokenIdCodec = byteString({ min: 8, max: 8 });
const tokenSecretCodec = byteString({ min: 32, max: 32 });
const spkiCodec = byteString({ min: 1, max: 4_096 });
const replyKeyCodec = byteString({ min: replyKeyBytes, max: replyKeyBytes });

/** Numbers of suites, in the order of all suites. */
const suiteNumbersCodec = listOf(uint(255), { min: 1, max: suites.length });

/** One of something for each key of a purpose, in one order everywhere: that of the request. */
function ofEachKey<T>(codec: Codec<T>): Codec<readonly T[]> {
  return listOf(codec, { min: 1, max: maxKeyKinds });
}

const tokenCodec: Codec<EnrolToken> = tuple<EnrolToken>({
  url: text(maxUrlBytes),
  fingerprint: bytesAs(digest),
  tokenId: tokenIdCodec,
  tokenSecret: tokenSecretCodec,
  name: nameCodec,
  model: modelCodec,
});

const tokenPrefix = "sealane-enrol-1.";
const maxTokenBytes = 1_024;

/** The token as one word of text: a secret, to be handed over by file or standard input. */
export function formatEnrolToken(token: EnrolToken): string {
  return tokenPrefix + formatBase64Url(encodeAs(tokenCodec, token));
}

/** Reads what {@link formatEnrolToken} wrote, with white space around it. Error: ENROL_TOKEN_MALFORMED. */
export function parseEnrolToken(written: string): EnrolToken {
  const word = written.trim();
  try {
    if (!word.startsWith(tokenPrefix)) throw apiErrors.error("ENROL_TOKEN_MALFORMED");
    const bytes = parseBase64Url(word.slice(tokenPrefix.length));
    return decodeAs(tokenCodec, bytes, { maxBytes: maxTokenBytes, what: "token" });
  } catch {
    throw apiErrors.error("ENROL_TOKEN_MALFORMED"); // no cause: it might quote the secret
  }
}

/** What anybody may fetch before enrolling; checked against the fingerprint of the token. */
export interface EnrolInfo {
  readonly authority: Uint8Array;
  /** The certificate (and intermediates) that enrolment requests are encrypted to. */
  readonly enrolChain: readonly Uint8Array[];
}

export const enrolInfoCodec: Codec<EnrolInfo> = tuple<EnrolInfo>({
  authority: byteString({ min: 1, max: maxCertificateBytes }),
  enrolChain: chainCodec,
});

/** Signed by the new signing keys ({@link SignedEnrolRequest}), then encrypted to the server. */
export interface EnrolRequest {
  readonly tokenId: Uint8Array;
  readonly tokenSecret: Uint8Array;
  readonly name: Name;
  readonly model: string;
  /** The address that the terminal enrols at, as its token says. */
  readonly url: string;
  /** SHA-256 of the CA certificate that the terminal trusts. */
  readonly fingerprint: Digest;
  /** Numbers of the suites that the terminal can take part in. */
  readonly suiteNumbers: readonly number[];
  /** Of different kinds, one for each that the terminal's suites use; the first signs what belongs to no suite. */
  readonly signingSpkis: readonly Uint8Array[];
  /** In the same way. */
  readonly decryptionSpkis: readonly Uint8Array[];
  /** In the same way; no key is in two lists. */
  readonly agreementSpkis: readonly Uint8Array[];
  readonly issuedAtSeconds: number;
  /** What the reply is encrypted under: fresh for each request. */
  readonly replyKey: Uint8Array;
}

export const enrolRequestCodec: Codec<EnrolRequest> = tuple<EnrolRequest>({
  tokenId: tokenIdCodec,
  tokenSecret: tokenSecretCodec,
  name: nameCodec,
  model: modelCodec,
  url: text(maxUrlBytes),
  fingerprint: bytesAs(digest),
  suiteNumbers: suiteNumbersCodec,
  signingSpkis: ofEachKey(spkiCodec),
  decryptionSpkis: ofEachKey(spkiCodec),
  agreementSpkis: ofEachKey(spkiCodec),
  issuedAtSeconds: uint(),
  replyKey: replyKeyCodec,
});

/** The request with a signature by each of its signing keys, in their order: the first COSE_Sign1 brings it, the others are detached. */
export interface SignedEnrolRequest {
  readonly signed: CborValue;
  readonly alsoSigned: readonly CborValue[];
}

export const signedEnrolRequestCodec: Codec<SignedEnrolRequest> = tuple<SignedEnrolRequest>({
  signed: anyValue,
  alsoSigned: listOf(anyValue, { max: maxKeyKinds - 1 }),
});

/** The chains of a party's certificates, for each purpose one for each kind of key. */
export interface PartyChains {
  /** The first key signs what belongs to no suite. */
  readonly signingChains: ChainList;
  readonly decryptionChains: ChainList;
  readonly agreementChains: ChainList;
}

/** Chains of certificates, each with its leaf first. */
export type ChainList = readonly (readonly Uint8Array[])[];

export const certificateChainCodec: Codec<readonly Uint8Array[]> = chainCodec;

/** The chains of a party's certificates of one purpose, one for each kind of key. */
export const certificateChainsCodec: Codec<ChainList> = ofEachKey(chainCodec);

const partyChainsCodec: Codec<PartyChains> = tuple<PartyChains>({
  signingChains: certificateChainsCodec,
  decryptionChains: certificateChainsCodec,
  agreementChains: certificateChainsCodec,
});

/**
 * The new certificates and the server's, encrypted as a whole under the request's reply key. Of the new ones all but those of the signing
 * keys are encrypted to their own keys besides. All of them verify under the CA.
 */
export interface EnrolReply {
  /** For each signing key of the request, in its order. */
  readonly signingChains: ChainList;
  /** For each decryption key of the request, in its order: P_X to that key of a {@link certificateChainCodec} array. */
  readonly sealedDecryptionChains: readonly Uint8Array[];
  /** For each agreement key, in the same way: it is encrypted to once, to prove that it is held. */
  readonly sealedAgreementChains: readonly Uint8Array[];
  /** Numbers of the suites that the server can take part in. */
  readonly serverSuiteNumbers: readonly number[];
  readonly serverChains: PartyChains;
  /** COSE_Sign1 of {@link encodeConfirmed} by the server's first signing key, payload nil. */
  readonly confirmation: CborValue;
}

const sealedChainsCodec = ofEachKey(byteString({ min: 1, max: maxEnrolReplyBytes }));

export const enrolReplyCodec: Codec<EnrolReply> = tuple<EnrolReply>({
  signingChains: certificateChainsCodec,
  sealedDecryptionChains: sealedChainsCodec,
  sealedAgreementChains: sealedChainsCodec,
  serverSuiteNumbers: suiteNumbersCodec,
  serverChains: partyChainsCodec,
  confirmation: anyValue,
});

/**
 * What both ends of an enrolment have to see alike. The request's digest stands for all that the terminal said: token, names, address,
 * trust, suites and keys.
 */
export interface EnrolView {
  /** SHA-256 of the {@link EnrolRequest} as it was signed. */
  readonly requestDigest: Digest;
  readonly terminalChains: PartyChains;
  readonly serverName: Name;
  readonly serverSuiteNumbers: readonly number[];
  readonly serverChains: PartyChains;
}

const enrolViewCodec: Codec<EnrolView> = tuple<EnrolView>({
  requestDigest: bytesAs(digest),
  terminalChains: partyChainsCodec,
  serverName: nameCodec,
  serverSuiteNumbers: suiteNumbersCodec,
  serverChains: partyChainsCodec,
});

/** SHA-256 of a view, under a label of its own. */
export function enrolViewDigest(view: EnrolView): Digest {
  return digest(sha256(encode(["Sealane enrolment", enrolViewCodec.toCbor(view)])));
}

/** What the server signs of a view. */
export function encodeConfirmed(viewDigest: Digest): Uint8Array {
  return encode(viewDigest);
}

/** Proof of possession, encrypted to the server as the request was. */
export interface EnrolProof {
  /** SHA-256 of the certificate by which the terminal is known. */
  readonly signingThumbprint: Uint8Array;
  readonly requestDigest: Digest;
  /** The server's own, as its reply brought it. */
  readonly confirmation: CborValue;
  /** COSE_Sign1 of {@link encodeProven} by the first signing key, payload nil. */
  readonly signature: CborValue;
}

export const enrolProofCodec: Codec<EnrolProof> = tuple<EnrolProof>({
  signingThumbprint: byteString({ min: 32, max: 32 }),
  requestDigest: bytesAs(digest),
  confirmation: anyValue,
  signature: anyValue,
});

/** What the proof signs: the whole view, whose certificates only the owner of all keys could read, and what the server signed of it. */
export function encodeProven(viewDigest: Digest, confirmation: CborValue): Uint8Array {
  return encode([viewDigest, confirmation]);
}
