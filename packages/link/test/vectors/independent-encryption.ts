import { constants, createDecipheriv, createECDH, createHmac, createPrivateKey, privateDecrypt } from "node:crypto";
import type { CborValue } from "@sealane/wire";
import { encode, keyOf, type PlainParty } from "./independent-schedule.ts";
import type { Vector } from "./vector.ts";

/**
 * P_X of an M1 once more, on node:crypto alone: by key transport (docs/protocol.md, suites; RFC 9052, section 5.1; RFC 8017), and by
 * HPKE on P-256 (RFC 9180). Only the arrays were taken apart before.
 */

/** What is encrypted to the recipient in a message whose body ends with [hint, P_X]; throws where it is not. */
export function openedBy(vector: Vector, message: readonly CborValue[], recipient: PlainParty): Buffer {
  const body = message[5] as readonly CborValue[];
  const part = body[1] as readonly CborValue[];
  const externalAad = encode(["Sealane", ...(message.slice(0, 5) as readonly number[])]);
  const key = keyOf(recipient, vector.suite, "decrypt").privateKey;
  return vector.suite === "p256" ? openByHpke(part, key, externalAad) : openByTransport(part, key, externalAad);
}

function openByTransport(part: readonly CborValue[], key: string, externalAad: Uint8Array): Buffer {
  const [header, unprotected, ciphertext, recipients] = part as readonly [Uint8Array, Map<number, Uint8Array>, Uint8Array, CborValue];
  const [entry] = recipients as readonly (readonly [Uint8Array, Map<number, number>, Uint8Array])[];
  if (entry === undefined || entry[0].length > 0 || entry[1].get(1) !== -41) throw new Error("no entry of RSA-OAEP-256");
  const native = createPrivateKey({ key: Buffer.from(key, "hex"), format: "der", type: "pkcs8" });
  const contentKey = privateDecrypt({ key: native, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" }, entry[2]);
  // {1: -41} in one byte string [external_aad, [[h'', {1: -41}, encrypted key]]].
  const map = Buffer.concat([Buffer.of(0xa1, 0x01), encode(-41)]);
  const entries = Buffer.concat([Buffer.of(0x81, 0x83), encode(new Uint8Array(0)), map, encode(entry[2])]);
  const external = Buffer.concat([Buffer.of(0x82), encode(externalAad), entries]);
  if (!Buffer.from("a10103", "hex").equals(header)) throw new Error("the content is of another algorithm");
  return opened(contentKey, { nonce: unprotected.get(5), aad: encode(["Encrypt", header, external]), ciphertext });
}

function openByHpke(part: readonly CborValue[], key: string, externalAad: Uint8Array): Buffer {
  const [header, unprotected, ciphertext] = part as readonly [Uint8Array, Map<number, Uint8Array>, Uint8Array];
  const encapsulated = unprotected.get(-4) ?? Buffer.alloc(0);
  const own = createPrivateKey({ key: Buffer.from(key, "hex"), format: "der", type: "pkcs8" }).export({ format: "jwk" });
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(Buffer.from(own.d ?? "", "base64url"));
  const kem = Buffer.from("KEM\x00\x10", "latin1");
  const context = Buffer.concat([encapsulated, ecdh.getPublicKey()]);
  const eae = extract(kem, { salt: Buffer.alloc(0), label: "eae_prk", value: ecdh.computeSecret(encapsulated) });
  const shared = expand(kem, { key: eae, label: "shared_secret", info: context, length: 32 });
  const hpke = Buffer.from("HPKE\x00\x10\x00\x01\x00\x02", "latin1");
  const none = Buffer.alloc(0);
  const [pskId, info] = ["psk_id_hash", "info_hash"].map((label) => extract(hpke, { salt: none, label, value: none }));
  const schedule = Buffer.concat([Buffer.of(0), pskId ?? none, info ?? none]);
  const secret = extract(hpke, { salt: shared, label: "secret", value: none });
  const contentKey = expand(hpke, { key: secret, label: "key", info: schedule, length: 32 });
  const nonce = expand(hpke, { key: secret, label: "base_nonce", info: schedule, length: 12 });
  if (!Buffer.concat([Buffer.of(0xa1, 0x01), encode(45)]).equals(header)) throw new Error("it is of another algorithm");
  return opened(contentKey, { nonce, aad: encode(["Encrypt0", header, externalAad]), ciphertext });
}

/** What AES-256-GCM encrypted; throws where the tag is wrong. */
export function opened(
  key: Uint8Array,
  given: { readonly nonce: Uint8Array | undefined; readonly aad: Uint8Array; readonly ciphertext: Uint8Array },
): Buffer {
  const { nonce = new Uint8Array(0), aad, ciphertext } = given;
  const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(aad).setAuthTag(ciphertext.subarray(-16));
  return Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]);
}

/** LabeledExtract and LabeledExpand (RFC 9180, section 4), the second for at most 32 bytes. */
function extract(suite: Uint8Array, given: { readonly salt: Uint8Array; readonly label: string; readonly value: Uint8Array }): Buffer {
  return createHmac("sha256", given.salt).update("HPKE-v1").update(suite).update(given.label).update(given.value).digest();
}

function expand(
  suite: Uint8Array,
  given: { readonly key: Uint8Array; readonly label: string; readonly info: Uint8Array; readonly length: number },
): Buffer {
  const { key, label, info, length } = given;
  const hmac = createHmac("sha256", key).update(Buffer.of(0, length)).update("HPKE-v1").update(suite).update(label).update(info);
  return hmac.update(Buffer.of(1)).digest().subarray(0, length);
}
