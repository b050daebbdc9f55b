import { concatBytes } from "@sealane/wire";
import { type AeadName, aeadNonceBytes, aeadOpen, aeadSeal } from "./aead.ts";
import { cryptoErrors } from "./errors.ts";
import { hkdfExpand, hkdfExtract } from "./hash.ts";
import type { Kem } from "./kem.ts";
import type { DecryptionKey, PossessionKey } from "./key-handles.ts";
import { labeledInfo, labeledKeyMaterial } from "./labeled-hkdf.ts";
import type { PublicKey } from "./public-key.ts";
import type { Randomness } from "./random.ts";
import type { Secret } from "./secret.ts";

/** HPKE in base mode, one message a context (RFC 9180, section 6.1), with HKDF-SHA-256. Synchronous on `node:crypto`. */

/** The three algorithms of one HPKE configuration. */
export interface HpkeConfiguration {
  readonly kem: Kem;
  readonly aead: { readonly id: number; readonly name: AeadName; readonly keyBytes: number };
}

/** AEAD identifiers of RFC 9180, section 7.3. */
export const hpkeAes128Gcm: HpkeConfiguration["aead"] = { id: 1, name: "aes-128-gcm", keyBytes: 16 };
export const hpkeAes256Gcm: HpkeConfiguration["aead"] = { id: 2, name: "aes-256-gcm", keyBytes: 32 };

/** HKDF-SHA256 in RFC 9180, section 7.2. */
const kdfId = 1;
const empty = new Uint8Array(0);

export interface HpkeInput {
  readonly info?: Uint8Array;
  readonly aad: Uint8Array;
}

/** SealBase: encrypts to the owner of a public key. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function hpkeSeal(
  configuration: HpkeConfiguration,
  recipient: { readonly publicKey: PublicKey; readonly random: Randomness },
  input: HpkeInput & { readonly plaintext: Uint8Array },
): { readonly encapsulated: Uint8Array; readonly ciphertext: Uint8Array } {
  const { kem, aead } = configuration;
  if (recipient.publicKey.kind !== kem.keyKind) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: recipient.publicKey.kind });
  const { encapsulated, secret } = kem.encapsulate(recipient.publicKey, recipient.random);
  using kemSecret = secret;
  const { key, nonce } = keySchedule(configuration, kemSecret, input.info ?? empty);
  try {
    return { encapsulated, ciphertext: aeadSeal({ key, nonce, aad: input.aad, aead: aead.name }, input.plaintext) };
  } finally {
    key.fill(0);
  }
}

/** OpenBase: every failure is CRYPTO_OPEN_FAILED. */
export async function hpkeOpen(
  configuration: HpkeConfiguration,
  key: DecryptionKey | PossessionKey,
  input: HpkeInput & { readonly encapsulated: Uint8Array; readonly ciphertext: Uint8Array },
): Promise<Uint8Array> {
  if (key.publicKey.kind !== configuration.kem.keyKind) throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
  using kemSecret = await key.decapsulate(input.encapsulated);
  const schedule = keySchedule(configuration, kemSecret, input.info ?? empty);
  try {
    return aeadOpen({ ...schedule, aad: input.aad, aead: configuration.aead.name }, input.ciphertext);
  } finally {
    schedule.key.fill(0);
  }
}

function keySchedule(
  configuration: HpkeConfiguration,
  kemSecret: Secret<"kem secret">,
  info: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const inputs = scheduleInputs(configuration, info);
  const secret = kemSecret.use((bytes) => hkdfExtract(bytes, inputs.secret));
  const key = hkdfExpand(secret, inputs.key, configuration.aead.keyBytes);
  const nonce = hkdfExpand(secret, inputs.nonce, aeadNonceBytes);
  secret.fill(0);
  return { key, nonce };
}

/** What is extracted and expanded from, beside the KEM's secret; public. */
interface ScheduleInputs {
  readonly secret: Uint8Array;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Those of an empty info, which is all that most messages have, are the same for every message. */
const inputsOfEmptyInfo = new WeakMap<HpkeConfiguration, ScheduleInputs>();

function scheduleInputs(configuration: HpkeConfiguration, info: Uint8Array): ScheduleInputs {
  const known = info.length === 0 ? inputsOfEmptyInfo.get(configuration) : undefined;
  if (known !== undefined) return known;
  const { kem, aead } = configuration;
  const suiteId = concatBytes(new TextEncoder().encode("HPKE"), Uint8Array.of(kem.id >> 8, kem.id & 255, 0, kdfId, 0, aead.id));
  const baseMode = Uint8Array.of(0);
  const pskIdHash = hkdfExtract(empty, labeledKeyMaterial(suiteId, "psk_id_hash", empty));
  const infoHash = hkdfExtract(empty, labeledKeyMaterial(suiteId, "info_hash", info));
  const context = concatBytes(baseMode, pskIdHash, infoHash);
  const made = {
    secret: labeledKeyMaterial(suiteId, "secret", empty),
    key: labeledInfo(suiteId, { label: "key", info: context, length: aead.keyBytes }),
    nonce: labeledInfo(suiteId, { label: "base_nonce", info: context, length: aeadNonceBytes }),
  };
  if (info.length === 0) inputsOfEmptyInfo.set(configuration, made);
  return made;
}
