import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv } from "node:crypto";
import { test } from "node:test";
import { hpkeX25519, PublicKey, SoftwareKey, systemRandom } from "@sealane/crypto";
import { type CborValue, encode, Tagged } from "@sealane/wire";
import fc from "fast-check";
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from "hpke";
import { decryptWith, encryptTo } from "../../src/index.ts";

/** COSE_Encrypt as docs describe it, by npm `hpke`, WebCrypto's keys and structures written out here. */
const suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
const contentHeader = Uint8Array.of(0xa1, 0x01, 0x03); // alg: A256GCM
const entryHeader = Uint8Array.of(0xa1, 0x01, 0x3a, 0x00, 0x01, 0x00, 0x03); // alg: -65540

const parameters = { seed: Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() & 0x7fffffff), verbose: true, numRuns: 10 };
const messages = fc.record({ plaintext: fc.uint8Array({ maxLength: 200 }), externalAad: fc.uint8Array({ maxLength: 40 }) });

function infoOf(externalAad: Uint8Array): Uint8Array {
  return encode(["HPKE Recipient", 3, entryHeader, externalAad]);
}

function contentAad(externalAad: Uint8Array, entries: CborValue): Uint8Array {
  return encode(["Encrypt", contentHeader, encode([externalAad, entries])]);
}

test("what the oracle writes for two recipients, both read", async () => {
  const keys = [SoftwareKey.generate("x25519"), SoftwareKey.generate("x25519")];
  const publicKeys = await Promise.all(keys.map(({ publicKey }) => suite.DeserializePublicKey(Uint8Array.from(publicKey.raw))));
  await fc.assert(
    fc.asyncProperty(messages, async ({ plaintext, externalAad }) => {
      const [contentKey, nonce] = [systemRandom.bytes(32), systemRandom.bytes(12)];
      const entries: CborValue[] = [];
      for (const publicKey of publicKeys) {
        const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKey, contentKey, { info: infoOf(externalAad) });
        entries.push([entryHeader, new Map([[-4, encapsulatedSecret]]), ciphertext]);
      }
      const cipher = createCipheriv("aes-256-gcm", contentKey, nonce).setAAD(contentAad(externalAad, entries));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      const value = new Tagged(96, [contentHeader, new Map([[5, nonce]]), ciphertext, entries]);
      for (const key of keys) {
        const opened = await decryptWith(hpkeX25519, key.decryptionKey(), { value, externalAad });
        assert.deepEqual(Uint8Array.from(opened), plaintext);
      }
    }),
    parameters,
  );
});

test("what we write, the oracle reads", async () => {
  const pair = await suite.GenerateKeyPair();
  const publicKey = PublicKey.fromRaw("x25519", await suite.SerializePublicKey(pair.publicKey));
  const recipients = [{ publicKey: SoftwareKey.generate("x25519").publicKey }, { publicKey }];
  await fc.assert(
    fc.asyncProperty(messages, async ({ plaintext, externalAad }) => {
      const value = encryptTo(hpkeX25519, recipients, systemRandom, { plaintext, externalAad });
      assert.ok(value instanceof Tagged && value.tag === 96 && Array.isArray(value.value));
      const [header, iv, sealed, entries] = value.value;
      assert.deepEqual(header, contentHeader);
      const [, [entryProtected, entryUnprotected, entryCiphertext]] = entries;
      assert.deepEqual(entryProtected, entryHeader);
      const encapsulated = Uint8Array.from(entryUnprotected.get(-4));
      const contentKey = await suite.Open(pair, encapsulated, entryCiphertext, { info: infoOf(externalAad) });
      const decipher = createDecipheriv("aes-256-gcm", contentKey, iv.get(5)).setAAD(contentAad(externalAad, entries));
      decipher.setAuthTag(sealed.subarray(-16));
      assert.deepEqual(Uint8Array.from(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])), plaintext);
    }),
    parameters,
  );
});
