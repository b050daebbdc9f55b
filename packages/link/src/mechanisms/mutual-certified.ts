import { sign1, verifySign1 } from "@sealane/cose";
import { Secret, type Suite, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import {
  anyValue,
  byteString,
  bytesAs,
  type CborValue,
  type Codec,
  type Digest,
  digest,
  encode,
  encodeAs,
  equalBytes,
  flag,
  type Name,
  type Nonce,
  nameCodec,
  nonce,
  nullable,
  oneOf,
  tuple,
  uint,
} from "@sealane/wire";
import { answerTransport, awaitAnswer, type TransportedSecret, transportedSecret } from "../answer.ts";
import { type AwaitedReply, type EstablishedLink, Waiting } from "../awaited.ts";
import {
  acceptKeyLife,
  acceptOnce,
  type Claims,
  chainCodec,
  claimsFields,
  findDecryption,
  findSigner,
  makeClaims,
  requireIdentities,
} from "../claims.ts";
import { type EncryptedBody, encryptBody, firstBodyCodec, openBody, referenceCodec } from "../encrypted-body.ts";
import {
  encodeMessage,
  externalAad,
  firstHeader,
  type Message,
  type MessageHeader,
  otherRole,
  referenceOf,
  requireFirst,
} from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { replyTimeFor, verifyReplyTime } from "../freshness.ts";
import { extractKey, hashTranscript, joinSecrets } from "../key-schedule.ts";
import type { MechanismName, Role } from "../labels.ts";
import { laterHeader, readLater } from "../later-message.ts";
import { saltBytes, secretBytes } from "../limits.ts";
import { makeConfidentialLink, makeUnconfirmedLink } from "../link.ts";
import { type Agreed, firstState } from "../link-state.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import {
  type ContinueContext,
  certificateFor,
  type OriginateOptions,
  type OriginatorContext,
  ownDecryption,
  ownSigning,
  type RecipientContext,
  requireNamed,
  requireSelf,
} from "../parties.ts";
import { loadState, type StateForm, secretCodec, suiteCodec } from "../saved-state.ts";

/**
 * mutual-certified: X.509's authentication, one way or both.
 *
 * ```text
 * EQ11  originator -> recipient   M1 = Cert_A, D_A, S_A(D_A), D_A = T_A, R_A, B, P_B(k1)
 * EQ12  recipient  -> originator  M2 = Cert_B, D_B, S_B(D_B), D_B = T_B, R_B, A, R_A, P_A(k2);  left out when one way is enough
 * EQ13  the key is f(k1, k2), or k1 with the answer
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): anyone could sign a copied P_B(k1) again, so that P_B(A, k1) names who made it
 * (claim 15) and is checked against the signer; M2 echoes R_A and H(M1); credentials are signed; `twoWay` is signed, so that dropping
 * M2 is noticed; T_A, an end there, is two fields. Certificates travel inside P_X.
 *
 * Properties: confidential, both parties named (to everybody on the way) and authenticated, not a broadcast, not forward secret. In
 * the two-way form a stolen decryption key alone does not let anybody pose as a peer.
 */

const mechanism = "mutual-certified";
const numberCodec = byteString({ min: secretBytes, max: secretBytes });

/** D_A, without P_B. */
interface FirstClaims extends Claims {
  /** What M2 is to be encrypted to. */
  readonly originatorDecryption: Credential;
  readonly twoWay: boolean;
}

const firstClaimsCodec: Codec<FirstClaims> = tuple<FirstClaims>({ ...claimsFields, originatorDecryption: credentialCodec, twoWay: flag });

/** D_B, without P_A. */
interface SecondClaims {
  readonly recipient: Name;
  readonly recipientCredential: Credential;
  readonly originator: Name;
  readonly originatorDecryption: Credential;
  readonly repliedAtSeconds: number | null;
  readonly nonce: Nonce;
  readonly firstNonce: Nonce;
  readonly firstDigest: Digest;
}

const secondClaimsCodec: Codec<SecondClaims> = tuple<SecondClaims>({
  recipient: nameCodec,
  recipientCredential: credentialCodec,
  originator: nameCodec,
  originatorDecryption: credentialCodec,
  repliedAtSeconds: nullable(uint()),
  nonce: bytesAs(nonce),
  firstNonce: bytesAs(nonce),
  firstDigest: bytesAs(digest),
});

/** The plaintext of P_X: who made it, the number, and the sender's certificates. */
interface Content {
  readonly sender: Name;
  readonly number: Uint8Array;
  readonly signingChain: readonly Uint8Array[] | null;
  readonly decryptionChain: readonly Uint8Array[] | null;
}

const contentCodec: Codec<Content> = tuple<Content>({
  sender: nameCodec,
  number: numberCodec,
  signingChain: chainCodec,
  decryptionChain: chainCodec,
});

/** M1: [D_A, P_B, S]; S is over D_A, P_B and the credential of the key that P_B is encrypted to. */
interface FirstBody {
  readonly claims: FirstClaims;
  readonly body: EncryptedBody;
  readonly signature: CborValue;
}

const firstBody: Codec<FirstBody> = tuple<FirstBody>({ claims: firstClaimsCodec, body: firstBodyCodec, signature: anyValue });

/** M2: [reference, D_B, P_A, S]; S is over D_B and P_A. */
interface SecondBody {
  readonly reference: Uint8Array;
  readonly claims: SecondClaims;
  readonly body: EncryptedBody;
  readonly signature: CborValue;
}

const secondBody: Codec<SecondBody> = tuple<SecondBody>({
  reference: referenceCodec,
  claims: secondClaimsCodec,
  body: firstBodyCodec,
  signature: anyValue,
});

/** Makes M1 and the wait for M2, or for the answer. Errors: as of `originateSignedTransport`. */
export async function originateMutualCertified(context: OriginatorContext, options: OriginateOptions): Promise<OriginatedLink> {
  const named = requireNamed(context);
  const { self, random } = named;
  const { suite, twoWay = true, sendCertificate = false } = options;
  const header = firstHeader(mechanism, suite, self.role);
  const recipient = certificateFor({ suite, role: otherRole(self.role), purpose: "decrypt" }, context.recipient);
  const own = ownDecryption(self, suite).certificate;
  const claims: FirstClaims = {
    ...makeClaims(named, options, { recipient, also: [own] }),
    originatorDecryption: credentialOf(own),
    twoWay,
  };
  using unsent = new DisposableStack();
  const number = random.bytes(secretBytes);
  const k1 = unsent.use(Secret.take("k1", number));
  const { key, certificate: signing } = ownSigning(self, suite);
  const content: Content = {
    sender: self.name,
    number,
    signingChain: sendCertificate ? signing.chain : null,
    decryptionChain: sendCertificate ? own.chain : null,
  };
  const body = encryptBody(header, { recipient, random }, encodeAs(contentCodec, content));
  const payload = firstPayload({ claims, body }, credentialOf(recipient));
  const signature = await sign1(key, { payload, detached: true, externalAad: externalAad(header) });
  const message = encodeMessage(header, firstBody.toCbor({ claims, body, signature }));
  const common = { header, claims, recipientDecryption: credentialOf(recipient), message };
  unsent.move(); // the wait keeps it
  if (!twoWay) return { kind: "sent", message, awaited: awaitAnswer(oneWay({ ...common, secret: k1 })) };
  const awaited = new AwaitedCertified({
    suite,
    originatorRole: self.role,
    claims,
    recipientDecryption: credentialOf(recipient),
    k1,
    reference: referenceOf(message),
    firstDigest: sha256(message),
  });
  return { kind: "sent", message, awaited };
}

/**
 * Accepts M1 at its recipient: opens P_B, checks certificate, signature, who made P_B, names, time and replay in this order, and
 * makes M2 or the answer.
 *
 * Errors: as of `acceptSignedTransport`.
 */
export async function acceptMutualCertified(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const { suite } = header;
  const { random, freshness } = context;
  const self = requireSelf(context);
  requireFirst(message, mechanism, self.role);
  const signing = ownSigning(self, suite);
  const { claims, body, signature } = firstBody.fromCbor(message.body, "M1");
  const { content, recipient: own } = await openBody(self, header, { body, codec: contentCodec });
  using k1 = Secret.take("k1", content.number);
  const named = { credential: claims.originatorCredential, chain: content.signingChain, role: header.sender, suite };
  const signer = await findSigner(context, named);
  const recipientDecryption = credentialOf(own);
  const payload = firstPayload({ claims, body }, recipientDecryption);
  verifySign1(signature, { publicKey: signer.publicKey, externalAad: externalAad(header), detachedPayload: payload });
  if (content.sender !== signer.name) throw linkErrors.error("LINK_PEER_WRONG", { field: "sender" });
  requireIdentities(claims, { self: self.name, signer });
  const { originator: name, originatorDecryption: credential } = claims;
  const opens = { name, credential, chain: content.decryptionChain, role: header.sender, suite };
  const peer = claims.twoWay ? await findDecryption(context, opens) : null;
  // The originator cannot know with which certificate this party will sign: it may end before the key was to.
  const latestSeconds = peer === null ? Number.POSITIVE_INFINITY : signing.certificate.notAfterSeconds;
  const asked = { ...claims, keyExpiresAtSeconds: Math.min(claims.keyExpiresAtSeconds, latestSeconds) };
  const known = { peer: peer === null ? [signer] : [signer, peer], own: [own] };
  const accepted = { ...claims, keyExpiresAtSeconds: await acceptOnce(context, { mechanism, claims: asked, ...known }) };
  const { licence } = claims;
  if (peer === null) {
    const transported = oneWay({ header, claims: accepted, recipientDecryption, message: message.bytes, secret: k1 });
    return { kind: "answered", ...answerTransport(transported, random), licence };
  }
  const firstDigest = sha256(message.bytes);
  const begun = beginning({ suite, originatorRole: header.sender, claims: accepted, reference: referenceOf(message.bytes) });
  const replyHeader = laterHeader(begun, 2);
  const number = random.bytes(secretBytes);
  using k2 = Secret.take("k2", number);
  const reply: Content = { sender: self.name, number, signingChain: signing.certificate.chain, decryptionChain: null };
  const replyBody = encryptBody(replyHeader, { recipient: peer, random }, encodeAs(contentCodec, reply));
  const replyClaims: SecondClaims = {
    recipient: self.name,
    recipientCredential: credentialOf(signing.certificate),
    originator: name,
    originatorDecryption: credential,
    repliedAtSeconds: replyTimeFor(claims, freshness),
    nonce: nonce(random.bytes(16)),
    firstNonce: claims.nonce,
    firstDigest,
  };
  const signed = { payload: secondPayload(replyClaims, replyBody), detached: true, externalAad: externalAad(replyHeader) };
  const second: SecondBody = {
    reference: begun.reference,
    claims: replyClaims,
    body: replyBody,
    signature: await sign1(signing.key, signed),
  };
  const bytes = encodeMessage(replyHeader, secondBody.toCbor(second));
  const parties = { begun, claims: accepted, recipientDecryption, recipientSigning: signing.certificate };
  const settled = twoWay(parties, [firstDigest, sha256(bytes)]);
  const link = makeUnconfirmedLink(firstState(settled, { self: self.role, prk: keyOf(k1, k2), awaitsConfirmation: true }));
  return { kind: "answered", reply: bytes, link, licence };
}

interface State {
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly claims: FirstClaims;
  readonly recipientDecryption: Credential;
  readonly k1: Secret<"k1">;
  readonly reference: Uint8Array;
  readonly firstDigest: Digest;
}

const stateForm: StateForm<State> = {
  kind: "mutual-certified 2",
  codec: tuple<State>({
    suite: suiteCodec,
    originatorRole: oneOf(["server", "terminal"] as const),
    claims: firstClaimsCodec,
    recipientDecryption: credentialCodec,
    k1: secretCodec("k1", numberCodec),
    reference: referenceCodec,
    firstDigest: bytesAs(digest),
  }),
};

/** An originator that awaits M2 of the two-way form. */
export class AwaitedCertified extends Waiting<State> implements AwaitedReply {
  static readonly kind: string = stateForm.kind;
  readonly mechanism: MechanismName = mechanism;

  constructor(state: State) {
    super(stateForm, state);
  }

  /** Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved pending link">): AwaitedCertified {
    return new AwaitedCertified(loadState(stateForm, saved));
  }

  /**
   * Checks M2 and gives the link, whose first record begins with the originator's confirmation.
   * Errors: those of `readLater`, LINK_RECIPIENT_WRONG, COSE_*, WIRE_*, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*,
   * CRYPTO_SIGNATURE_WRONG, LINK_ANSWER_WRONG, those of `verifyReplyTime`.
   */
  async receive(context: ContinueContext, reply: Uint8Array): Promise<EstablishedLink> {
    const state = this.state;
    const { claims: first, firstDigest, recipientDecryption, originatorRole } = state;
    const self = requireSelf(context);
    const begun = beginning(state);
    const message = readLater(begun, 2, { message: reply, nowSeconds: context.freshness.nowSeconds });
    const { reference, claims, body, signature } = secondBody.fromCbor(message.body, "M2");
    if (!equalBytes(reference, state.reference)) throw linkErrors.error("LINK_ANSWER_WRONG");
    const { content, recipient: own } = await openBody(self, message.header, { body, codec: contentCodec });
    using k2 = Secret.take("k2", content.number);
    const named = {
      credential: claims.recipientCredential,
      chain: content.signingChain,
      role: message.header.sender,
      suite: message.header.suite,
    };
    const signer = await findSigner(context, named);
    const detachedPayload = secondPayload(claims, body);
    verifySign1(signature, { publicKey: signer.publicKey, externalAad: externalAad(message.header), detachedPayload });
    const isOurs =
      signer.name === first.recipient &&
      claims.recipient === first.recipient &&
      content.sender === first.recipient &&
      claims.originator === first.originator &&
      equalCredentials(claims.originatorDecryption, first.originatorDecryption) &&
      equalCredentials(credentialOf(own), first.originatorDecryption) &&
      equalBytes(claims.firstNonce, first.nonce) &&
      equalBytes(claims.firstDigest, firstDigest);
    if (!isOurs) throw linkErrors.error("LINK_ANSWER_WRONG");
    const { issuedAtSeconds, expiresAtSeconds } = first;
    verifyReplyTime({ issuedAtSeconds, expiresAtSeconds, repliedAtSeconds: claims.repliedAtSeconds }, context.freshness);
    const settled = twoWay({ begun, claims: first, recipientDecryption, recipientSigning: signer }, [firstDigest, sha256(reply)]);
    const { keyExpiresAtSeconds } = settled;
    acceptKeyLife({ keyExpiresAtSeconds, challenge: null }, { peer: [signer], own: [own], policy: context.freshness });
    const prk = keyOf(state.k1, k2);
    this[Symbol.dispose]();
    return { link: makeConfidentialLink(firstState(settled, { self: originatorRole, prk, owesConfirmation: true })), message: null };
  }

  [Symbol.dispose](): void {
    this.state.k1[Symbol.dispose]();
  }
}

function firstPayload({ claims, body }: Omit<FirstBody, "signature">, recipient: Credential): Uint8Array {
  return encode([firstClaimsCodec.toCbor(claims), firstBodyCodec.toCbor(body), credentialCodec.toCbor(recipient)]);
}

function secondPayload(claims: SecondClaims, body: EncryptedBody): Uint8Array {
  return encode([secondClaimsCodec.toCbor(claims), firstBodyCodec.toCbor(body)]);
}

function beginning(given: Pick<State, "suite" | "originatorRole" | "claims" | "reference">) {
  const { suite, originatorRole, claims, reference } = given;
  return { mechanism, suite, originatorRole, keyExpiresAtSeconds: claims.keyExpiresAtSeconds, reference } as const;
}

function oneWay(input: {
  readonly header: MessageHeader;
  readonly claims: FirstClaims;
  readonly recipientDecryption: Credential;
  readonly message: Uint8Array;
  readonly secret: Secret;
}): TransportedSecret {
  const { header, claims, recipientDecryption, message, secret } = input;
  const { originatorCredential: sign, originatorDecryption: decrypt } = claims;
  const credentials = { originator: { sign, decrypt }, recipient: { decrypt: recipientDecryption } };
  return transportedSecret({ header, ...claims, mode: "one-way", credentials, message, secret });
}

function twoWay(
  parties: {
    readonly begun: ReturnType<typeof beginning>;
    readonly claims: FirstClaims;
    readonly recipientDecryption: Credential;
    readonly recipientSigning: VerifiedCertificate;
  },
  messages: readonly Digest[],
): Agreed {
  const { begun, claims, recipientDecryption, recipientSigning } = parties;
  const { originator, recipient } = claims;
  const { suite, originatorRole } = begun;
  const keyExpiresAtSeconds = Math.min(claims.keyExpiresAtSeconds, recipientSigning.notAfterSeconds);
  const common = { mechanism, suite, originatorRole, originator, recipient } as const;
  const th = hashTranscript({
    ...common,
    mode: "two-way",
    originatorCredentials: { sign: claims.originatorCredential, decrypt: claims.originatorDecryption },
    recipientCredentials: { sign: credentialOf(recipientSigning), decrypt: recipientDecryption },
    messages,
  });
  return { ...common, th, keyExpiresAtSeconds };
}

/** The key of f(k1, k2), with a salt of zeros: both numbers are fresh. */
function keyOf(k1: Secret, k2: Secret): Secret<"link key"> {
  using secret = joinSecrets(k1, k2);
  return extractKey(new Uint8Array(saltBytes), secret);
}
