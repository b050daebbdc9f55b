import { createHash, createPrivateKey, createPublicKey, decapsulate, encapsulate, hash, type KeyObject } from "node:crypto";
import { concatBytes } from "@sealane/wire";
import { agreeAsRecipient, agreeAsSender, type ValueRefusal } from "./dh-group.ts";
import { cryptoErrors } from "./errors.ts";
import { asBuffer } from "./import-key.ts";
import type { Randomness } from "./random.ts";
import { Secret } from "./secret.ts";
import { x25519Bytes, x25519Group } from "./x25519.ts";

/**
 * X-Wing: X25519 and ML-KEM-768 as one KEM (draft-connolly-cfrg-xwing-kem; HPKE KEM 0x647a). Its secret stays secret as long as one
 * of the two is unbroken, so recorded traffic is safe from quantum computers. It is used as it comes: HPKE derives nothing from it
 * before its key schedule.
 */

/** Bytes of a private key (a seed), a public key (ML-KEM's, then X25519's), and an encapsulated key (in the same order). */
export const xWingSeedBytes = 32;
const mlKemPublicBytes = 1184;
const mlKemCiphertextBytes = 1088;
export const xWingPublicBytes: number = mlKemPublicBytes + x25519Bytes;
export const xWingCiphertextBytes: number = mlKemCiphertextBytes + x25519Bytes;

/** Everything before the key itself in DER, by object identifier 1.3.6.1.4.1.62253.25722 without parameters. */
export const xWingSpkiPrefix: Uint8Array = Uint8Array.fromHex("308204d4300d060b2b0601040183e62d81c87a038204c100");
export const xWingPkcs8Prefix: Uint8Array = Uint8Array.fromHex("3034020100300d060b2b0601040183e62d81c87a0420");

/** The six ASCII characters that the combiner ends with. */
const label = Uint8Array.fromHex("5c2e2f2f5e5c");

/** The two halves of a key, imported once. */
export interface XWingHalves {
  readonly mlKem: KeyObject;
  readonly x25519: KeyObject;
}

/** Imports both halves of a public key. Error: CRYPTO_PUBLIC_KEY_WRONG, also for an unsafe X25519 point. */
export function importXWingPublic(raw: Uint8Array): XWingHalves {
  if (raw.length !== xWingPublicBytes) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: "x-wing" });
  try {
    const key = asBuffer(raw.subarray(0, mlKemPublicBytes));
    const mlKem = createPublicKey({ key, format: "raw-public", asymmetricKeyType: "ml-kem-768" });
    return { mlKem, x25519: x25519Group.importValue(raw.subarray(mlKemPublicBytes)) };
  } catch {
    throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: "x-wing" });
  }
}

/** Expands a seed to both private halves: SHAKE256 to 64 bytes for ML-KEM and 32 for X25519. */
export function expandXWingSeed(seed: Uint8Array): XWingHalves & { readonly publicRaw: Uint8Array } {
  const expanded = createHash("shake256", { outputLength: 96 }).update(seed).digest();
  try {
    const mlKem = createPrivateKey({ key: expanded.subarray(0, 64), format: "raw-seed", asymmetricKeyType: "ml-kem-768" });
    const x25519 = createPrivateKey({ key: expanded.subarray(64), format: "raw-private", asymmetricKeyType: "x25519" });
    return { mlKem, x25519, publicRaw: concatBytes(rawOf(mlKem), rawOf(x25519)) };
  } finally {
    expanded.fill(0);
  }
}

/**
 * Makes a secret for the owner of a public key from a fresh X25519 key. ML-KEM takes its randomness from the system: OpenSSL lets
 * nobody choose it. Error: CRYPTO_PUBLIC_KEY_WRONG.
 */
export function xWingEncapsulate(
  recipient: { readonly halves: XWingHalves; readonly raw: Uint8Array },
  random: Randomness,
): { readonly encapsulated: Uint8Array; readonly secret: Secret<"kem secret"> } {
  const { sharedKey, ciphertext } = encapsulate(recipient.halves.mlKem);
  const { privateKey, publicRaw: ephemeralRaw } = x25519Group.keyPairOf(random.bytes(x25519Bytes));
  const agreed = agreeAsSender(privateKey, recipient.halves.x25519);
  const secret = combine({ mlKem: sharedKey, x25519: agreed, ephemeralRaw, recipientRaw: recipient.raw.subarray(mlKemPublicBytes) });
  return { encapsulated: concatBytes(ciphertext, ephemeralRaw), secret };
}

/** The recipient's half; for key handles only. Error: `refusal`, by length and X25519 point; a wrong ML-KEM ciphertext gives another secret, silently. */
export function xWingDecapsulate(
  own: { readonly halves: XWingHalves; readonly raw: Uint8Array },
  encapsulated: Uint8Array,
  refusal: ValueRefusal,
): Secret<"kem secret"> {
  if (encapsulated.length !== xWingCiphertextBytes) throw cryptoErrors.error(refusal);
  const ephemeralRaw = encapsulated.subarray(mlKemCiphertextBytes);
  const mlKem = decapsulate(own.halves.mlKem, asBuffer(encapsulated.subarray(0, mlKemCiphertextBytes)));
  const x25519 = agreeAsRecipient(x25519Group, own.halves.x25519, ephemeralRaw, refusal);
  return combine({ mlKem, x25519, ephemeralRaw, recipientRaw: own.raw.subarray(mlKemPublicBytes) });
}

/** SHA3-256(ML-KEM secret, X25519 secret, ephemeral X25519 key, recipient's X25519 key, label); wipes both secrets. */
function combine(parts: {
  readonly mlKem: Uint8Array;
  readonly x25519: Uint8Array;
  readonly ephemeralRaw: Uint8Array;
  readonly recipientRaw: Uint8Array;
}): Secret<"kem secret"> {
  const joined = concatBytes(parts.mlKem, parts.x25519, parts.ephemeralRaw, parts.recipientRaw, label);
  parts.mlKem.fill(0);
  parts.x25519.fill(0);
  try {
    return Secret.take("kem secret", hash("sha3-256", joined, "buffer"));
  } finally {
    joined.fill(0);
  }
}

function rawOf(privateKey: KeyObject): Uint8Array {
  return createPublicKey(privateKey).export({ format: "raw-public" });
}
