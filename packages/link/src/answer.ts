import { hmac, type Randomness, Secret, type Suite, suiteNumbered, verifyHmac } from "@sealane/crypto";
import {
  byteString,
  bytesAs,
  type Codec,
  decodeAs,
  encodeAs,
  equalBytes,
  literal,
  type Name,
  nameCodec,
  nullable,
  oneOf,
  type TranscriptHash,
  transcriptHash,
  tuple,
  uint,
} from "@sealane/wire";
import { decodeMessage, encodeMessage, otherRole, requireHeader } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { expandKey, extractKey } from "./key-schedule.ts";
import { type MechanismName, mechanismNumbers, purpose, type Role } from "./labels.ts";
import { maxStateBytes, referenceBytes, saltBytes, secretBytes } from "./limits.ts";
import { type ConfidentialLink, makeConfidentialLink, makeUnconfirmedLink, type UnconfirmedLink } from "./link.ts";
import type { LinkState } from "./link-state.ts";

/** The recipient's answer to M1 of a one-message mechanism, and the originator's wait for it (docs/protocol.md, the answer). */

/** What both parties know once M1 was made, or accepted. */
export interface TransportedSecret {
  readonly mechanism: MechanismName;
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly originator: Name | null;
  readonly recipient: Name | null;
  readonly th: TranscriptHash;
  readonly secret: Secret<"transported secret">;
  readonly keyExpiresAtSeconds: number;
  /** Names M1 in its answer. */
  readonly reference: Uint8Array;
}

interface AnswerBody {
  readonly reference: Uint8Array;
  readonly salt: Uint8Array;
  readonly confirmation: Uint8Array;
}

const answerCodec: Codec<AnswerBody> = tuple<AnswerBody>({
  reference: byteString({ min: referenceBytes, max: referenceBytes }),
  salt: byteString({ min: saltBytes, max: saltBytes }),
  confirmation: byteString({ min: 32, max: 32 }),
});

/** Answers an accepted M1: a fresh salt, so that a replayed M1 never makes two links share a key, and proof of the key. */
export function answerTransport(
  accepted: TransportedSecret,
  random: Randomness,
): { readonly answer: Uint8Array; readonly link: UnconfirmedLink } {
  const salt = random.bytes(saltBytes);
  const { link, confirmationKey } = linkOf(accepted, { salt, self: otherRole(accepted.originatorRole) });
  const confirmation = hmac(confirmationKey, accepted.th);
  const { mechanism, suite, reference } = accepted;
  const header = { mechanism, number: 2, sender: otherRole(accepted.originatorRole), suite } as const;
  const answer = encodeMessage(header, answerCodec.toCbor({ reference, salt, confirmation }));
  return { answer, link: makeUnconfirmedLink(link) };
}

/** Which M1 an answer belongs to: 16 bytes; read before anything is verified. Errors: those of `decodeMessage`, WIRE_SHAPE_WRONG. */
export function readReference(answer: Uint8Array): Uint8Array {
  return answerCodec.fromCbor(decodeMessage(answer).body, "answer").reference;
}

/** Makes the wait for an answer, for the mechanisms of this package only. */
export let awaitAnswer: (sent: TransportedSecret) => AwaitedAnswer;

/** An originator that has sent M1 and awaits the answer. */
export class AwaitedAnswer implements Disposable {
  readonly #sent: TransportedSecret;

  private constructor(sent: TransportedSecret) {
    this.#sent = sent;
  }

  static {
    awaitAnswer = (sent) => new AwaitedAnswer(sent);
  }

  /** Reads what {@link save} wrote, in this process or another. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved pending link">): AwaitedAnswer {
    try {
      const state = saved.use((bytes) => decodeAs(savedCodec, bytes, { maxBytes: maxStateBytes, what: "pending link" }));
      const { kind: _, suite, secret, ...rest } = state;
      return new AwaitedAnswer({
        ...rest,
        suite: suiteNumbered(suite),
        secret: Secret.copy("transported secret", secret),
      });
    } catch (cause) {
      throw linkErrors.error("LINK_STATE_WRONG", {}, cause);
    }
  }

  /** The name of M1 that its answer will carry. */
  get reference(): Uint8Array {
    return this.#sent.reference;
  }

  /** The pending state for a store that keeps it encrypted. */
  save(): Secret<"saved pending link"> {
    const { suite, secret, ...rest } = this.#sent;
    return Secret.take(
      "saved pending link",
      secret.use((bytes) => encodeAs(savedCodec, { kind: "pending", ...rest, suite: suite.id, secret: bytes })),
    );
  }

  /**
   * Checks the answer and gives the link; the pending state is used up by a right answer only.
   * Errors: those of `decodeMessage`, LINK_MESSAGE_UNEXPECTED, WIRE_SHAPE_WRONG, LINK_ANSWER_WRONG, LINK_EXPIRED.
   */
  receive(answer: Uint8Array, nowSeconds: number): ConfidentialLink {
    const sent = this.#sent;
    if (nowSeconds > sent.keyExpiresAtSeconds) throw linkErrors.error("LINK_EXPIRED");
    const message = decodeMessage(answer);
    requireHeader(message, { mechanism: sent.mechanism, number: 2, sender: otherRole(sent.originatorRole), suite: sent.suite });
    const body = answerCodec.fromCbor(message.body, "answer");
    if (!equalBytes(body.reference, sent.reference)) throw linkErrors.error("LINK_ANSWER_WRONG");
    const { link, confirmationKey } = linkOf(sent, { salt: body.salt, self: sent.originatorRole });
    try {
      verifyHmac(confirmationKey, sent.th, body.confirmation);
    } catch (cause) {
      throw linkErrors.error("LINK_ANSWER_WRONG", {}, cause);
    }
    sent.secret[Symbol.dispose]();
    return makeConfidentialLink(link);
  }

  [Symbol.dispose](): void {
    this.#sent.secret[Symbol.dispose]();
  }
}

interface SavedPending extends Omit<TransportedSecret, "suite" | "secret"> {
  readonly kind: "pending";
  readonly suite: number;
  readonly secret: Uint8Array;
}

const savedCodec: Codec<SavedPending> = tuple<SavedPending>({
  kind: literal("pending"),
  mechanism: oneOf(Object.keys(mechanismNumbers) as MechanismName[]),
  suite: uint(),
  originatorRole: oneOf(["server", "terminal"] as const),
  originator: nullable(nameCodec),
  recipient: nullable(nameCodec),
  th: bytesAs(transcriptHash),
  secret: byteString({ min: secretBytes, max: secretBytes }),
  keyExpiresAtSeconds: uint(),
  reference: byteString({ min: referenceBytes, max: referenceBytes }),
});

/** PRK = Extract(salt, secret) and the recipient's confirmation key, as both parties compute them. */
function linkOf(
  transported: TransportedSecret,
  end: { readonly salt: Uint8Array; readonly self: Role },
): { readonly link: LinkState; readonly confirmationKey: Uint8Array } {
  const { secret, reference: _, ...common } = transported;
  const prk = extractKey(end.salt, secret);
  const { suite, th } = common;
  const confirmationKey = expandKey(prk, { purpose: purpose.confirmation.recipient, suite, th, length: 32 });
  const link = {
    ...common,
    self: end.self,
    prk: Secret.take("link key", prk),
    sent: 0,
    received: 0,
    wraps: 0,
    confirmed: false,
  };
  return { link, confirmationKey };
}
