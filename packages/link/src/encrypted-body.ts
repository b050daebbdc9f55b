import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { decryptionKindOf, type Randomness } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import { anyValue, byteString, type CborValue, type Codec, decodeAs, equalBytes, hasCode, nullable, tuple } from "@sealane/wire";
import { externalAad, type MessageHeader, otherRole } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import type { Role } from "./labels.ts";
import { keyHintBytes, maxDecryptionKeys, maxMessageBytes, referenceBytes } from "./limits.ts";
import { pad, unpad } from "./padding.ts";
import type { CertifiedKey, Self } from "./parties.ts";

/** P_X in a message, with the hint at its recipient's key: only a server's key may be hinted at, a terminal's would name it. */
export interface EncryptedBody {
  readonly keyHint: Uint8Array | null;
  readonly encrypted: CborValue;
}

export const hintCodec: Codec<Uint8Array | null> = nullable(byteString({ min: keyHintBytes, max: keyHintBytes }));

/** M1: [hint or null, P_X]. */
export const firstBodyCodec: Codec<EncryptedBody> = tuple<EncryptedBody>({ keyHint: hintCodec, encrypted: anyValue });

/** Names M1 in every later message: the first 16 bytes of its digest. */
export const referenceCodec: Codec<Uint8Array> = byteString({ min: referenceBytes, max: referenceBytes });

/** M2 and M3: [reference, hint or null, P_X]. */
export interface LaterBody extends EncryptedBody {
  readonly reference: Uint8Array;
}

export const laterBodyCodec: Codec<LaterBody> = tuple<LaterBody>({ reference: referenceCodec, keyHint: hintCodec, encrypted: anyValue });

/** To whom a content is encrypted; padded where its sender is anonymous, so that its length tells nothing. */
export interface Encryption {
  readonly recipient: VerifiedCertificate;
  readonly random: Randomness;
  /** Bytes of the agreement value in it, 0 where it has none. */
  readonly paddedFor?: number;
}

/** Encrypts the content of a message and wipes it. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function encryptBody(header: MessageHeader, to: Encryption, content: Uint8Array): EncryptedBody {
  const { recipient, random, paddedFor } = to;
  const plaintext = paddedFor === undefined ? content : pad(content, paddedFor);
  const input = { plaintext, externalAad: externalAad(header) };
  const encrypted = sealToPublicKey(header.suite.encryption, { publicKey: recipient.publicKey, random }, input);
  plaintext.fill(0);
  content.fill(0);
  return { keyHint: hintAt(recipient, otherRole(header.sender)), encrypted };
}

/** The hint at a certificate's key in a message to a party of `role`. */
export function hintAt(certificate: VerifiedCertificate, role: Role): Uint8Array | null {
  return role === "server" ? certificate.thumbprint.subarray(0, keyHintBytes) : null;
}

/**
 * Opens P_X and reads its content; the opened bytes are wiped. `recipient` is the own certificate that it was encrypted to.
 * Errors: LINK_FIELD_WRONG (a hint where none may be, or none where one must be, or wrong padding), LINK_RECIPIENT_WRONG, COSE_*,
 * WIRE_*.
 */
export async function openBody<T>(
  self: Pick<Self, "role" | "decryption">,
  header: MessageHeader,
  given: { readonly body: EncryptedBody; readonly codec: Codec<T>; readonly paddedFor?: number },
): Promise<{ readonly content: T; readonly recipient: VerifiedCertificate }> {
  const { plaintext, recipient } = await decryptBody(self, header, given.body);
  try {
    const encoded = given.paddedFor === undefined ? plaintext : unpad(plaintext, given.paddedFor);
    return { content: decodeAs(given.codec, encoded, { maxBytes: maxMessageBytes, what: "content" }), recipient };
  } finally {
    plaintext.fill(0);
  }
}

/** Opens P_X with the key that is hinted at, or else with each of the few keys of the suite that this party holds. */
async function decryptBody(
  self: Pick<Self, "role" | "decryption">,
  header: MessageHeader,
  body: EncryptedBody,
): Promise<{ readonly plaintext: Uint8Array; readonly recipient: VerifiedCertificate }> {
  const { keyHint, encrypted: value } = body;
  const input = { value, externalAad: externalAad(header) };
  for (const { key, certificate } of hintedKeys(self.decryption, { role: self.role, keyHint, kind: decryptionKindOf(header.suite) })) {
    try {
      return { plaintext: await openWithPrivateKey(header.suite.encryption, key, input), recipient: certificate };
    } catch (error) {
      if (!hasCode(error, "CRYPTO_OPEN_FAILED")) throw error;
    }
  }
  throw linkErrors.error("LINK_RECIPIENT_WRONG");
}

/** The keys that a message may be for. Error: LINK_FIELD_WRONG. */
export function hintedKeys<Key extends { readonly publicKey: { readonly kind: string } }>(
  keys: readonly CertifiedKey<Key>[],
  wanted: { readonly role: Role; readonly keyHint: Uint8Array | null; readonly kind: string },
): readonly CertifiedKey<Key>[] {
  const { role, keyHint, kind } = wanted;
  if ((keyHint === null) !== (role === "terminal")) throw linkErrors.error("LINK_FIELD_WRONG", { field: "keyHint" });
  const ofSuite = keys.filter(({ key }) => key.publicKey.kind === kind).slice(0, maxDecryptionKeys);
  return ofSuite.filter(({ certificate }) => keyHint === null || equalBytes(certificate.thumbprint.subarray(0, keyHintBytes), keyHint));
}
