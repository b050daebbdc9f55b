import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { concatBytes } from "@sealane/wire";
import { cryptoErrors } from "./errors.ts";
import { hkdfExpand, hkdfExtractJoined } from "./hash.ts";
import { asBuffer, importRaw, type PublicKey } from "./public-key.ts";
import type { Randomness } from "./random.ts";
import { Secret } from "./secret.ts";

/** DHKEM(X25519, HKDF-SHA256), RFC 9180, section 4.1: KEM 0x0020, 32-byte secret, encapsulated key and public key. */

const kemSuiteId = concatBytes(ascii("KEM"), Uint8Array.of(0x00, 0x20));
const hpkeVersion = ascii("HPKE-v1");
const empty = new Uint8Array(0);
const encapsulatedBytes = 32;

/** A key encapsulation mechanism as HPKE uses it. */
export interface Kem {
  readonly id: number;
  readonly keyKind: "x25519";
  /** Bytes of `encapsulated`. */
  readonly encapsulatedBytes: number;
  /** Makes a secret for the owner of `publicKey`. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  encapsulate(publicKey: PublicKey, random: Randomness): { readonly encapsulated: Uint8Array; readonly secret: Secret<"kem secret"> };
}

export const x25519Kem: Kem = { id: 0x0020, keyKind: "x25519", encapsulatedBytes, encapsulate: x25519Encapsulate };

function x25519Encapsulate(publicKey: PublicKey, random: Randomness): ReturnType<Kem["encapsulate"]> {
  const ephemeral = importSeed(random.bytes(32));
  const encapsulated = createPublicKey(ephemeral).export({ format: "raw-public" });
  const shared = agree(ephemeral, publicKey.object, "CRYPTO_PUBLIC_KEY_WRONG");
  return { encapsulated, secret: extractAndExpand(shared, encapsulated, publicKey.raw) };
}

/** Makes the ephemeral key and wipes its bytes: they are used once. */
function importSeed(seed: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: asBuffer(seed), format: "raw-private", asymmetricKeyType: "x25519" });
  } finally {
    seed.fill(0);
  }
}

/** The recipient's half; for key handles only. Error: CRYPTO_OPEN_FAILED, also for a low-order point or a second encoding of one. */
export function x25519Decapsulate(privateKey: KeyObject, publicKey: PublicKey, encapsulated: Uint8Array): Secret<"kem secret"> {
  const shared = agree(privateKey, importEncapsulated(encapsulated), "CRYPTO_OPEN_FAILED");
  return extractAndExpand(shared, encapsulated, publicKey.raw);
}

function importEncapsulated(encapsulated: Uint8Array): KeyObject {
  try {
    return importRaw("x25519", encapsulated);
  } catch {
    throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
  }
}

/** OpenSSL refuses an all-zero result, which a low-order point gives (RFC 7748, section 6.1). */
function agree(privateKey: KeyObject, publicKey: KeyObject, code: "CRYPTO_PUBLIC_KEY_WRONG" | "CRYPTO_OPEN_FAILED"): Uint8Array {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    throw cryptoErrors.error(code);
  }
}

function extractAndExpand(shared: Uint8Array, encapsulated: Uint8Array, recipientRaw: Uint8Array): Secret<"kem secret"> {
  const key = labeledExtract(kemSuiteId, { salt: empty, label: "eae_prk", keyMaterial: shared });
  shared.fill(0);
  const context = concatBytes(encapsulated, recipientRaw);
  const secret = labeledExpand(kemSuiteId, { key, label: "shared_secret", info: context, length: 32 });
  key.fill(0);
  return Secret.take("kem secret", secret);
}

/** LabeledExtract of RFC 9180, section 4. */
export function labeledExtract(
  suiteId: Uint8Array,
  input: { readonly salt: Uint8Array; readonly label: string; readonly keyMaterial: Uint8Array },
): Uint8Array {
  return hkdfExtractJoined(input.salt, [hpkeVersion, suiteId, ascii(input.label), input.keyMaterial]);
}

/** LabeledExpand of RFC 9180, section 4. */
export function labeledExpand(
  suiteId: Uint8Array,
  input: { readonly key: Uint8Array; readonly label: string; readonly info: Uint8Array; readonly length: number },
): Uint8Array {
  const { key, label, info, length } = input;
  return hkdfExpand(key, concatBytes(Uint8Array.of(length >> 8, length & 255), hpkeVersion, suiteId, ascii(label), info), length);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
