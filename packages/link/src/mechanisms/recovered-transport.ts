import { Secret } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, equalCredentials } from "@sealane/pki";
import { anyValue, byteString, type Codec, encode, tuple } from "@sealane/wire";
import { answerTransport, awaitAnswer, claimedTransport } from "../answer.ts";
import { wipeSignature } from "../attached-signature.ts";
import { acceptOnce, type Claims, claimsFields, makeClaims, requireIdentities } from "../claims.ts";
import { encryptBody, firstBodyCodec, openBody } from "../encrypted-body.ts";
import { encodeMessage, firstHeader, type Message, otherRole, requireFirst } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { secretBytes } from "../limits.ts";
import type { AcceptedLink, OriginatedLink } from "../mechanism.ts";
import {
  certificateFor,
  type OriginateOptions,
  type OriginatorContext,
  type RecipientContext,
  requireNamed,
  requireSelf,
} from "../parties.ts";
import { signBody, verifyBody } from "../signed-body.ts";

/**
 * recovered-transport: a signature that gives its message back, encrypted to its recipient.
 *
 * ```text
 * EQ2  server   -> terminal  M1 = P_B(S_A(k, B, T_A, LC))
 * EQ5  terminal -> server    M1 = P_A(S_B(k, A, T_B, LC))
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): as of signed-transport, but k itself is signed, for the signature is all that is
 * sent: whoever shows it as evidence reveals k.
 *
 * Properties: confidential, both parties named and authenticated, not anonymous, not a broadcast, not forward secret.
 */

/** The signed message, which the signature gives back. */
interface Signed extends Claims {
  readonly secret: Uint8Array;
  readonly recipientCredential: Credential;
}

const signedCodec: Codec<Signed> = tuple<Signed>({
  secret: byteString({ min: secretBytes, max: secretBytes }),
  ...claimsFields,
  recipientCredential: credentialCodec,
});

/** Makes M1 and the wait for its answer. Errors: as of `originateSignedTransport`. */
export async function originateRecoveredTransport(context: OriginatorContext, options: OriginateOptions): Promise<OriginatedLink> {
  const named = requireNamed(context);
  const { self, random } = named;
  const header = firstHeader("recovered-transport", options.suite, self.role);
  const recipient = certificateFor({ suite: options.suite, role: otherRole(self.role), purpose: "decrypt" }, context.recipient);
  const claims = makeClaims(named, options, { recipient });
  using unsent = new DisposableStack();
  const bytes = random.bytes(secretBytes);
  const secret = unsent.use(Secret.take("transported secret", bytes));
  const signed: Signed = { ...claims, secret: bytes, recipientCredential: credentialOf(recipient) };
  const signature = await signBody({ self, header, sendCertificate: options.sendCertificate === true }, signedCodec, signed);
  const encrypted = encryptBody(header, { recipient, random }, encode(signature));
  wipeSignature(signature);
  const message = encodeMessage(header, firstBodyCodec.toCbor(encrypted));
  const awaited = awaitAnswer(claimedTransport({ header, claims, recipient, message, secret }));
  unsent.move(); // the wait keeps it
  return { kind: "sent", message, awaited };
}

/** Accepts M1 at its recipient. Checks and errors: as of `acceptSignedTransport`. */
export async function acceptRecoveredTransport(context: RecipientContext, message: Message): Promise<AcceptedLink> {
  const { header } = message;
  const self = requireSelf(context);
  requireFirst(message, "recovered-transport", self.role);
  const body = firstBodyCodec.fromCbor(message.body, "M1");
  const { content: signature, recipient } = await openBody(self, header, { body, codec: anyValue });
  using opened = new DisposableStack();
  opened.defer(() => wipeSignature(signature));
  const { signed, signer } = await verifyBody(context, header, { signature, codec: signedCodec });
  const { secret: bytes, recipientCredential, ...claims } = signed;
  using secret = Secret.take("transported secret", bytes);
  if (!equalCredentials(recipientCredential, credentialOf(recipient))) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  requireIdentities(claims, { self: self.name, signer });
  const keyExpiresAtSeconds = await acceptOnce(context, { mechanism: "recovered-transport", claims, peer: [signer], own: [recipient] });
  const accepted = claimedTransport({ header, claims: { ...claims, keyExpiresAtSeconds }, recipient, message: message.bytes, secret });
  return { kind: "answered", ...answerTransport(accepted, context.random), licence: claims.licence };
}
