import { type Randomness, type Secret, type Suite, sha256 } from "@sealane/crypto";
import { credentialOf, type VerifiedCertificate } from "@sealane/pki";
import {
  byteString,
  bytesAs,
  type Codec,
  equalBytes,
  type Name,
  nameCodec,
  nullable,
  oneOf,
  type TranscriptHash,
  transcriptHash,
  tuple,
  uint,
} from "@sealane/wire";
import { type AwaitedReply, type EstablishedLink, Waiting } from "./awaited.ts";
import type { Claims } from "./claims.ts";
import { referenceCodec } from "./encrypted-body.ts";
import { decodeMessage, encodeMessage, type MessageHeader, otherRole, referenceIn, requireHeader } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { isPast } from "./freshness.ts";
import { type CredentialSet, confirmationBytes, extractKey, hashTranscript, makeConfirmation, verifyConfirmation } from "./key-schedule.ts";
import { type MechanismName, mechanismNumbers, type Role } from "./labels.ts";
import { maxAgreedBytes, saltBytes, secretBytes } from "./limits.ts";
import { makeConfidentialLink, makeUnconfirmedLink, type UnconfirmedLink } from "./link.ts";
import { firstState } from "./link-state.ts";
import type { ContinueContext } from "./parties.ts";
import { loadState, type StateForm, secretCodec, suiteCodec } from "./saved-state.ts";

/** The recipient's answer to M1 of a one-message mechanism, and the originator's wait for it (docs/protocol.md, the answer). */

/** What both parties know once M1 was made, or accepted. */
export interface TransportedSecret {
  readonly mechanism: MechanismName;
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly originator: Name | null;
  readonly recipient: Name | null;
  readonly th: TranscriptHash;
  readonly secret: Secret;
  readonly keyExpiresAtSeconds: number;
  /** Names M1 in its answer. */
  readonly reference: Uint8Array;
}

/** What both ends compute of M1 and the secret that it brings; `reference` and th follow. */
export function transportedSecret(input: {
  readonly header: MessageHeader;
  readonly originator: Name | null;
  readonly recipient: Name | null;
  readonly mode: string | null;
  readonly credentials: { readonly originator: CredentialSet; readonly recipient: CredentialSet };
  readonly message: Uint8Array;
  readonly secret: Secret;
  readonly keyExpiresAtSeconds: number;
}): TransportedSecret {
  const { header, originator, recipient, mode, credentials, message, secret, keyExpiresAtSeconds } = input;
  const common = { mechanism: header.mechanism, suite: header.suite, originatorRole: header.sender, originator, recipient };
  const digest = sha256(message);
  const th = hashTranscript({
    ...common,
    mode,
    originatorCredentials: credentials.originator,
    recipientCredentials: credentials.recipient,
    messages: [digest],
  });
  return { ...common, th, secret, keyExpiresAtSeconds, reference: referenceIn(digest) };
}

/** {@link transportedSecret} of claims whose secret is encrypted to the recipient's decryption key. */
export function claimedTransport(input: {
  readonly header: MessageHeader;
  readonly claims: Claims;
  readonly recipient: VerifiedCertificate;
  readonly message: Uint8Array;
  readonly secret: Secret;
}): TransportedSecret {
  const { header, claims, recipient, message, secret } = input;
  const credentials = { originator: { sign: claims.originatorCredential }, recipient: { decrypt: credentialOf(recipient) } };
  return transportedSecret({ header, ...claims, mode: null, credentials, message, secret });
}

interface AnswerBody {
  readonly reference: Uint8Array;
  readonly salt: Uint8Array;
  readonly confirmation: Uint8Array;
}

const answerCodec: Codec<AnswerBody> = tuple<AnswerBody>({
  reference: referenceCodec,
  salt: byteString({ min: saltBytes, max: saltBytes }),
  confirmation: byteString({ min: confirmationBytes, max: confirmationBytes }),
});

/** Answers an accepted M1: a fresh salt, so that a replayed M1 never makes two links share a key, and proof of the key. */
export function answerTransport(
  accepted: TransportedSecret,
  random: Randomness,
): { readonly reply: Uint8Array; readonly link: UnconfirmedLink } {
  const salt = random.bytes(saltBytes);
  const { mechanism, suite, reference, th, originatorRole } = accepted;
  const self = otherRole(originatorRole);
  const prk = extractKey(salt, accepted.secret);
  const confirmation = makeConfirmation({ whose: "recipient", prk, suite, th });
  const link = makeUnconfirmedLink(firstState(accepted, { self, prk, awaitsConfirmation: true }));
  const header = { mechanism, number: 2, sender: self, suite } as const;
  return { reply: encodeMessage(header, answerCodec.toCbor({ reference, salt, confirmation })), link };
}

const answerForm: StateForm<TransportedSecret> = {
  kind: "answer",
  codec: tuple<TransportedSecret>({
    mechanism: oneOf(Object.keys(mechanismNumbers) as MechanismName[]),
    suite: suiteCodec,
    originatorRole: oneOf(["server", "terminal"] as const),
    originator: nullable(nameCodec),
    recipient: nullable(nameCodec),
    th: bytesAs(transcriptHash),
    secret: secretCodec("transported secret", byteString({ min: secretBytes, max: maxAgreedBytes })),
    keyExpiresAtSeconds: uint(),
    reference: referenceCodec,
  }),
};

/** Makes the wait for an answer, for the mechanisms of this package only. */
export let awaitAnswer: (sent: TransportedSecret) => AwaitedAnswer;

/** An originator that has sent M1 of a one-message mechanism and awaits the answer. */
export class AwaitedAnswer extends Waiting<TransportedSecret> implements AwaitedReply {
  static readonly kind: string = answerForm.kind;

  private constructor(sent: TransportedSecret) {
    super(answerForm, sent);
  }

  static {
    awaitAnswer = (sent) => new AwaitedAnswer(sent);
  }

  /** Reads what {@link save} wrote, in this process or another. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved pending link">): AwaitedAnswer {
    return new AwaitedAnswer(loadState(answerForm, saved));
  }

  get mechanism(): MechanismName {
    return this.state.mechanism;
  }

  /**
   * Checks the answer and gives the link; the pending state is used up by a right answer only.
   * Errors: those of `decodeMessage`, LINK_MESSAGE_UNEXPECTED, WIRE_SHAPE_WRONG, LINK_ANSWER_WRONG, LINK_EXPIRED.
   */
  receive({ freshness }: Pick<ContinueContext, "freshness">, answer: Uint8Array): EstablishedLink & { readonly message: null } {
    const sent = this.state;
    const { mechanism, suite, originatorRole, th } = sent;
    if (isPast(sent.keyExpiresAtSeconds, freshness.nowSeconds)) throw linkErrors.error("LINK_EXPIRED");
    const message = decodeMessage(answer);
    requireHeader(message, { mechanism, number: 2, sender: otherRole(originatorRole), suite });
    const body = answerCodec.fromCbor(message.body, "answer");
    if (!equalBytes(body.reference, sent.reference)) throw linkErrors.error("LINK_ANSWER_WRONG");
    const prk = extractKey(body.salt, sent.secret);
    try {
      verifyConfirmation({ whose: "recipient", prk, suite, th }, body.confirmation);
    } catch (cause) {
      prk[Symbol.dispose]();
      throw linkErrors.error("LINK_ANSWER_WRONG", {}, cause);
    }
    sent.secret[Symbol.dispose]();
    return { link: makeConfidentialLink(firstState(sent, { self: originatorRole, prk, owesConfirmation: true })), message: null };
  }

  [Symbol.dispose](): void {
    this.state.secret[Symbol.dispose]();
  }
}
