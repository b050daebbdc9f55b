import { sign1, verifySign1 } from "@sealane/cose";
import { Secret } from "@sealane/crypto";
import { credentialCodec, credentialOf, type VerifiedCertificate } from "@sealane/pki";
import { anyValue, byteString, type CborValue, type Codec, encode, encodeAs, tuple } from "@sealane/wire";
import { answerTransport, awaitAnswer, claimedTransport } from "../answer.ts";
import {
  acceptOnce,
  type Claims,
  chainCodec,
  claimsCodec,
  claimsFields,
  digestOfSecret,
  findSigner,
  makeClaims,
  requireIdentities,
} from "../claims.ts";
import { encryptBody, firstBodyCodec, openBody } from "../encrypted-body.ts";
import { encodeMessage, externalAad, firstHeader, type Message, otherRole, requireFirst } from "../envelope.ts";
import { secretBytes } from "../limits.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import {
  certificateFor,
  type OriginateOptions,
  type OriginatorContext,
  ownSigning,
  type RecipientContext,
  requireNamed,
  requireSelf,
} from "../parties.ts";

/**
 * signed-transport: a signed secret number, encrypted to its recipient.
 *
 * ```text
 * EQ1  server   -> terminal  M1 = P_B(k, B, T_A, S_A(k, B, T_A, LC))
 * EQ5  terminal -> server    M1 = P_A(k, A, T_B, S_B(k, A, T_B, LC))
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): the recipient's name and both credentials are always signed, so that a
 * recipient cannot forward the signature under a new encryption; LC is sent as well as signed; a digest of k is signed in its
 * place (claim 5), so that showing the signature reveals nothing; the answer makes every link's key fresh.
 *
 * Properties: confidential, both parties named and authenticated, not anonymous, not a broadcast, not forward secret.
 */

/** The plaintext of P_X: k, the claims, and the signature over a digest of k and the claims. */
interface Content extends Claims {
  readonly secret: Uint8Array;
  readonly chain: readonly Uint8Array[] | null;
  readonly signature: CborValue;
}

const contentCodec: Codec<Content> = tuple<Content>({
  secret: byteString({ min: secretBytes, max: secretBytes }),
  ...claimsFields,
  chain: chainCodec,
  signature: anyValue,
});

/**
 * Makes M1 and the wait for its answer.
 * Errors: LINK_FIELD_WRONG (no name, or sender and recipient are the same), CRYPTO_SUITE_UNKNOWN (the recipient has no key for the
 * suite), what the key handle throws.
 */
export async function originateSignedTransport(context: OriginatorContext, options: OriginateOptions): Promise<OriginatedLink> {
  const named = requireNamed(context);
  const { self, random } = named;
  const header = firstHeader("signed-transport", options.suite, self.role);
  const recipient = certificateFor({ suite: options.suite, role: otherRole(self.role), purpose: "decrypt" }, context.recipient);
  const claims = makeClaims(named, options, { recipient });
  using unsent = new DisposableStack();
  const secret = unsent.use(Secret.take("transported secret", random.bytes(secretBytes)));
  const payload = secret.use((bytes) => signedPayload(bytes, claims, recipient));
  const { key, certificate } = ownSigning(self, options.suite);
  const signature = await sign1(key, { payload, detached: true, externalAad: externalAad(header) });
  const chain = options.sendCertificate === true ? certificate.chain : null;
  const plaintext = secret.use((bytes) => encodeAs(contentCodec, { ...claims, secret: bytes, chain, signature }));
  const message = encodeMessage(header, firstBodyCodec.toCbor(encryptBody(header, { recipient, random }, plaintext)));
  const awaited = awaitAnswer(claimedTransport({ header, claims, recipient, message, secret }));
  unsent.move(); // the wait keeps it
  return { kind: "sent", message, awaited };
}

/**
 * Accepts M1 at its recipient: opens it, checks certificate, signature, names, time and replay in this order, and answers.
 *
 * Errors: LINK_MESSAGE_UNEXPECTED, LINK_RECIPIENT_WRONG, COSE_*, WIRE_*, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*,
 * CRYPTO_SIGNATURE_WRONG, LINK_FIELD_WRONG, those of `verifyFreshness`, LINK_MESSAGE_EXPIRED, LINK_MESSAGE_REPLAYED,
 * LINK_REPLAY_CACHE_FULL.
 */
export async function acceptSignedTransport(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const self = requireSelf(context);
  requireFirst(message, "signed-transport", self.role);
  const body = firstBodyCodec.fromCbor(message.body, "M1");
  const { content, recipient } = await openBody(self, header, { body, codec: contentCodec });
  const { chain, signature, secret: bytes, ...claims } = content;
  using secret = Secret.take("transported secret", bytes);
  const signer = await findSigner(context, { credential: claims.originatorCredential, chain, role: header.sender, suite: header.suite });
  const payload = secret.use((bytes) => signedPayload(bytes, claims, recipient));
  verifySign1(signature, { publicKey: signer.publicKey, externalAad: externalAad(header), detachedPayload: payload });
  requireIdentities(claims, { self: self.name, signer });
  const keyExpiresAtSeconds = await acceptOnce(context, { mechanism: "signed-transport", claims, peer: [signer], own: [recipient] });
  const accepted = claimedTransport({ header, claims: { ...claims, keyExpiresAtSeconds }, recipient, message: message.bytes, secret });
  return { kind: "answered", ...answerTransport(accepted, context.random), licence: claims.licence };
}

/** The signed bytes: a digest of k, the claims, and the credential of the key that M1 is encrypted to, which M1 does not carry. */
function signedPayload(secret: Uint8Array, claims: Claims, recipient: VerifiedCertificate): Uint8Array {
  return encode([digestOfSecret(secret), claimsCodec.toCbor(claims), credentialCodec.toCbor(credentialOf(recipient))]);
}
