import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_P256_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  KEM_MLKEM768_X25519,
} from "hpke";
import {
  type HpkeConfiguration,
  hpkeOpen,
  hpkeP256,
  hpkeSeal,
  hpkeX25519,
  hpkeXWing,
  type KeyKind,
  PublicKey,
  SoftwareKey,
  systemRandom,
} from "../../src/index.ts";

/** npm `hpke` on WebCrypto, which shares no code with ours above OpenSSL. */
interface Contestant {
  readonly kind: KeyKind;
  readonly hpke: HpkeConfiguration;
  readonly oracle: CipherSuite;
}

const contestants: readonly Contestant[] = [
  { kind: "x25519", hpke: hpkeX25519.hpke, oracle: new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM) },
  { kind: "p256", hpke: hpkeP256.hpke, oracle: new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM) },
  { kind: "x-wing", hpke: hpkeXWing.hpke, oracle: new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_AES_256_GCM) },
];

const parameters = { seed: Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() & 0x7fffffff), verbose: true, numRuns: 20 };
const messages = fc.record({
  plaintext: fc.uint8Array({ maxLength: 200 }),
  aad: fc.uint8Array({ maxLength: 60 }),
  info: fc.uint8Array({ maxLength: 60 }),
});

for (const { kind, hpke, oracle } of contestants) {
  test(`${kind}: what the oracle seals, we open`, async () => {
    const key = SoftwareKey.generate(kind).decryptionKey();
    const theirs = await oracle.DeserializePublicKey(Uint8Array.from(key.publicKey.raw));
    await fc.assert(
      fc.asyncProperty(messages, async ({ plaintext, aad, info }) => {
        const { encapsulatedSecret, ciphertext } = await oracle.Seal(theirs, plaintext, { aad, info });
        const opened = await hpkeOpen(hpke, key, { aad, info, encapsulated: encapsulatedSecret, ciphertext });
        assert.deepEqual(Uint8Array.from(opened), plaintext);
        const changed = Uint8Array.from([...aad, 0]);
        const failing = hpkeOpen(hpke, key, { aad: changed, info, encapsulated: encapsulatedSecret, ciphertext });
        await assert.rejects(failing, { code: "CRYPTO_OPEN_FAILED" });
      }),
      parameters,
    );
  });

  test(`${kind}: what we seal, the oracle opens`, async () => {
    const theirs = await oracle.GenerateKeyPair();
    const publicKey = PublicKey.fromRaw(kind, await oracle.SerializePublicKey(theirs.publicKey));
    await fc.assert(
      fc.asyncProperty(messages, async ({ plaintext, aad, info }) => {
        const { encapsulated, ciphertext } = hpkeSeal(hpke, { publicKey, random: systemRandom }, { plaintext, aad, info });
        const opened = await oracle.Open(theirs, Uint8Array.from(encapsulated), ciphertext, { aad, info });
        assert.deepEqual(opened, plaintext);
      }),
      parameters,
    );
  });
}
