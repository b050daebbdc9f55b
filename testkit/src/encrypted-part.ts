import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { decryptionKindOf, systemRandom } from "@sealane/crypto";
import { certificateFor, decodeMessage, type MessageHeader } from "@sealane/link";
import { type CborValue, decode, encode } from "@sealane/wire";
import type { Party } from "./parties.ts";

/**
 * P_X in a link message, as its recipient reads it, and as a stranger who knows the recipient's certificate makes it anew. In every
 * message it stands once, as [..., key hint, P_X, ...].
 */

/** Whether a message has an encrypted part: broadcasts and agreements in clear have none. */
export function hasEncryptedPart(message: Uint8Array): boolean {
  return placeOf(decodeMessage(message).body) !== null;
}

/** The plaintext of P_X. Error: CRYPTO_OPEN_FAILED when it is for somebody else. */
export async function openPart(message: Uint8Array, by: Party): Promise<Uint8Array> {
  const { header, body } = decodeMessage(message);
  const kind = decryptionKindOf(header.suite);
  const key = by.self.decryption.find((own) => own.key.publicKey.kind === kind)?.key;
  const [, encrypted] = placeOf(body)?.part ?? [];
  if (key === undefined || encrypted === undefined) throw new Error("There is nothing that this party can open.");
  return await openWithPrivateKey(header.suite.encryption, key, { value: encrypted, externalAad: externalAadOf(message) });
}

/** The same message with P_X made anew: another plaintext, or for another party. */
export function sealPart(message: Uint8Array, given: { readonly plaintext: Uint8Array; readonly to: Party }): Uint8Array {
  const { header, body } = decodeMessage(message);
  const place = placeOf(body);
  if (place === null) throw new Error("The message has no encrypted part.");
  const { role } = given.to.self;
  const recipient = certificateFor({ suite: header.suite, role, purpose: "decrypt" }, given.to.certificates);
  const input = { plaintext: given.plaintext, externalAad: externalAadOf(message) };
  const encrypted = sealToPublicKey(header.suite.encryption, { publicKey: recipient.publicKey, random: systemRandom }, input);
  return withBody(message, place.replaced([role === "server" ? recipient.thumbprint.subarray(0, 8) : null, encrypted]));
}

/** The same message with P_X itself changed: its headers and entries. */
export function withPart(message: Uint8Array, change: (encrypted: readonly CborValue[]) => CborValue): Uint8Array {
  const place = placeOf(decodeMessage(message).body);
  if (place === null) throw new Error("The message has no encrypted part.");
  const [hint, encrypted] = place.part;
  return withBody(message, place.replaced([hint, change(encrypted as readonly CborValue[])]));
}

/** The same envelope around another body. */
export function withBody(message: Uint8Array, body: CborValue): Uint8Array {
  return encode([...envelopeOf(message), body]);
}

/** The same body in an envelope in which some values are exchanged. */
export function withHeader(
  message: Uint8Array,
  change: { readonly mechanism?: number; readonly number?: number; readonly sender?: number; readonly suite?: number },
): Uint8Array {
  const [version = 0, mechanism = 0, number = 0, sender = 0, suite = 0] = envelopeOf(message);
  const { body } = decodeMessage(message);
  return encode([version, change.mechanism ?? mechanism, change.number ?? number, change.sender ?? sender, change.suite ?? suite, body]);
}

/** The external_aad of every COSE layer of a message (docs/protocol.md, messages). */
export function externalAadOf(message: Uint8Array): Uint8Array {
  return encode(["Sealane", ...envelopeOf(message)]);
}

/** Whose message it is. */
export function headerOf(message: Uint8Array): MessageHeader {
  return decodeMessage(message).header;
}

function envelopeOf(message: Uint8Array): readonly CborValue[] {
  const whole = decode(message, message.length);
  if (!Array.isArray(whole)) throw new Error("The message is no array.");
  return (whole as readonly CborValue[]).slice(0, -1);
}

type Part = readonly [hint: CborValue, encrypted: CborValue];

interface Place {
  readonly part: Part;
  /** The body with another part in its place. */
  replaced(part: Part): CborValue;
}

function placeOf(value: CborValue): Place | null {
  if (!Array.isArray(value)) return null;
  const items = value as readonly CborValue[];
  for (const [at, item] of items.entries()) {
    const hint = items[at - 1];
    if (isEncrypted(item) && hint !== undefined) {
      return { part: [hint, item], replaced: (part) => [...items.slice(0, at - 1), ...part, ...items.slice(at + 1)] };
    }
    const inner = placeOf(item);
    if (inner !== null) return { part: inner.part, replaced: (part) => items.with(at, inner.replaced(part)) };
  }
  return null;
}

/** COSE_Encrypt0 of HPKE, or COSE_Encrypt of key transport, whose fourth element is a list of recipients. */
function isEncrypted(value: CborValue): boolean {
  if (!Array.isArray(value) || value.length < 3 || value.length > 4) return false;
  const [protectedHeader, unprotectedHeader, ciphertext, recipients] = value as readonly CborValue[];
  const isHead = protectedHeader instanceof Uint8Array && unprotectedHeader instanceof Map && ciphertext instanceof Uint8Array;
  return isHead && (recipients === undefined || Array.isArray(recipients));
}
