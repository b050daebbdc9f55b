import { agreementSeedBytes, type Secret, type Suite, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import {
  byteString,
  bytesAs,
  type Codec,
  type Digest,
  digest,
  encodeAs,
  equalBytes,
  type Fields,
  listOf,
  type Name,
  type Nonce,
  nameCodec,
  nonce,
  nullable,
  oneOf,
  tuple,
  uint,
} from "@sealane/wire";
import { type AwaitedReply, type AwaitedThird, type EstablishedLink, nothingVouched, type ThirdContent, Waiting } from "../awaited.ts";
import {
  acceptKeyLife,
  chainCodec,
  findDecryption,
  findSigner,
  freshnessFields,
  freshnessOf,
  keyExpiryOf,
  requireLicenceSize,
  requireOther,
  requireReleaseSize,
  sentTimeFields,
} from "../claims.ts";
import { encryptBody, firstBodyCodec, openBody, referenceCodec } from "../encrypted-body.ts";
import { encodeMessage, firstHeader, type Message, otherRole, referenceOf, requireFirst } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type Freshness, replyTimeFor, type SentTime, verifyFreshness, verifyReplyTime } from "../freshness.ts";
import { extractKey, hashTranscript } from "../key-schedule.ts";
import type { MechanismName, Role } from "../labels.ts";
import { decryptLater, encryptLater, laterHeader, readLater } from "../later-message.ts";
import { maxAgreementValueBytes, maxRecordBytes, saltBytes } from "../limits.ts";
import { type ConfidentialLink, makeConfidentialLink, makeUnconfirmedLink } from "../link.ts";
import { firstState, type LinkState, movedState } from "../link-state.ts";
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
import { signedThirdModes, type ThirdMode, thirdModes } from "../third-mode.ts";
import { openVouching, sealVouching, type Vouching } from "../vouching.ts";

/**
 * mutual-agreement: Diffie-Hellman with fresh values on both sides, each encrypted to the other party.
 *
 * ```text
 * EQ14  originator -> recipient   M1 = P_B(g^a, A, T_A)
 * EQ15  recipient  -> originator  M2 = P_A(g^b, B, T_A, T_B)
 * EQ16  originator -> recipient   M3 = S_A(E_k(software, LC)), k = g^(ab), or one of its variants (vouching.ts)
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): a share of small order with a guessed T_A broke secrecy, and so did signing g^a in
 * clear. Shares are validated; M1 = P_B[A, B, g^a, T_A, N_A], M2 = P_A[B, A, g^b, T_A, N_A, T_B, H(M1)]; M3 signs names, th, form,
 * artefact id and the digests of licence and release, never a share; the recipient's first record begins with its confirmation.
 *
 * Properties: confidential, both parties named to each other only and authenticated, not a broadcast, forward secret once both
 * exponents are erased.
 */

const mechanism = "mutual-agreement";
const shareCodec = byteString({ min: 1, max: maxAgreementValueBytes });

/** Both parties, as M1 names them. */
interface Names {
  readonly originator: Name;
  readonly originatorSigning: Credential;
  readonly originatorDecryption: Credential;
  readonly recipient: Name;
  readonly mode: ThirdMode;
}

const namesFields: Fields<Names> = {
  originator: nameCodec,
  originatorSigning: credentialCodec,
  originatorDecryption: credentialCodec,
  recipient: nameCodec,
  mode: oneOf(thirdModes),
};

interface First extends Names, Freshness {
  readonly share: Uint8Array;
  readonly nonce: Nonce;
  readonly keyExpiresAtSeconds: number;
  readonly signingChain: readonly Uint8Array[] | null;
  readonly decryptionChain: readonly Uint8Array[] | null;
}

const firstCodec: Codec<First> = tuple<First>({
  ...namesFields,
  share: shareCodec,
  ...freshnessFields,
  nonce: bytesAs(nonce),
  keyExpiresAtSeconds: uint(),
  signingChain: chainCodec,
  decryptionChain: chainCodec,
});

interface Second {
  readonly recipient: Name;
  readonly recipientDecryption: Credential;
  readonly originator: Name;
  readonly share: Uint8Array;
  readonly issuedAtSeconds: number | null;
  readonly firstNonce: Nonce;
  readonly repliedAtSeconds: number | null;
  readonly nonce: Nonce;
  readonly firstDigest: Digest;
}

const secondCodec: Codec<Second> = tuple<Second>({
  recipient: nameCodec,
  recipientDecryption: credentialCodec,
  originator: nameCodec,
  share: shareCodec,
  issuedAtSeconds: nullable(uint()),
  firstNonce: bytesAs(nonce),
  repliedAtSeconds: nullable(uint()),
  nonce: bytesAs(nonce),
  firstDigest: bytesAs(digest),
});

/** M3: [reference, records]. */
interface Third {
  readonly reference: Uint8Array;
  readonly records: readonly Uint8Array[];
}

const thirdCodec: Codec<Third> = tuple<Third>({
  reference: referenceCodec,
  records: listOf(byteString({ min: 1, max: maxRecordBytes }), { min: 1, max: 3 }),
});

/**
 * Makes M1 and the wait for M2.
 * Errors: LINK_FIELD_WRONG (no name, or sender and recipient are the same), CRYPTO_SUITE_UNKNOWN.
 */
export function originateMutualAgreement(context: OriginatorContext, options: OriginateOptions): OriginatedLink {
  const { self, nowSeconds, random } = requireNamed(context);
  const { suite, sendCertificate = false } = options;
  const header = firstHeader(mechanism, suite, self.role);
  const recipient = certificateFor({ suite, role: otherRole(self.role), purpose: "decrypt" }, context.recipient);
  const own = ownDecryption(self, suite).certificate;
  const { certificate: signing } = ownSigning(self, suite);
  requireOther(recipient.name, self.name);
  const { publicValue: share, seed } = suite.agreement.generate(random);
  const first: First = {
    originator: self.name,
    originatorSigning: credentialOf(signing),
    originatorDecryption: credentialOf(own),
    recipient: recipient.name,
    mode: options.third ?? "signed",
    share,
    ...freshnessOf(options, nowSeconds),
    nonce: nonce(random.bytes(16)),
    keyExpiresAtSeconds: keyExpiryOf(options, nowSeconds, [signing, own, recipient]),
    signingChain: sendCertificate ? signing.chain : null,
    decryptionChain: sendCertificate ? own.chain : null,
  };
  const message = encodeMessage(header, firstBodyCodec.toCbor(encryptBody(header, { recipient, random }, encodeAs(firstCodec, first))));
  const { originator, originatorSigning, originatorDecryption, mode, keyExpiresAtSeconds } = first;
  const awaited = new AwaitedShare({
    suite,
    originatorRole: self.role,
    originator,
    originatorSigning,
    originatorDecryption,
    recipient: recipient.name,
    recipientDecryption: credentialOf(recipient),
    mode,
    keyExpiresAtSeconds,
    reference: referenceOf(message),
    firstDigest: sha256(message),
    seed,
    issuedAtSeconds: first.issuedAtSeconds,
    expiresAtSeconds: first.expiresAtSeconds,
    nonce: first.nonce,
  });
  return { kind: "sent", message, awaited };
}

/**
 * Accepts M1 at its recipient: opens it, checks names, form, the originator's certificates, time, key life and the share, and makes
 * M2 and the wait for M3. Nothing is proven of the originator yet, and nothing is remembered.
 *
 * Errors: LINK_MESSAGE_UNEXPECTED, LINK_RECIPIENT_WRONG, COSE_*, WIRE_*, LINK_FIELD_WRONG, LINK_MECHANISM_UNKNOWN (the form is not
 * allowed here), LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*, those of `verifyFreshness`, LINK_MESSAGE_EXPIRED, CRYPTO_SHARE_WRONG.
 */
export async function acceptMutualAgreement(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const { suite } = header;
  const { random, freshness } = context;
  const self = requireSelf(context);
  requireFirst(message, mechanism, self.role);
  const body = firstBodyCodec.fromCbor(message.body, "M1");
  const { content: first, recipient: own } = await openBody(self, header, { body, codec: firstCodec });
  const { originator, originatorSigning, originatorDecryption, recipient, mode } = first;
  if (recipient !== self.name) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  requireOther(originator, self.name);
  if (!(context.thirdModes ?? signedThirdModes).includes(mode)) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { third: mode });
  const role = header.sender;
  const opens = { name: originator, credential: originatorDecryption, chain: first.decryptionChain, role, suite };
  const peer = await findDecryption(context, opens);
  const signer = await findSigner(context, { credential: originatorSigning, chain: first.signingChain, role, suite });
  if (signer.name !== originator) throw linkErrors.error("LINK_PEER_WRONG", { field: "originator" });
  verifyFreshness(first, freshness);
  const keyExpiresAtSeconds = acceptKeyLife(first, { peer: [peer, signer], own: [own], policy: freshness });
  const { value: share, shared } = suite.agreement.respond(first.share, random);
  using secret = shared;
  const firstDigest = sha256(message.bytes);
  const recipientDecryption = credentialOf(own);
  const begun = { mechanism, suite, originatorRole: header.sender, keyExpiresAtSeconds, reference: referenceOf(message.bytes) } as const;
  const value: Second = {
    recipient,
    recipientDecryption,
    originator,
    share,
    issuedAtSeconds: first.issuedAtSeconds,
    firstNonce: first.nonce,
    repliedAtSeconds: replyTimeFor(first, freshness),
    nonce: nonce(random.bytes(16)),
    firstDigest,
  };
  const reply = encryptLater(begun, { number: 2, recipient: peer, random }, { codec: secondCodec, value });
  const awaited = new AwaitedVoucher({
    ...begun,
    originator,
    originatorSigning,
    originatorDecryption,
    recipient,
    recipientDecryption,
    mode,
    firstDigest,
    secondDigest: sha256(reply),
    prk: extractKey(new Uint8Array(saltBytes), secret),
    signingChain: first.signingChain,
  });
  return { kind: "waiting", reply, awaited };
}

/** What both waiting parties keep. */
interface Pending extends Names {
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly recipientDecryption: Credential;
  readonly keyExpiresAtSeconds: number;
  readonly reference: Uint8Array;
  readonly firstDigest: Digest;
}

const pendingFields: Fields<Pending> = {
  ...namesFields,
  suite: suiteCodec,
  originatorRole: oneOf(["server", "terminal"] as const),
  recipientDecryption: credentialCodec,
  keyExpiresAtSeconds: uint(),
  reference: referenceCodec,
  firstDigest: bytesAs(digest),
};

interface ShareState extends Pending, SentTime {
  readonly seed: Secret<"agreement seed">;
  readonly nonce: Nonce;
}

const shareForm: StateForm<ShareState> = {
  kind: "mutual-agreement 2",
  codec: tuple<ShareState>({
    ...pendingFields,
    seed: secretCodec("agreement seed", byteString({ min: agreementSeedBytes, max: agreementSeedBytes })),
    ...sentTimeFields,
    nonce: bytesAs(nonce),
  }),
};

interface VoucherState extends Pending {
  readonly secondDigest: Digest;
  readonly prk: Secret<"link key">;
  readonly signingChain: readonly Uint8Array[] | null;
}

const voucherForm: StateForm<VoucherState> = {
  kind: "mutual-agreement 3",
  codec: tuple<VoucherState>({
    ...pendingFields,
    secondDigest: bytesAs(digest),
    prk: secretCodec("link key", byteString({ min: 32, max: 32 })),
    signingChain: chainCodec,
  }),
};

/** An originator that awaits M2 with the other share. */
export class AwaitedShare extends Waiting<ShareState> implements AwaitedReply {
  static readonly kind: string = shareForm.kind;
  readonly mechanism: MechanismName = mechanism;

  constructor(state: ShareState) {
    super(shareForm, state);
  }

  /** Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved pending link">): AwaitedShare {
    return new AwaitedShare(loadState(shareForm, saved));
  }

  /**
   * Checks M2, makes M3 with `content` and the link, which reports nothing as received before the recipient confirmed. A right M2
   * uses the state up, even if the key handle then fails.
   * Errors: LINK_FIELD_WRONG for a licence or release that M3 cannot carry, LINK_STATE_WRONG when the own signing key was renewed; those of
   * `decryptLater`, LINK_ANSWER_WRONG, those of `verifyReplyTime`, CRYPTO_SHARE_WRONG, what the key handle throws.
   */
  async receive(context: ContinueContext, reply: Uint8Array, content: ThirdContent = nothingVouched): Promise<EstablishedLink> {
    const state = this.state;
    const { suite, originator, originatorRole, recipient, firstDigest, reference } = state;
    const self = requireSelf(context);
    if (content.licence !== null) requireLicenceSize(content.licence);
    if (content.release !== null) requireReleaseSize(content.release);
    // Renewed since M1 named it: the recipient would check M3 with the old one.
    if (!equalCredentials(credentialOf(ownSigning(self, suite).certificate), state.originatorSigning))
      throw linkErrors.error("LINK_STATE_WRONG");
    const begun = { mechanism, ...state } as const;
    const second = await decryptLater(context, begun, { number: 2, message: reply, codec: secondCodec, own: state.originatorDecryption });
    const isOurs =
      second.recipient === recipient &&
      second.originator === originator &&
      equalCredentials(second.recipientDecryption, state.recipientDecryption) &&
      second.issuedAtSeconds === state.issuedAtSeconds &&
      equalBytes(second.firstNonce, state.nonce) &&
      equalBytes(second.firstDigest, firstDigest);
    if (!isOurs) throw linkErrors.error("LINK_ANSWER_WRONG");
    verifyReplyTime({ ...state, repliedAtSeconds: second.repliedAtSeconds }, context.freshness);
    using shared = suite.agreement.complete(state.seed, second.share);
    // Used up before anything is awaited: a second M3 with another content would stand under the same key and sequence numbers.
    this[Symbol.dispose]();
    const prk = extractKey(new Uint8Array(saltBytes), shared);
    const link = linkState(state, { secondDigest: sha256(reply), self: originatorRole, prk });
    const vouching: Vouching = { header: laterHeader(begun, 3), mode: state.mode, originator, recipient, state: link };
    const records = await sealVouching(vouching, self, content);
    const message = encodeMessage(vouching.header, thirdCodec.toCbor({ reference, records }));
    return { link: makeUnconfirmedLink({ ...link, sent: records.length, awaitsConfirmation: true }), message };
  }

  [Symbol.dispose](): void {
    this.state.seed[Symbol.dispose]();
  }
}

/** A recipient that awaits M3. */
export class AwaitedVoucher extends Waiting<VoucherState> implements AwaitedThird {
  static readonly kind: string = voucherForm.kind;
  readonly mechanism: MechanismName = mechanism;

  constructor(state: VoucherState) {
    super(voucherForm, state);
  }

  /** Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved pending link">): AwaitedVoucher {
    return new AwaitedVoucher(loadState(voucherForm, saved));
  }

  /** Whose M3 is awaited, unproven. */
  get claimedOriginator(): Name {
    return this.state.originator;
  }

  get third(): ThirdMode {
    return this.state.mode;
  }

  /**
   * Checks M3 and gives the link, whose first record of this party begins with its confirmation.
   * Errors: those of `readLater` and `openVouching`; LINK_ANSWER_WRONG, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*.
   */
  async receive(context: ContinueContext, bytes: Uint8Array): Promise<ThirdContent & { readonly link: ConfidentialLink }> {
    const state = this.state;
    const { originator, recipient, mode, secondDigest, originatorRole } = state;
    const message = readLater({ mechanism, ...state }, 3, { message: bytes, nowSeconds: context.freshness.nowSeconds });
    const { reference, records } = thirdCodec.fromCbor(message.body, "M3");
    if (!equalBytes(reference, state.reference)) throw linkErrors.error("LINK_ANSWER_WRONG");
    const named = { credential: state.originatorSigning, chain: state.signingChain, role: originatorRole, suite: state.suite };
    const signer: VerifiedCertificate = await findSigner(context, named);
    const link = linkState(state, { secondDigest, self: otherRole(originatorRole), prk: state.prk });
    const content = openVouching({ header: message.header, mode, originator, recipient, state: link }, signer, records);
    return { ...content, link: makeConfidentialLink({ ...movedState(link), received: records.length, owesConfirmation: true }) };
  }

  [Symbol.dispose](): void {
    this.state.prk[Symbol.dispose]();
  }
}

/** The link of g^(ab) as both parties see it. */
function linkState(
  state: Pending,
  end: { readonly secondDigest: Digest; readonly self: Role; readonly prk: Secret<"link key"> },
): LinkState {
  const { suite, originatorRole, originator, recipient, mode, keyExpiresAtSeconds, firstDigest } = state;
  const common = { mechanism, suite, originatorRole, originator, recipient } as const;
  const th = hashTranscript({
    ...common,
    mode,
    originatorCredentials: { sign: state.originatorSigning, decrypt: state.originatorDecryption },
    recipientCredentials: { decrypt: state.recipientDecryption },
    messages: [firstDigest, end.secondDigest],
  });
  return firstState({ ...common, th, keyExpiresAtSeconds }, { self: end.self, prk: end.prk });
}
