import type { Suite } from "@sealane/crypto";
import { type Credential, credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import { type Codec, encodeAs, equalBytes } from "@sealane/wire";
import { encryptBody, laterBodyCodec, openBody } from "./encrypted-body.ts";
import { decodeMessage, encodeMessage, type Message, type MessageHeader, otherRole, requireHeader } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { isPast } from "./freshness.ts";
import type { MechanismName, Role } from "./labels.ts";
import { type ContinueContext, requireSelf } from "./parties.ts";

/** M2 and M3 of the mechanisms with three messages: [reference of M1, hint, P_X(content)]. */

/** Which link a later message belongs to. */
export interface Begun {
  readonly mechanism: MechanismName;
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly keyExpiresAtSeconds: number;
  readonly reference: Uint8Array;
}

/** The header of M2 or M3. */
export function laterHeader({ mechanism, suite, originatorRole }: Begun, number: 2 | 3): MessageHeader {
  return { mechanism, number, sender: number === 2 ? otherRole(originatorRole) : originatorRole, suite };
}

/** Makes M2 or M3 for the owner of `recipient`. Errors: CRYPTO_PUBLIC_KEY_WRONG, LINK_MESSAGE_TOO_LARGE. */
export function encryptLater<T>(
  begun: Begun,
  to: { readonly number: 2 | 3; readonly recipient: VerifiedCertificate; readonly random: ContinueContext["random"] },
  content: { readonly codec: Codec<T>; readonly value: T },
): Uint8Array {
  const header = laterHeader(begun, to.number);
  const body = encryptBody(header, to, encodeAs(content.codec, content.value));
  return encodeMessage(header, laterBodyCodec.toCbor({ reference: begun.reference, ...body }));
}

/**
 * Reads M2 or M3 of a link, and refuses another message and one that comes too late.
 * Errors: those of `decodeMessage`, LINK_EXPIRED, LINK_MESSAGE_UNEXPECTED.
 */
export function readLater(begun: Begun, number: 2 | 3, bytes: { readonly message: Uint8Array; readonly nowSeconds: number }): Message {
  if (isPast(begun.keyExpiresAtSeconds, bytes.nowSeconds)) throw linkErrors.error("LINK_EXPIRED");
  const message = decodeMessage(bytes.message);
  requireHeader(message, laterHeader(begun, number));
  return message;
}

/**
 * Opens M2 or M3, which must name M1 and be encrypted to this party's key of the link.
 * Errors: those of {@link readLater}, LINK_ANSWER_WRONG, LINK_RECIPIENT_WRONG, LINK_FIELD_WRONG, COSE_*, WIRE_*.
 */
export async function decryptLater<T>(
  context: ContinueContext,
  begun: Begun,
  given: { readonly number: 2 | 3; readonly message: Uint8Array; readonly codec: Codec<T>; readonly own: Credential },
): Promise<T> {
  const { nowSeconds } = context.freshness;
  const message = readLater(begun, given.number, { message: given.message, nowSeconds });
  const body = laterBodyCodec.fromCbor(message.body, `M${given.number}`);
  if (!equalBytes(body.reference, begun.reference)) throw linkErrors.error("LINK_ANSWER_WRONG");
  const { content, recipient } = await openBody(requireSelf(context), message.header, { body, codec: given.codec });
  if (!equalCredentials(credentialOf(recipient), given.own)) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  return content;
}
