import type { KeyObject } from "node:crypto";
import { concatBytes } from "@sealane/wire";
import { hkdfExpand, hkdfExtractJoined } from "./hash.ts";
import type { Kem } from "./kem.ts";
import type { PublicKey } from "./public-key.ts";
import type { Randomness } from "./random.ts";
import { Secret } from "./secret.ts";
import { agreeAsRecipient, agreeAsSender, ephemeralX25519 } from "./x25519.ts";

/** DHKEM(X25519, HKDF-SHA256), RFC 9180, section 4.1: KEM 0x0020, 32-byte secret, encapsulated key and public key. */

const kemSuiteId = concatBytes(ascii("KEM"), Uint8Array.of(0x00, 0x20));
const hpkeVersion = ascii("HPKE-v1");
const empty = new Uint8Array(0);

export const x25519Kem: Kem = { id: 0x0020, keyKind: "x25519", encapsulate: x25519Encapsulate };

function x25519Encapsulate(publicKey: PublicKey, random: Randomness): ReturnType<Kem["encapsulate"]> {
  const { privateKey, publicRaw: encapsulated } = ephemeralX25519(random.bytes(32));
  const shared = agreeAsSender(privateKey, publicKey.native);
  return { encapsulated, secret: extractAndExpand(shared, encapsulated, publicKey.raw) };
}

/** The recipient's half; for key handles only. Error: CRYPTO_OPEN_FAILED, also for a low-order point or a second encoding of one. */
export function x25519Decapsulate(privateKey: KeyObject, publicKey: PublicKey, encapsulated: Uint8Array): Secret<"kem secret"> {
  return extractAndExpand(agreeAsRecipient(privateKey, encapsulated), encapsulated, publicKey.raw);
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
