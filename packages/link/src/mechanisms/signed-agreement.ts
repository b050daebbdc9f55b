import type { Secret } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import { byteString, type Codec, nullable, tuple } from "@sealane/wire";
import { type AgreementPeer, agreementPeer, decodeAgreement, encodeAgreement, firstOf, modeOf } from "../agreement-body.ts";
import { answerTransport, awaitAnswer, type TransportedSecret, transportedSecret } from "../answer.ts";
import { acceptOnce, type Claims, claimsFields, makeClaims, requireIdentities } from "../claims.ts";
import { hintedKeys } from "../encrypted-body.ts";
import { firstHeader, type Message, type MessageHeader, requireFirst } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { maxAgreementValueBytes } from "../limits.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import { type OriginateOptions, type OriginatorContext, type RecipientContext, requireNamed, requireSelf } from "../parties.ts";
import { signBody, verifyBody } from "../signed-body.ts";

/**
 * signed-agreement: a signed Diffie-Hellman value for the recipient's static one.
 *
 * ```text
 * claim 14  terminal -> server    M1 = S_B(g^b, A, T_B, LC), or P_A of it; the signature gives its message back
 * EQ4       server   -> terminal  M1 = S_A(g^n, B, T_A, LC): the broadcast to a group for one terminal
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): recipient and both credentials are signed; values are checked; the answer makes
 * every link's key fresh.
 *
 * Properties: confidential, both parties named (to everybody on the way, unless M1 is encrypted) and authenticated, not a broadcast;
 * what was recorded stays secret when the originator is taken later, not when the recipient is.
 */

/** The signed message, which the signature gives back. */
interface Signed extends Claims {
  readonly value: Uint8Array;
  readonly recipientCredential: Credential;
  /** Of the key that M1 is encrypted to; null where it is plain: nobody else turns one form into the other. */
  readonly recipientDecryption: Credential | null;
}

const signedCodec: Codec<Signed> = tuple<Signed>({
  value: byteString({ min: 1, max: maxAgreementValueBytes }),
  ...claimsFields,
  recipientCredential: credentialCodec,
  recipientDecryption: nullable(credentialCodec),
});

/**
 * Makes M1 and the wait for its answer.
 * Errors: LINK_FIELD_WRONG, CRYPTO_SUITE_UNKNOWN, CRYPTO_SHARE_WRONG, what the key handle throws.
 */
export async function originateSignedAgreement(context: OriginatorContext, options: OriginateOptions): Promise<OriginatedLink> {
  const named = requireNamed(context);
  const { self, random } = named;
  const header = firstHeader("signed-agreement", options.suite, self.role);
  const peer = agreementPeer(context, options);
  const claims = makeClaims(named, options, { recipient: peer.agree, also: peer.decrypt === null ? [] : [peer.decrypt] });
  using unsent = new DisposableStack();
  const { value, shared } = options.suite.agreement.respond(peer.agree.publicKey.raw, random);
  const secret = unsent.use(shared);
  const recipientDecryption = peer.decrypt === null ? null : credentialOf(peer.decrypt);
  const signed: Signed = { value, ...claims, recipientCredential: credentialOf(peer.agree), recipientDecryption };
  const signature = await signBody({ self, header, sendCertificate: options.sendCertificate === true }, signedCodec, signed);
  const message = encodeAgreement(header, { peer, random, padded: false }, signature);
  const awaited = awaitAnswer(transported({ header, peer, claims, message, secret }));
  unsent.move(); // the wait keeps it
  return { kind: "sent", message, awaited };
}

/** Accepts M1 at its recipient. Checks and errors: as of `acceptSignedTransport`; CRYPTO_SHARE_WRONG. */
export async function acceptSignedAgreement(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const self = requireSelf(context);
  requireFirst(message, "signed-agreement", self.role);
  const { keyHint, content: signature, decrypt } = await decodeAgreement(self, message, { padded: false });
  const { signed, signer } = await verifyBody(context, header, { signature, codec: signedCodec });
  const { value, recipientCredential, recipientDecryption, ...claims } = signed;
  const candidates = hintedKeys(self.agreement, { role: self.role, keyHint, kind: header.suite.agreement.keyKind });
  const own = firstOf(candidates.filter(({ certificate }) => equalCredentials(credentialOf(certificate), recipientCredential)));
  const isForm = decrypt === null ? recipientDecryption === null : isCredentialOf(decrypt, recipientDecryption);
  if (!isForm) throw linkErrors.error("LINK_RECIPIENT_WRONG", { field: "recipientDecryption" });
  requireIdentities(claims, { self: self.name, signer });
  const certificates = decrypt === null ? [own.certificate] : [own.certificate, decrypt];
  const keyExpiresAtSeconds = await acceptOnce(context, { mechanism: "signed-agreement", claims, peer: [signer], own: certificates });
  using secret = await own.key.agree(value);
  const peer: AgreementPeer = { agree: own.certificate, decrypt };
  const accepted = transported({ header, peer, claims: { ...claims, keyExpiresAtSeconds }, message: message.bytes, secret });
  return { kind: "answered", ...answerTransport(accepted, context.random), licence: claims.licence };
}

function isCredentialOf(certificate: VerifiedCertificate, credential: Credential | null): boolean {
  return credential !== null && equalCredentials(credentialOf(certificate), credential);
}

function transported(input: {
  readonly header: MessageHeader;
  readonly peer: AgreementPeer;
  readonly claims: Claims;
  readonly message: Uint8Array;
  readonly secret: Secret;
}): TransportedSecret {
  const { header, peer, claims, message, secret } = input;
  const { agree, decrypt } = peer;
  return transportedSecret({
    header,
    ...claims,
    mode: modeOf(peer),
    credentials: {
      originator: { sign: claims.originatorCredential },
      recipient: { agree: credentialOf(agree), ...(decrypt === null ? {} : { decrypt: credentialOf(decrypt) }) },
    },
    message,
    secret,
  });
}
