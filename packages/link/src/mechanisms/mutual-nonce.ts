import { Secret, type Suite, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, equalCredentials } from "@sealane/pki";
import {
  byteString,
  bytesAs,
  type Codec,
  type Digest,
  digest,
  encode,
  encodeAs,
  equalBytes,
  type Fields,
  type Name,
  type Nonce,
  nameCodec,
  nonce,
  nullable,
  oneOf,
  tuple,
  uint,
} from "@sealane/wire";
import { type AwaitedReply, type AwaitedThird, type EstablishedLink, type ThirdContent, Waiting } from "../awaited.ts";
import {
  acceptKeyLife,
  chainCodec,
  findDecryption,
  freshnessFields,
  freshnessOf,
  keyExpiryOf,
  licenceCodec,
  licenceOf,
  requireOther,
  sentTimeFields,
} from "../claims.ts";
import { encryptBody, firstBodyCodec, openBody, referenceCodec } from "../encrypted-body.ts";
import { encodeMessage, firstHeader, type Message, otherRole, referenceOf, requireFirst } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type Freshness, replyTimeFor, type SentTime, verifyFreshness, verifyReplyTime } from "../freshness.ts";
import { equalSecrets, extractKey, hashTranscript, joinSecrets } from "../key-schedule.ts";
import type { MechanismName, Role } from "../labels.ts";
import { decryptLater, encryptLater } from "../later-message.ts";
import { saltBytes, secretBytes } from "../limits.ts";
import { type ConfidentialLink, makeConfidentialLink } from "../link.ts";
import { firstState } from "../link-state.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import {
  type ContinueContext,
  certificateFor,
  type OriginateOptions,
  type OriginatorContext,
  ownDecryption,
  type RecipientContext,
  requireNamed,
  requireSelf,
} from "../parties.ts";
import { loadState, type StateForm, secretCodec, suiteCodec } from "../saved-state.ts";

/**
 * mutual-nonce: both parties prove by opening what was encrypted to them, without a signature.
 *
 * ```text
 * EQ8   originator -> recipient   M1 = P_B(k1, A, T_A)
 * EQ9   recipient  -> originator  M2 = P_A(k1, k2)
 * EQ10  originator -> recipient   M3 = P_B(k2);  the key is f(k1, k2)
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): Eq 9 lacks B's name, so that B can be made to answer a message that was meant for
 * somebody else (Lowe). M1 = P_B[A, B, k1, T], M2 = P_A[B, A, k1, k2, H(M1)], M3 = P_B[A, B, k2, H(M1, M2)]; f is Extract.
 * Certificates may travel in M1. Nothing is remembered of M1: it has no effect before M3.
 *
 * Properties: confidential, both parties named to each other only, not a broadcast, not forward secret. Whoever steals a decryption
 * key can pose to its owner as its peer.
 */

const mechanism = "mutual-nonce";
const numberCodec = byteString({ min: secretBytes, max: secretBytes });

/** Both parties, as every message names them: the originator's credential too, for M2 is encrypted to it. */
interface Names {
  readonly originator: Name;
  readonly originatorCredential: Credential;
  readonly recipient: Name;
}

const namesFields: Fields<Names> = { originator: nameCodec, originatorCredential: credentialCodec, recipient: nameCodec };

interface First extends Names, Freshness {
  readonly k1: Uint8Array;
  readonly nonce: Nonce;
  readonly keyExpiresAtSeconds: number;
  readonly licence: Uint8Array | null;
  readonly chain: readonly Uint8Array[] | null;
}

const firstCodec: Codec<First> = tuple<First>({
  ...namesFields,
  k1: numberCodec,
  ...freshnessFields,
  nonce: bytesAs(nonce),
  keyExpiresAtSeconds: uint(),
  licence: licenceCodec,
  chain: chainCodec,
});

interface Second {
  readonly recipient: Name;
  readonly recipientCredential: Credential;
  readonly originator: Name;
  readonly k1: Uint8Array;
  readonly k2: Uint8Array;
  readonly firstDigest: Digest;
  readonly repliedAtSeconds: number | null;
}

const secondCodec: Codec<Second> = tuple<Second>({
  recipient: nameCodec,
  recipientCredential: credentialCodec,
  originator: nameCodec,
  k1: numberCodec,
  k2: numberCodec,
  firstDigest: bytesAs(digest),
  repliedAtSeconds: nullable(uint()),
});

interface Third {
  readonly originator: Name;
  readonly recipient: Name;
  readonly k2: Uint8Array;
  /** H of both digests. */
  readonly messagesDigest: Digest;
}

const thirdCodec: Codec<Third> = tuple<Third>({
  originator: nameCodec,
  recipient: nameCodec,
  k2: numberCodec,
  messagesDigest: bytesAs(digest),
});

/**
 * Makes M1 and the wait for M2.
 * Errors: LINK_FIELD_WRONG (no name, or sender and recipient are the same), CRYPTO_SUITE_UNKNOWN.
 */
export function originateMutualNonce(context: OriginatorContext, options: OriginateOptions): OriginatedLink {
  const { self, nowSeconds, random } = requireNamed(context);
  const { suite } = options;
  const header = firstHeader(mechanism, suite, self.role);
  const recipient = certificateFor({ suite, role: otherRole(self.role), purpose: "decrypt" }, context.recipient);
  const own = ownDecryption(self, suite).certificate;
  requireOther(recipient.name, self.name);
  const k1 = random.bytes(secretBytes);
  const first: First = {
    originator: self.name,
    originatorCredential: credentialOf(own),
    recipient: recipient.name,
    k1,
    ...freshnessOf(options, nowSeconds),
    nonce: nonce(random.bytes(16)),
    keyExpiresAtSeconds: keyExpiryOf(options, nowSeconds, [own, recipient]),
    licence: licenceOf(options),
    chain: options.sendCertificate === true ? own.chain : null,
  };
  const message = encodeMessage(header, firstBodyCodec.toCbor(encryptBody(header, { recipient, random }, encodeAs(firstCodec, first))));
  const awaited = new AwaitedEcho({
    suite,
    originatorRole: self.role,
    originator: self.name,
    originatorCredential: credentialOf(own),
    recipient: recipient.name,
    recipientCredential: credentialOf(recipient),
    k1: Secret.take("k1", k1),
    issuedAtSeconds: first.issuedAtSeconds,
    expiresAtSeconds: first.expiresAtSeconds,
    recipientChain: recipient.chain,
    keyExpiresAtSeconds: first.keyExpiresAtSeconds,
    reference: referenceOf(message),
    firstDigest: sha256(message),
  });
  return { kind: "sent", message, awaited };
}

/**
 * Accepts M1 at its recipient: opens it, checks names, the originator's certificate, time and key life, and makes M2 and the wait
 * for M3. Nothing is proven of the originator yet, and nothing is remembered.
 *
 * Errors: LINK_MESSAGE_UNEXPECTED, LINK_RECIPIENT_WRONG, COSE_*, WIRE_*, LINK_FIELD_WRONG, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*,
 * those of `verifyFreshness`, LINK_MESSAGE_EXPIRED.
 */
export async function acceptMutualNonce(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const { suite } = header;
  const { random, freshness } = context;
  const self = requireSelf(context);
  requireFirst(message, mechanism, self.role);
  const body = firstBodyCodec.fromCbor(message.body, "M1");
  const { content: first, recipient: own } = await openBody(self, header, { body, codec: firstCodec });
  const { originator, originatorCredential, recipient, licence } = first;
  using k1 = Secret.take("k1", first.k1);
  if (recipient !== self.name) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  requireOther(originator, self.name);
  const named = { name: originator, credential: originatorCredential, chain: first.chain, role: header.sender, suite };
  const peer = await findDecryption(context, named);
  verifyFreshness(first, freshness);
  const keyExpiresAtSeconds = acceptKeyLife(first, { peer: [peer], own: [own], policy: freshness });
  const k2 = random.bytes(secretBytes);
  const firstDigest = sha256(message.bytes);
  const recipientCredential = credentialOf(own);
  const repliedAtSeconds = replyTimeFor(first, freshness);
  const value: Second = { recipient, recipientCredential, originator, k1: first.k1, k2, firstDigest, repliedAtSeconds };
  const begun = { mechanism, suite, originatorRole: header.sender, keyExpiresAtSeconds, reference: referenceOf(message.bytes) } as const;
  const reply = encryptLater(begun, { number: 2, recipient: peer, random }, { codec: secondCodec, value });
  const awaited = new AwaitedProof({
    ...begun,
    originator,
    originatorCredential,
    recipient,
    recipientCredential,
    k1: k1.use((bytes) => Secret.copy("k1", bytes)),
    k2: Secret.take("k2", k2),
    firstDigest,
    secondDigest: sha256(reply),
    licence,
  });
  return { kind: "waiting", reply, awaited };
}

/** What both waiting parties keep. */
interface Pending extends Names {
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly recipientCredential: Credential;
  readonly k1: Secret<"k1">;
  readonly keyExpiresAtSeconds: number;
  readonly reference: Uint8Array;
  readonly firstDigest: Digest;
}

const pendingFields: Fields<Pending> = {
  ...namesFields,
  suite: suiteCodec,
  originatorRole: oneOf(["server", "terminal"] as const),
  recipientCredential: credentialCodec,
  k1: secretCodec("k1", numberCodec),
  keyExpiresAtSeconds: uint(),
  reference: referenceCodec,
  firstDigest: bytesAs(digest),
};

interface EchoState extends Pending, SentTime {
  /** Of the certificate that M1 was encrypted to, as M3 will be. */
  readonly recipientChain: readonly Uint8Array[] | null;
}

const echoForm: StateForm<EchoState> = {
  kind: "mutual-nonce 2",
  codec: tuple<EchoState>({ ...pendingFields, ...sentTimeFields, recipientChain: chainCodec }),
};

interface ProofState extends Pending {
  readonly k2: Secret<"k2">;
  readonly secondDigest: Digest;
  readonly licence: Uint8Array | null;
}

const proofForm: StateForm<ProofState> = {
  kind: "mutual-nonce 3",
  codec: tuple<ProofState>({
    ...pendingFields,
    k2: secretCodec("k2", numberCodec),
    secondDigest: bytesAs(digest),
    licence: licenceCodec,
  }),
};

/** An originator that awaits M2, which must give k1 back. */
export class AwaitedEcho extends Waiting<EchoState> implements AwaitedReply {
  static readonly kind: string = echoForm.kind;
  readonly mechanism: MechanismName = mechanism;

  constructor(state: EchoState) {
    super(echoForm, state);
  }

  /** Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved pending link">): AwaitedEcho {
    return new AwaitedEcho(loadState(echoForm, saved));
  }

  /**
   * Checks M2, makes M3 and the link.
   * Errors: those of `decodeMessage`, LINK_MESSAGE_UNEXPECTED, LINK_EXPIRED, LINK_RECIPIENT_WRONG, COSE_*, WIRE_*, LINK_ANSWER_WRONG,
   * LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*, those of `verifyReplyTime`.
   */
  async receive(context: ContinueContext, reply: Uint8Array): Promise<EstablishedLink> {
    const state = this.state;
    const { suite, recipient, recipientCredential: credential, recipientChain: chain, originator, originatorRole } = state;
    const second = await decryptLater(
      context,
      { mechanism, ...state },
      { number: 2, message: reply, codec: secondCodec, own: state.originatorCredential },
    );
    using echoed = Secret.take("k1", second.k1);
    using k2 = Secret.take("k2", second.k2);
    const isOurs =
      second.recipient === recipient &&
      second.originator === originator &&
      equalCredentials(second.recipientCredential, credential) &&
      equalSecrets(state.k1, echoed) &&
      equalBytes(second.firstDigest, state.firstDigest);
    if (!isOurs) throw linkErrors.error("LINK_ANSWER_WRONG");
    verifyReplyTime({ ...state, repliedAtSeconds: second.repliedAtSeconds }, context.freshness);
    const peer = await findDecryption(context, { name: recipient, credential, chain, role: otherRole(originatorRole), suite });
    const secondDigest = sha256(reply);
    const messagesDigest = digestOfBoth(state.firstDigest, secondDigest);
    const value: Third = { originator, recipient, k2: second.k2, messagesDigest };
    const to = { number: 3, recipient: peer, random: context.random } as const;
    const message = encryptLater({ mechanism, ...state }, to, { codec: thirdCodec, value });
    const link = linkOf(state, { self: originatorRole, k2, messages: [state.firstDigest, secondDigest, sha256(message)] });
    state.k1[Symbol.dispose]();
    return { link, message };
  }

  [Symbol.dispose](): void {
    this.state.k1[Symbol.dispose]();
  }
}

/** A recipient that awaits M3, which must give k2 back. */
export class AwaitedProof extends Waiting<ProofState> implements AwaitedThird {
  static readonly kind: string = proofForm.kind;
  readonly mechanism: MechanismName = mechanism;
  readonly third = null;

  constructor(state: ProofState) {
    super(proofForm, state);
  }

  /** Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved pending link">): AwaitedProof {
    return new AwaitedProof(loadState(proofForm, saved));
  }

  /** Whose M3 is awaited, unproven. */
  get claimedOriginator(): Name {
    return this.state.originator;
  }

  /**
   * Checks M3 and gives the link.
   * Errors: those of `decodeMessage`, LINK_MESSAGE_UNEXPECTED, LINK_EXPIRED, LINK_RECIPIENT_WRONG, COSE_*, WIRE_*, LINK_ANSWER_WRONG.
   */
  async receive(context: ContinueContext, message: Uint8Array): Promise<ThirdContent & { readonly link: ConfidentialLink }> {
    const state = this.state;
    const { originator, originatorRole, recipient, firstDigest, secondDigest, licence } = state;
    const third = await decryptLater(
      context,
      { mechanism, ...state },
      { number: 3, message, codec: thirdCodec, own: state.recipientCredential },
    );
    using echoed = Secret.take("k2", third.k2);
    const isOurs =
      third.originator === originator &&
      third.recipient === recipient &&
      equalSecrets(state.k2, echoed) &&
      equalBytes(third.messagesDigest, digestOfBoth(firstDigest, secondDigest));
    if (!isOurs) throw linkErrors.error("LINK_ANSWER_WRONG");
    const link = linkOf(state, { self: otherRole(originatorRole), k2: state.k2, messages: [firstDigest, secondDigest, sha256(message)] });
    this[Symbol.dispose]();
    return { link, artefactId: null, licence, release: null };
  }

  [Symbol.dispose](): void {
    this.state.k1[Symbol.dispose]();
    this.state.k2[Symbol.dispose]();
  }
}

function digestOfBoth(first: Digest, second: Digest): Digest {
  return sha256(encode([first, second]));
}

/** The link of f(k1, k2); both have proved that they hold both numbers, so that no record begins with a confirmation. */
function linkOf(state: Pending, end: { readonly self: Role; readonly k2: Secret; readonly messages: readonly Digest[] }): ConfidentialLink {
  const { suite, originatorRole, originator, recipient, keyExpiresAtSeconds } = state;
  const common = { mechanism, suite, originatorRole, originator, recipient } as const;
  const th = hashTranscript({
    ...common,
    mode: null,
    originatorCredentials: { decrypt: state.originatorCredential },
    recipientCredentials: { decrypt: state.recipientCredential },
    messages: end.messages,
  });
  using secret = joinSecrets(state.k1, end.k2);
  const prk = extractKey(new Uint8Array(saltBytes), secret);
  return makeConfidentialLink(firstState({ ...common, th, keyExpiresAtSeconds }, { self: end.self, prk }));
}
