import {
  aeadKeyBytes,
  aeadNonceBytes,
  aeadOpen,
  aeadSeal,
  cryptoErrors,
  type DecryptionKey,
  type EncryptionAlgorithm,
  type HpkeEncryption,
  hpkeOpen,
  hpkeSeal,
  type KeyTransport,
  type PossessionKey,
  type PublicKey,
  type Randomness,
} from "@sealane/crypto";
import { type CborValue, encode, hasCode, Tagged } from "@sealane/wire";
import { coseErrors } from "./errors.ts";
import { coseAlgorithm, coseTag, headerLabel, recipientContext } from "./labels.ts";
import { maxRecipients } from "./limits.ts";
import {
  type CoseStructure,
  coveredBytes,
  encodeProtected,
  parseStructure,
  requireBytes,
  requireForm,
  requireHeaders,
} from "./structure.ts";

/**
 * COSE_Encrypt (RFC 9052, section 5.1): one content under A256GCM for several recipients, to each of whom its key is sealed by
 * HPKE key encryption (draft-ietf-cose-hpke, section 3.3) or by key transport (RFC 9052, section 8.5.3).
 *
 * The external_aad of the content is CBOR [externalAad, recipients], so that no entry can be changed, added, removed or moved
 * unnoticed, and with HPKE the recipient_extra_info of each entry is externalAad. Nothing here proves who sent it, and every recipient could
 * have: sign what is inside.
 */

const contentProtected = encodeProtected(new Map([[headerLabel.alg, coseAlgorithm.a256gcm]]));

/**
 * Encrypts to 1 to 64 owners of public keys; tagged.
 * Errors: COSE_RECIPIENTS_WRONG, CRYPTO_PUBLIC_KEY_WRONG.
 */
export function encryptTo(
  algorithm: EncryptionAlgorithm,
  recipients: readonly { readonly publicKey: PublicKey }[],
  random: Randomness,
  input: EncryptInput,
): CborValue {
  return new Tagged(coseTag.encrypt, encryptUntagged(algorithm, recipients, random, input));
}

/** What is encrypted and what is bound to it. */
export interface EncryptInput {
  readonly plaintext: Uint8Array;
  readonly externalAad: Uint8Array;
}

/** {@link encryptTo} without the tag: as a part of another message. */
export function encryptUntagged(
  algorithm: EncryptionAlgorithm,
  recipients: readonly { readonly publicKey: PublicKey }[],
  random: Randomness,
  { plaintext, externalAad }: EncryptInput,
): readonly CborValue[] {
  if (recipients.length < 1 || recipients.length > maxRecipients) {
    throw coseErrors.error("COSE_RECIPIENTS_WRONG", { recipients: recipients.length, limit: maxRecipients });
  }
  const key = random.bytes(aeadKeyBytes);
  try {
    const entries = recipients.map(({ publicKey }) => sealKey(algorithm, { publicKey, random }, { key, externalAad }));
    const nonce = random.bytes(aeadNonceBytes);
    const ciphertext = aeadSeal({ key, nonce, aad: contentAad(contentProtected, externalAad, entries) }, plaintext);
    return [contentProtected, new Map([[headerLabel.iv, nonce]]), ciphertext, entries];
  } finally {
    key.fill(0);
  }
}

/** What is to be opened. */
export interface DecryptInput {
  readonly value: CborValue;
  readonly externalAad: Uint8Array;
}

/**
 * Opens what {@link encryptTo} made, by whichever entry is for this key.
 * Errors: COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, CRYPTO_OPEN_FAILED.
 */
export async function decryptWith(algorithm: EncryptionAlgorithm, key: DecryptionKey, input: DecryptInput): Promise<Uint8Array> {
  requireForm(input.value, { tag: coseTag.encrypt, tagged: true });
  return await decrypt(algorithm, key, { ...input, parsed: parseEncrypt(input.value) });
}

/** Opens what {@link encryptUntagged} made for one recipient. Errors: as of {@link decryptWith}, COSE_RECIPIENTS_WRONG for more than one. */
export async function decryptUntagged(
  algorithm: EncryptionAlgorithm,
  key: DecryptionKey | PossessionKey,
  input: DecryptInput,
): Promise<Uint8Array> {
  requireForm(input.value, { tag: coseTag.encrypt, tagged: false });
  const parsed = parseEncrypt(input.value);
  const { length } = parsed.recipients;
  if (length !== 1) throw coseErrors.error("COSE_RECIPIENTS_WRONG", { recipients: length, limit: 1 });
  return await decrypt(algorithm, key, { ...input, parsed });
}

/** Tries the entries in their order: they carry no key id, so that they tell nobody who they are for. */
async function decrypt(
  algorithm: EncryptionAlgorithm,
  key: DecryptionKey | PossessionKey,
  { parsed, externalAad }: DecryptInput & { readonly parsed: ParsedEncrypt },
): Promise<Uint8Array> {
  const { content, recipients, recipientValues } = parsed;
  requireHeaders(content, { algorithm: coseAlgorithm.a256gcm, unprotectedOnly: [headerLabel.iv] });
  for (const recipient of recipients) requireRecipient(algorithm, recipient);
  const nonce = requireBytes(content.unprotectedHeader.get(headerLabel.iv));
  if (nonce.length !== aeadNonceBytes) throw coseErrors.error("COSE_HEADER_WRONG", { parameter: "iv" });
  const ciphertext = requireBytes(content.rest[0]);
  const aad = contentAad(content.protectedBytes, externalAad, recipientValues);
  for (const recipient of recipients) {
    try {
      const contentKey = await openKey(algorithm, key, { recipient, externalAad });
      try {
        return aeadOpen({ key: contentKey, nonce, aad }, ciphertext);
      } finally {
        contentKey.fill(0);
      }
    } catch (error) {
      if (!hasCode(error, "CRYPTO_OPEN_FAILED")) throw error;
    }
  }
  throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
}

/** A COSE_Encrypt whose headers were not judged. */
export interface ParsedEncrypt {
  /** `rest` is [ciphertext, recipients]. */
  readonly content: CoseStructure;
  /** `rest` of each is [encrypted key]. */
  readonly recipients: readonly CoseStructure[];
  readonly recipientValues: readonly CborValue[];
}

/** Reads the structure, with recipients of one layer. Error: COSE_STRUCTURE_WRONG. */
export function parseEncrypt(value: CborValue): ParsedEncrypt {
  const content = parseStructure(value, { tag: coseTag.encrypt, length: 4 });
  const recipientValues = content.rest[1];
  if (!Array.isArray(recipientValues) || recipientValues.length < 1 || recipientValues.length > maxRecipients) {
    throw coseErrors.error("COSE_STRUCTURE_WRONG", { field: "recipients" });
  }
  const recipients = recipientValues.map((recipient: CborValue) => parseStructure(recipient, { tag: null, length: 3 }));
  return { content, recipients, recipientValues };
}

/** Recipient_structure, the HPKE `info` of an entry (draft-ietf-cose-hpke, section 3.3.1). */
export function recipientStructure(input: {
  /** The COSE algorithm that the sealed key is for. */
  readonly nextLayerAlgorithm: number;
  readonly protectedBytes: Uint8Array;
  readonly extraInfo: Uint8Array;
}): Uint8Array {
  return encode([recipientContext, input.nextLayerAlgorithm, input.protectedBytes, input.extraInfo]);
}

const empty = new Uint8Array(0);

function sealKey(
  algorithm: EncryptionAlgorithm,
  recipient: { readonly publicKey: PublicKey; readonly random: Randomness },
  input: { readonly key: Uint8Array; readonly externalAad: Uint8Array },
): CborValue {
  if (algorithm.form === "key transport") {
    const { publicKey } = recipient;
    return [empty, new Map([[headerLabel.alg, algorithm.coseId]]), algorithm.wrapKey(publicKey, input.key)];
  }
  const protectedBytes = encodeProtected(new Map([[headerLabel.alg, algorithm.keyEncryptionCoseId]]));
  const info = infoOf(protectedBytes, input.externalAad);
  const { encapsulated, ciphertext } = hpkeSeal(algorithm.hpke, recipient, { info, aad: empty, plaintext: input.key });
  return [protectedBytes, new Map([[headerLabel.ek, encapsulated]]), ciphertext];
}

/** HPKE protects the algorithm; key transport must not, and is covered by the content's tag as the whole entry is. Error: COSE_HEADER_WRONG. */
function requireRecipient(algorithm: EncryptionAlgorithm, recipient: CoseStructure): void {
  if (algorithm.form === "hpke") {
    requireHeaders(recipient, { algorithm: algorithm.keyEncryptionCoseId, unprotectedOnly: [headerLabel.ek] });
    return;
  }
  const { protectedHeader, unprotectedHeader } = recipient;
  const isRight = protectedHeader.size === 0 && unprotectedHeader.size === 1 && unprotectedHeader.get(headerLabel.alg) === algorithm.coseId;
  if (!isRight) throw coseErrors.error("COSE_HEADER_WRONG", { algorithm: algorithm.coseId });
}

/** The content key of an entry; where another key is needed, an error or, by key transport, another key. Error: CRYPTO_OPEN_FAILED. */
async function openKey(
  algorithm: EncryptionAlgorithm,
  key: DecryptionKey | PossessionKey,
  { recipient, externalAad }: { readonly recipient: CoseStructure; readonly externalAad: Uint8Array },
): Promise<Uint8Array> {
  const sealed = requireBytes(recipient.rest[0]);
  const contentKey =
    algorithm.form === "key transport"
      ? await unwrapKey(algorithm, key, sealed)
      : await openSealed(algorithm, key, { recipient, externalAad, sealed });
  if (contentKey.length !== aeadKeyBytes) throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
  return contentKey;
}

async function openSealed(
  algorithm: HpkeEncryption,
  key: DecryptionKey | PossessionKey,
  given: { readonly recipient: CoseStructure; readonly externalAad: Uint8Array; readonly sealed: Uint8Array },
): Promise<Uint8Array> {
  const { recipient, externalAad, sealed: ciphertext } = given;
  const info = infoOf(recipient.protectedBytes, externalAad);
  const encapsulated = requireBytes(recipient.unprotectedHeader.get(headerLabel.ek));
  return await hpkeOpen(algorithm.hpke, key, { info, aad: empty, encapsulated, ciphertext });
}

async function unwrapKey(algorithm: KeyTransport, key: DecryptionKey | PossessionKey, wrapped: Uint8Array): Promise<Uint8Array> {
  if (key.publicKey.kind !== algorithm.keyKind) throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
  using secret = await key.decapsulate(wrapped);
  return secret.use((bytes) => Uint8Array.from(bytes));
}

function infoOf(protectedBytes: Uint8Array, externalAad: Uint8Array): Uint8Array {
  return recipientStructure({ nextLayerAlgorithm: coseAlgorithm.a256gcm, protectedBytes, extraInfo: externalAad });
}

function contentAad(protectedBytes: Uint8Array, externalAad: Uint8Array, recipients: readonly CborValue[]): Uint8Array {
  return coveredBytes("Encrypt", protectedBytes, encode([externalAad, recipients]));
}
