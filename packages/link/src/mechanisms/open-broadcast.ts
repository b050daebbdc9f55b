import { Secret } from "@sealane/crypto";
import { byteString, type Codec, literal, tuple } from "@sealane/wire";
import { acceptBroadcastClaims, type BroadcastClaims, broadcastFields, makeBroadcastClaims, settleBroadcast } from "../broadcast-claims.ts";
import { type BroadcastState, makePublicLink } from "../broadcast-link.ts";
import { encodeMessage, firstHeader, type Message, type MessageHeader, requireFirst } from "../envelope.ts";
import { everyRecipient } from "../labels.ts";
import { defaultBroadcastSeconds, secretBytes } from "../limits.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import { type OriginateOptions, type OriginatorContext, type RecipientContext, requireNamed } from "../parties.ts";
import { signBody, verifyBody } from "../signed-body.ts";

/**
 * open-broadcast: a signed number for everybody.
 *
 * ```text
 * EQ3       server   -> anyone  M1 = S_A(k, B, T_A, LC)
 * claim 13  terminal -> server  M1 = S_B(k, A, T_B, LC)
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): it gives no secrecy and is never called encrypted; its link has no records, only
 * wrapped content keys of the one licence that it must carry, whose artefact was sealed as public; it always has an end.
 *
 * Properties: public, the originator is named and authenticated, the recipients are not, a broadcast.
 */

/** The signed message, which everybody can read. */
interface Signed extends BroadcastClaims {
  readonly secret: Uint8Array;
  readonly recipient: typeof everyRecipient;
}

const signedCodec: Codec<Signed> = tuple<Signed>({
  secret: byteString({ min: secretBytes, max: secretBytes }),
  recipient: literal(everyRecipient),
  ...broadcastFields,
});

/** Makes M1 and its link: nobody answers. Errors: LINK_FIELD_WRONG (no name, no licence), what the key handle throws. */
export async function originateOpenBroadcast(context: OriginatorContext, options: OriginateOptions): Promise<OriginatedLink> {
  const named = requireNamed(context);
  const { self, random } = named;
  const header = firstHeader("open-broadcast", options.suite, self.role);
  const signed: Signed = { secret: random.bytes(secretBytes), recipient: everyRecipient, ...makeBroadcastClaims(named, options) };
  const signature = await signBody({ self, header, sendCertificate: options.sendCertificate !== false }, signedCodec, signed);
  const message = encodeMessage(header, signature);
  return { kind: "broadcast", message, link: makePublicLink(stateOf(header, signed, message)) };
}

/**
 * Accepts M1 at anyone who hears it: checks certificate, signature, time and replay in this order. It is accepted for 30 minutes, and
 * for longer or shorter where the listener's policy says so.
 *
 * Errors: LINK_MESSAGE_UNEXPECTED, COSE_*, WIRE_*, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*, CRYPTO_SIGNATURE_WRONG,
 * LINK_FIELD_WRONG, those of `verifyFreshness`, LINK_MESSAGE_EXPIRED, LINK_MESSAGE_REPLAYED, LINK_REPLAY_CACHE_FULL.
 */
export async function acceptOpenBroadcast(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  requireFirst(message, "open-broadcast", context.self.role);
  const { signed, signer } = await verifyBody(context, header, { signature: message.body, codec: signedCodec });
  await acceptBroadcastClaims(context, "open-broadcast", { claims: signed, signer, storedSeconds: defaultBroadcastSeconds });
  return { kind: "broadcast", link: makePublicLink(stateOf(header, signed, message.bytes)), licence: signed.licence };
}

/** The number is everybody's; it is wiped here all the same, as every number is. */
function stateOf(header: MessageHeader, signed: Signed, message: Uint8Array): BroadcastState {
  using secret = Secret.take("transported secret", signed.secret);
  return settleBroadcast({ header, claims: signed, group: null, message, secret });
}
