import { Secret } from "@sealane/crypto";
import { credentialOf, type VerifiedCertificate } from "@sealane/pki";
import { byteString, bytesAs, type Codec, encodeAs, type Name, type Nonce, nameCodec, nonce, nullable, tuple, uint } from "@sealane/wire";
import { answerTransport, awaitAnswer, type TransportedSecret, transportedSecret } from "../answer.ts";
import { acceptKeyLife, freshnessFields, keyExpiryOf, licenceCodec, licenceOf, optionalFreshnessOf } from "../claims.ts";
import { encryptBody, firstBodyCodec, openBody } from "../encrypted-body.ts";
import { encodeMessage, firstHeader, type Message, type MessageHeader, otherRole, requireFirst } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type Freshness, verifyOptionalFreshness } from "../freshness.ts";
import { secretBytes } from "../limits.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import {
  certificateFor,
  type OriginateOptions,
  type OriginatorContext,
  type RecipientContext,
  requireRole,
  requireSelf,
} from "../parties.ts";

/**
 * anonymous-transport: a secret number from a party without a name, encrypted to its recipient.
 *
 * ```text
 * EQ6  terminal -> server  M1 = P_A(k, A, T_B, LC)
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): the answer's salt makes a replay harmless, so nothing is remembered of M1, which
 * could tell one sender from another; every M1 of one suite without a licence is equally long (padding.ts).
 *
 * Properties: confidential, the recipient is authenticated by its answer, the originator is not, not a broadcast, not forward secret.
 */

/** The plaintext of P_X. */
interface Content extends Freshness {
  readonly secret: Uint8Array;
  readonly recipient: Name | null;
  readonly nonce: Nonce;
  readonly keyExpiresAtSeconds: number;
  readonly licence: Uint8Array | null;
}

const contentCodec: Codec<Content> = tuple<Content>({
  secret: byteString({ min: secretBytes, max: secretBytes }),
  recipient: nullable(nameCodec),
  ...freshnessFields,
  nonce: bytesAs(nonce),
  keyExpiresAtSeconds: uint(),
  licence: licenceCodec,
});

/** Makes M1, which says nothing of its sender, and the wait for its answer. Errors: LINK_MECHANISM_UNKNOWN, CRYPTO_SUITE_UNKNOWN, LINK_FIELD_WRONG, LINK_MESSAGE_TOO_LARGE. */
export function originateAnonymousTransport(context: OriginatorContext, options: OriginateOptions): OriginatedLink {
  const { self, nowSeconds, random } = context;
  requireRole(context, "anonymous-transport", "terminal");
  const header = firstHeader("anonymous-transport", options.suite, self.role);
  const recipient = certificateFor({ suite: options.suite, role: otherRole(self.role), purpose: "decrypt" }, context.recipient);
  const secret = Secret.take("transported secret", random.bytes(secretBytes));
  const keyExpiresAtSeconds = keyExpiryOf(options, nowSeconds, [recipient]);
  const plaintext = secret.use((bytes) =>
    encodeAs(contentCodec, {
      secret: bytes,
      recipient: options.omit?.includes("recipient") === true ? null : recipient.name,
      ...optionalFreshnessOf(options, nowSeconds),
      nonce: nonce(random.bytes(16)),
      keyExpiresAtSeconds,
      licence: licenceOf(options),
    }),
  );
  const message = encodeMessage(header, firstBodyCodec.toCbor(encryptBody(header, { recipient, random, paddedFor: 0 }, plaintext)));
  return { kind: "sent", message, awaited: awaitAnswer(transported({ header, recipient, message, secret, keyExpiresAtSeconds })) };
}

/**
 * Accepts M1 at its recipient: opens it, checks name, time and key life, and answers. Nothing is remembered of it.
 * Errors: LINK_MESSAGE_UNEXPECTED, LINK_RECIPIENT_WRONG, COSE_*, WIRE_*, those of `verifyOptionalFreshness`, LINK_FIELD_WRONG,
 * LINK_MESSAGE_EXPIRED.
 */
export async function acceptAnonymousTransport(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const self = requireSelf(context);
  requireFirst(message, "anonymous-transport", self.role);
  const body = firstBodyCodec.fromCbor(message.body, "M1");
  const { content, recipient } = await openBody(self, header, { body, codec: contentCodec, paddedFor: 0 });
  using secret = Secret.take("transported secret", content.secret);
  const { licence } = content;
  if (content.recipient !== null && content.recipient !== self.name) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  verifyOptionalFreshness(content, context.freshness);
  const keyExpiresAtSeconds = acceptKeyLife(content, { peer: [], own: [recipient], policy: context.freshness });
  const accepted = transported({ header, recipient, message: message.bytes, secret, keyExpiresAtSeconds });
  return { kind: "answered", ...answerTransport(accepted, context.random), licence };
}

function transported(input: {
  readonly header: MessageHeader;
  readonly recipient: VerifiedCertificate;
  readonly message: Uint8Array;
  readonly secret: Secret;
  readonly keyExpiresAtSeconds: number;
}): TransportedSecret {
  const { recipient } = input;
  const credentials = { originator: {}, recipient: { decrypt: credentialOf(recipient) } };
  return transportedSecret({ ...input, originator: null, recipient: recipient.name, mode: null, credentials });
}
