import type { Suite } from "@sealane/crypto";
import { byteString, type Codec, equalBytes, tuple } from "@sealane/wire";
import { acceptBroadcastClaims, type BroadcastClaims, broadcastFields, makeBroadcastClaims, settleBroadcast } from "../broadcast-claims.ts";
import { makeGroupLink } from "../broadcast-link.ts";
import { encodeMessage, firstHeader, type Message, requireFirst } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type GroupMembership, type GroupReference, groupReferenceCodec, groupReferenceOf } from "../group.ts";
import { maxAgreementValueBytes } from "../limits.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import { type OriginateOptions, type OriginatorContext, type RecipientContext, requireNamed, requireRole } from "../parties.ts";
import { signBody, verifyBody } from "../signed-body.ts";

/**
 * group-broadcast: a signed Diffie-Hellman value for all members of a group.
 *
 * ```text
 * EQ4  server -> members  M1 = S_A(g^n, B, T_A, LC); the members hold the group's exponent x and compute g^(nx)
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): a terminal cannot compute the key unless it holds the exponent, so that is a group
 * secret with id, epoch and end, given over a confidential link; M1 signs them and the fingerprint of g^x; the signature is checked
 * before the secret is touched.
 *
 * Properties: confidential within the group, the originator is named and authenticated, the recipients are not, a broadcast, not
 * forward secret.
 */

/** The signed message, which everybody can read. */
interface Signed extends BroadcastClaims {
  readonly value: Uint8Array;
  readonly recipient: GroupReference;
}

const signedCodec: Codec<Signed> = tuple<Signed>({
  value: byteString({ min: 1, max: maxAgreementValueBytes }),
  recipient: groupReferenceCodec,
  ...broadcastFields,
});

/**
 * Makes M1 and its link: nobody answers.
 * Errors: LINK_FIELD_WRONG (no name, licence or group), LINK_MECHANISM_UNKNOWN, LINK_MESSAGE_TOO_LARGE, CRYPTO_SHARE_WRONG, what the
 * key handle throws.
 */
export async function originateGroupBroadcast(context: OriginatorContext, options: OriginateOptions): Promise<OriginatedLink> {
  const named = requireNamed(context);
  const { self, random } = named;
  requireRole(context, "group-broadcast", "server");
  const { group, suite } = options;
  if (group === undefined) throw linkErrors.error("LINK_FIELD_WRONG", { field: "group" });
  const header = firstHeader("group-broadcast", suite, self.role);
  const { value, shared } = suite.agreement.respond(group.publicValue, random);
  using secret = shared;
  const claims = makeBroadcastClaims(named, options, group.expiresAtSeconds);
  const signed: Signed = { value, recipient: groupReferenceOf(group), ...claims };
  const signature = await signBody({ self, header, sendCertificate: options.sendCertificate !== false }, signedCodec, signed);
  const message = encodeMessage(header, signature);
  return {
    kind: "broadcast",
    message,
    link: makeGroupLink(settleBroadcast({ header, claims: signed, group: signed.recipient, message, secret })),
  };
}

/**
 * Accepts M1 at a member: checks certificate, signature, group, time and replay in this order, and only then uses the group's secret.
 *
 * Errors: LINK_MESSAGE_UNEXPECTED, COSE_*, WIRE_*, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*, CRYPTO_SIGNATURE_WRONG,
 * LINK_GROUP_UNKNOWN, LINK_FIELD_WRONG, those of `verifyFreshness`, LINK_MESSAGE_EXPIRED, LINK_MESSAGE_REPLAYED,
 * LINK_REPLAY_CACHE_FULL, CRYPTO_SHARE_WRONG.
 */
export async function acceptGroupBroadcast(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  requireFirst(message, "group-broadcast", context.self.role);
  const { signed, signer } = await verifyBody(context, header, { signature: message.body, codec: signedCodec });
  const { groupId: group, epoch } = signed.recipient;
  const membership = (await context.groups?.find(signed.recipient)) ?? null;
  if (membership === null || !isMembership(membership, signed.recipient, header.suite)) {
    throw linkErrors.error("LINK_GROUP_UNKNOWN", { group, epoch });
  }
  if (signed.keyExpiresAtSeconds > membership.expiresAtSeconds) throw linkErrors.error("LINK_FIELD_WRONG", { field: "keyExpiresAt" });
  await acceptBroadcastClaims(context, "group-broadcast", { claims: signed, signer });
  using secret = header.suite.agreement.complete(membership.secret, signed.value);
  const state = settleBroadcast({ header, claims: signed, group: signed.recipient, message: message.bytes, secret });
  return { kind: "broadcast", link: makeGroupLink(state), licence: signed.licence };
}

/** Whether a membership is of the very epoch and public value that M1 signs: another group of this id has another, as has another suite. */
function isMembership(membership: GroupMembership, wanted: GroupReference, suite: Suite): boolean {
  const { groupId, epoch, publicDigest } = groupReferenceOf(membership);
  const isSame = groupId === wanted.groupId && epoch === wanted.epoch && equalBytes(publicDigest, wanted.publicDigest);
  return isSame && membership.publicValue.length === suite.agreement.publicBytes;
}
