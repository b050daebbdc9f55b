import { maxCertificateBytes, maxChainLength } from "@sealane/link";
import {
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
import { maxEnrolReplyBytes, maxKeyKinds, maxModelBytes } from "./limits.ts";

/** Enrolment (docs/protocol.md, enrolment): one request that carries all public keys, one reply, one proof of possession. */

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

/** One of something for each key of a purpose, in one order everywhere: that of the request. */
function ofEachKey<T>(codec: Codec<T>): Codec<readonly T[]> {
  return listOf(codec, { min: 1, max: maxKeyKinds });
}

const tokenCodec: Codec<EnrolToken> = tuple<EnrolToken>({
  url: text(512),
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
  /** Of different kinds, one for each that the terminal's suites use; the first signs what belongs to no suite. */
  readonly signingSpkis: readonly Uint8Array[];
  /** In the same way. */
  readonly decryptionSpkis: readonly Uint8Array[];
  /** In the same way; no key is in two lists. */
  readonly agreementSpkis: readonly Uint8Array[];
  readonly issuedAtSeconds: number;
}

export const enrolRequestCodec: Codec<EnrolRequest> = tuple<EnrolRequest>({
  tokenId: tokenIdCodec,
  tokenSecret: tokenSecretCodec,
  name: nameCodec,
  model: modelCodec,
  signingSpkis: ofEachKey(spkiCodec),
  decryptionSpkis: ofEachKey(spkiCodec),
  agreementSpkis: ofEachKey(spkiCodec),
  issuedAtSeconds: uint(),
});

/** The request with a signature by each of its signing keys, in their order: the first COSE_Sign1 brings it, the others are detached. */
export interface SignedEnrolRequest {
  readonly signed: CborValue;
  readonly alsoSigned: readonly CborValue[];
}

const anyValue: Codec<CborValue> = { toCbor: (value) => value, fromCbor: (value) => value };

export const signedEnrolRequestCodec: Codec<SignedEnrolRequest> = tuple<SignedEnrolRequest>({
  signed: anyValue,
  alsoSigned: listOf(anyValue, { max: maxKeyKinds - 1 }),
});

/** The new certificates; all but those of the signing keys are encrypted to their own keys. All of them verify under the CA. */
export interface EnrolReply {
  /** For each signing key of the request, in its order. */
  readonly signingChains: readonly (readonly Uint8Array[])[];
  /** For each decryption key of the request, in its order: COSE_Encrypt0 to that key of a {@link certificateChainCodec} array. */
  readonly sealedDecryptionChains: readonly Uint8Array[];
  /** For each agreement key, in the same way: it is encrypted to once, to prove that it is held. */
  readonly sealedAgreementChains: readonly Uint8Array[];
  /** One for each kind of key; the first signs what belongs to no suite. */
  readonly serverSigningChains: readonly (readonly Uint8Array[])[];
  readonly serverDecryptionChains: readonly (readonly Uint8Array[])[];
  readonly serverAgreementChains: readonly (readonly Uint8Array[])[];
}

export const certificateChainCodec: Codec<readonly Uint8Array[]> = chainCodec;

/** The chains of a party's certificates of one purpose, one for each kind of key. */
export const certificateChainsCodec: Codec<readonly (readonly Uint8Array[])[]> = ofEachKey(chainCodec);

const sealedChainsCodec = ofEachKey(byteString({ min: 1, max: maxEnrolReplyBytes }));

export const enrolReplyCodec: Codec<EnrolReply> = tuple<EnrolReply>({
  signingChains: ofEachKey(chainCodec),
  sealedDecryptionChains: sealedChainsCodec,
  sealedAgreementChains: sealedChainsCodec,
  serverSigningChains: certificateChainsCodec,
  serverDecryptionChains: certificateChainsCodec,
  serverAgreementChains: certificateChainsCodec,
});

/** Proof of possession: a COSE_Sign1 by the first signing key over {@link encodeProven}. */
export interface EnrolProof {
  readonly signingThumbprint: Uint8Array;
  readonly signature: CborValue;
}

export const enrolProofCodec: Codec<EnrolProof> = tuple<EnrolProof>({
  signingThumbprint: byteString({ min: 32, max: 32 }),
  signature: anyValue,
});

/**
 * What the proof signs: the thumbprints of all certificates but that of the first signing key, in the request's order: the further
 * signing keys', then those that only the owner of their keys could read, of decryption, then of agreement.
 */
export function encodeProven(thumbprints: readonly Uint8Array[]): Uint8Array {
  return encode(thumbprints);
}
