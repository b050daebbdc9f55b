import type { Secret } from "@sealane/crypto";
import { credentialOf } from "@sealane/pki";
import { byteString, bytesAs, type Codec, type Name, type Nonce, nameCodec, nonce, nullable, tuple, uint } from "@sealane/wire";
import { type AgreementPeer, agreementPeer, decodeAgreement, encodeAgreement, firstOf, modeOf } from "../agreement-body.ts";
import { answerTransport, awaitAnswer, type TransportedSecret, transportedSecret } from "../answer.ts";
import { acceptKeyLife, freshnessFields, keyExpiryOf, licenceCodec, licenceOf, optionalFreshnessOf } from "../claims.ts";
import { hintedKeys } from "../encrypted-body.ts";
import { firstHeader, type Message, type MessageHeader, requireFirst } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type Freshness, verifyOptionalFreshness } from "../freshness.ts";
import { maxAgreementValueBytes } from "../limits.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import { type OriginateOptions, type OriginatorContext, type RecipientContext, requireSelf } from "../parties.ts";

/**
 * anonymous-agreement: a Diffie-Hellman value from a party without a name, for the recipient's static one.
 *
 * ```text
 * EQ7     terminal -> server    M1 = g^b, or P_A(g^b); A's public value comes from its certificate
 * mirror  server   -> terminal  M1 = g^a, or P_B(g^a): a server that proves nothing of itself
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): values are checked; th binds the recipient's certificate and M1; the answer's salt
 * makes a replay harmless, so nothing is remembered of M1.
 *
 * Properties: confidential, the recipient is authenticated by its answer, the originator is not, not a broadcast; what was recorded
 * stays secret when the originator is taken later, not when the recipient is.
 */

/** What M1 says beside g^y. */
interface Content extends Freshness {
  readonly value: Uint8Array;
  readonly recipient: Name | null;
  readonly nonce: Nonce;
  readonly keyExpiresAtSeconds: number;
  readonly licence: Uint8Array | null;
}

const contentCodec: Codec<Content> = tuple<Content>({
  value: byteString({ min: 1, max: maxAgreementValueBytes }),
  recipient: nullable(nameCodec),
  ...freshnessFields,
  nonce: bytesAs(nonce),
  keyExpiresAtSeconds: uint(),
  licence: licenceCodec,
});

/**
 * Makes M1, which says nothing of its sender, and the wait for its answer.
 * Errors: CRYPTO_SUITE_UNKNOWN, CRYPTO_SHARE_WRONG, LINK_FIELD_WRONG, LINK_MESSAGE_TOO_LARGE.
 */
export function originateAnonymousAgreement(context: OriginatorContext, options: OriginateOptions): OriginatedLink {
  const { self, nowSeconds, random } = context;
  const header = firstHeader("anonymous-agreement", options.suite, self.role);
  const peer = agreementPeer(context, options);
  const { value, shared: secret } = options.suite.agreement.respond(peer.agree.publicKey.raw, random);
  const content: Content = {
    value,
    // In clear it would name a terminal to everybody on the way.
    recipient: peer.decrypt === null || options.omit?.includes("recipient") === true ? null : peer.agree.name,
    ...optionalFreshnessOf(options, nowSeconds),
    nonce: nonce(random.bytes(16)),
    keyExpiresAtSeconds: keyExpiryOf(options, nowSeconds, peer.decrypt === null ? [peer.agree] : [peer.agree, peer.decrypt]),
    licence: licenceOf(options),
  };
  const message = encodeAgreement(header, { peer, random, padded: true }, contentCodec.toCbor(content));
  return { kind: "sent", message, awaited: awaitAnswer(transported({ header, peer, content, message, secret })) };
}

/**
 * Accepts M1 at its recipient: checks name, time, key life and the value, and answers. Nothing is remembered of it.
 * Errors: LINK_MESSAGE_UNEXPECTED, LINK_RECIPIENT_WRONG, LINK_FIELD_WRONG, COSE_*, WIRE_*, those of `verifyOptionalFreshness`,
 * LINK_MESSAGE_EXPIRED, CRYPTO_SHARE_WRONG.
 */
export async function acceptAnonymousAgreement(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const self = requireSelf(context);
  requireFirst(message, "anonymous-agreement", self.role);
  const { keyHint, content: opened, decrypt } = await decodeAgreement(self, message, { padded: true });
  const content = contentCodec.fromCbor(opened, "content");
  const own = firstOf(hintedKeys(self.agreement, { role: self.role, keyHint, kind: header.suite.agreement.keyKind }));
  if (content.recipient !== null && content.recipient !== self.name) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  verifyOptionalFreshness(content, context.freshness);
  const peer: AgreementPeer = { agree: own.certificate, decrypt };
  const certificates = decrypt === null ? [peer.agree] : [peer.agree, decrypt];
  const keyExpiresAtSeconds = acceptKeyLife(content, { peer: [], own: certificates, policy: context.freshness });
  using secret = await own.key.agree(content.value);
  const accepted = transported({ header, peer, content: { ...content, keyExpiresAtSeconds }, message: message.bytes, secret });
  return { kind: "answered", ...answerTransport(accepted, context.random), licence: content.licence };
}

function transported(input: {
  readonly header: MessageHeader;
  readonly peer: AgreementPeer;
  readonly content: Content;
  readonly message: Uint8Array;
  readonly secret: Secret;
}): TransportedSecret {
  const { header, peer, content, message, secret } = input;
  const { agree, decrypt } = peer;
  return transportedSecret({
    header,
    originator: null,
    recipient: agree.name,
    mode: modeOf(peer),
    credentials: {
      originator: {},
      recipient: { agree: credentialOf(agree), ...(decrypt === null ? {} : { decrypt: credentialOf(decrypt) }) },
    },
    message,
    secret,
    keyExpiresAtSeconds: content.keyExpiresAtSeconds,
  });
}
