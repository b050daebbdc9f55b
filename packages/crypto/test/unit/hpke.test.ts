import assert from "node:assert/strict";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { describe, test } from "node:test";
import {
  type DecryptionKey,
  defaultSuite,
  encryptionFor,
  encryptions,
  type HpkeEncryption,
  hpkeAes128Gcm,
  hpkeOpen,
  hpkeP256,
  hpkeSeal,
  hpkeX25519,
  hpkeXWing,
  type KeyKind,
  keyKindsOf,
  type PublicKey,
  rsaOaep2048,
  rsaOaep3072,
  rsaOaep4096,
  Secret,
  SoftwareKey,
  standardKinds,
  standardSuites,
  suiteNamed,
  suiteNumbered,
  suites,
  suitesNamed,
  systemRandom,
} from "../../src/index.ts";
import { rsaKey, rsaKinds } from "../keys/rsa-keys.ts";

const configuration = hpkeX25519.hpke;
const recipient = SoftwareKey.generate("x25519");
const key = recipient.decryptionKey();
const random = systemRandom;
const input = { aad: Buffer.from("aad"), info: Buffer.from("info"), plaintext: Buffer.from("plaintext") };
const sealed = hpkeSeal(configuration, { publicKey: recipient.publicKey, random }, input);
const received = { aad: input.aad, info: input.info, ...sealed };

async function refused(opening: Promise<Uint8Array>): Promise<void> {
  await assert.rejects(opening, { code: "CRYPTO_OPEN_FAILED" });
}

describe("HPKE", () => {
  test("opens what it sealed, with and without info", async () => {
    assert.deepEqual(Buffer.from(await hpkeOpen(configuration, key, received)), input.plaintext);
    const { aad, plaintext } = input;
    const bare = hpkeSeal(configuration, { publicKey: recipient.publicKey, random }, { aad, plaintext });
    assert.deepEqual(Buffer.from(await hpkeOpen(configuration, key, { aad, ...bare })), plaintext);
    assert.deepEqual(Buffer.from(await hpkeOpen(configuration, key, { aad, info: new Uint8Array(), ...bare })), plaintext);
  });

  test("seals to a fresh secret every time", () => {
    const again = hpkeSeal(configuration, { publicKey: recipient.publicKey, random }, input);
    assert.notDeepEqual(again.encapsulated, sealed.encapsulated);
    assert.notDeepEqual(again.ciphertext, sealed.ciphertext);
  });

  test("refuses every changed bit of the encapsulated key and of the ciphertext", async () => {
    for (const field of ["encapsulated", "ciphertext"] as const) {
      for (let bit = 0; bit < sealed[field].length * 8; bit++) {
        const flipped = Uint8Array.from(sealed[field]);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await refused(hpkeOpen(configuration, key, { ...received, [field]: flipped }));
      }
    }
  });

  test("refuses every other length of the encapsulated key", async () => {
    for (const length of [0, 31, 33, 64, 1120]) {
      await refused(hpkeOpen(configuration, key, { ...received, encapsulated: Buffer.alloc(length, 9) }));
    }
  });

  test("refuses another recipient, aad, info or AEAD alike", async () => {
    await refused(hpkeOpen(configuration, SoftwareKey.generate("x25519").decryptionKey(), received));
    await refused(hpkeOpen(configuration, key, { ...received, aad: Buffer.from("other") }));
    await refused(hpkeOpen(configuration, key, { ...received, info: Buffer.from("other") }));
    await refused(hpkeOpen(configuration, key, { aad: input.aad, ...sealed }));
    await refused(hpkeOpen({ ...configuration, aead: hpkeAes128Gcm }, key, received));
    await refused(hpkeOpen(configuration, key, { ...received, ciphertext: new Uint8Array() }));
  });

  test("refuses keys that are not of its KEM", async () => {
    const signing = SoftwareKey.generate("ed25519").publicKey;
    assert.throws(() => hpkeSeal(configuration, { publicKey: signing, random }, input), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    const odd: DecryptionKey = { purpose: "decrypt", publicKey: signing, decapsulate: () => Secret.take("kem secret", Buffer.alloc(32)) };
    await refused(hpkeOpen(configuration, odd, received));
  });

  test("takes a handle that answers later, and tells its failure as it is", async () => {
    const later: DecryptionKey = { ...key, decapsulate: async (encapsulated) => await key.decapsulate(encapsulated) };
    assert.deepEqual(Buffer.from(await hpkeOpen(configuration, later, received)), input.plaintext);
    const gone: DecryptionKey = { ...key, decapsulate: () => Promise.reject(new Error("the token was pulled out")) };
    await assert.rejects(hpkeOpen(configuration, gone, received), { message: "the token was pulled out" });
  });

  test("wipes the agreed secret and the seed of the ephemeral key at its sender, and the KEM's secret", async (t) => {
    const wiped: { readonly bytes: Uint8Array; readonly before: boolean }[] = [];
    const watch = (bytes: Uint8Array): void => void wiped.push({ bytes, before: bytes.some((byte) => byte !== 0) });
    const agree = crypto.diffieHellman;
    const mock = t.mock.method(crypto, "diffieHellman", (options: Parameters<typeof agree>[0]) => {
      const agreed = agree(options);
      watch(agreed);
      return agreed;
    });
    syncBuiltinESMExports();
    try {
      const watched = {
        bytes(length: number): Uint8Array {
          const bytes = random.bytes(length);
          watch(bytes);
          return bytes;
        },
      };
      const fresh = hpkeSeal(configuration, { publicKey: recipient.publicKey, random: watched }, input);
      let secret: Secret | undefined;
      const kept: DecryptionKey = {
        ...key,
        async decapsulate(encapsulated) {
          const decapsulated = await key.decapsulate(encapsulated);
          secret = decapsulated;
          return decapsulated;
        },
      };
      await hpkeOpen(configuration, kept, { ...received, ...fresh });
      assert.throws(() => secret?.length, { code: "CRYPTO_SECRET_GONE" });
    } finally {
      mock.mock.restore();
      syncBuiltinESMExports();
    }
    assert.equal(wiped.length, 2);
    for (const { bytes, before } of wiped) assert.ok(before && bytes.every((byte) => byte === 0));
  });
});

function publicKeyOf(kind: KeyKind): PublicKey {
  const rsa = rsaKinds.find((each) => each === kind);
  return (rsa === undefined ? SoftwareKey.generate(kind) : rsaKey(rsa).key).publicKey;
}

describe("suites", () => {
  test("the default is hybrid; a party has one key of each kind for a purpose, those of its suites in their order", () => {
    assert.deepEqual(
      suites.map(({ name, id, encryption }) => [name, id, encryption]),
      [
        ["hybrid", 2, hpkeXWing],
        ["pq", 7, hpkeXWing],
        ["x25519", 1, hpkeX25519],
        ["p256", 3, hpkeP256],
        ["rsa2048", 4, rsaOaep2048],
        ["rsa3072", 5, rsaOaep3072],
        ["rsa4096", 6, rsaOaep4096],
      ],
    );
    assert.equal(defaultSuite, suites[0]);
    const both = ["x-wing", "x25519"];
    const rsa = ["rsa2048", "rsa3072", "rsa4096"];
    assert.deepEqual(keyKindsOf(suites), {
      signing: ["ed25519", "ml-dsa-65", "p256", ...rsa],
      decryption: [...both, "p256", ...rsa],
      agreement: [...both, "p256", "ffdhe2048", "ffdhe3072", "ffdhe4096"],
    });
    assert.deepEqual(standardKinds, { signing: ["ed25519"], decryption: both, agreement: both });
    assert.deepEqual(
      standardSuites.map(({ name }) => name),
      ["hybrid", "x25519"],
    );
    assert.deepEqual(suitesNamed(["p256", "pq"]), [suiteNamed("pq"), suiteNamed("p256")], "of two the one that lasts comes first");
    assert.deepEqual(keyKindsOf([suiteNamed("pq"), suiteNamed("x25519")]), {
      signing: ["ml-dsa-65", "ed25519"],
      decryption: both,
      agreement: both,
    });
  });

  test("the encryption for a key goes by its kind; a key that signs has none", () => {
    for (const { encryption } of suites) assert.equal(encryptionFor(publicKeyOf(encryption.keyKind)), encryption);
    assert.throws(() => encryptionFor(SoftwareKey.generate("ed25519").publicKey), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });

  test("every encryption is for one kind of key and has COSE identifiers of its own, given for ever", () => {
    for (const encryption of encryptions) assert.equal(encryptionFor(publicKeyOf(encryption.keyKind)), encryption);
    const ids = encryptions.flatMap((each) => (each.form === "hpke" ? [each.coseId, each.keyEncryptionCoseId] : []));
    assert.equal(new Set(ids).size, ids.length);
    const hpkes = encryptions.filter((each): each is HpkeEncryption => each.form === "hpke");
    assert.deepEqual(
      hpkes.map(({ keyKind, coseId, keyEncryptionCoseId, hpke }) => [keyKind, coseId, keyEncryptionCoseId, hpke.kem.id, hpke.aead.id]),
      [
        ["x-wing", -65538, -65541, 0x647a, 2],
        ["x25519", -65537, -65540, 0x0020, 2],
        ["p256", 45, 53, 0x0010, 2],
        ["ffdhe2048", -65544, -65545, 0xfff1, 2],
        ["ffdhe3072", -65546, -65547, 0xfff2, 2],
        ["ffdhe4096", -65548, -65549, 0xfff3, 2],
      ],
    );
  });

  test("are found by name and by number", () => {
    for (const suite of suites) {
      assert.equal(suiteNamed(suite.name), suite);
      assert.equal(suiteNumbered(suite.id), suite);
    }
    for (const name of ["", "X25519", "rot13", "__proto__"]) assert.throws(() => suiteNamed(name), { code: "CRYPTO_SUITE_UNKNOWN" });
    for (const id of [0, -1, 99, 1.5]) assert.throws(() => suiteNumbered(id), { code: "CRYPTO_SUITE_UNKNOWN" });
  });

  test("have names, numbers and COSE identifiers of their own, given for ever", () => {
    assert.equal(new Set(suites.map(({ name }) => name)).size, suites.length);
    assert.equal(new Set(suites.map(({ id }) => id)).size, suites.length);
    const { encryption, signature } = suiteNamed("x25519");
    assert.ok(encryption.form === "hpke");
    assert.deepEqual([encryption.coseId, encryption.keyEncryptionCoseId, signature.coseId], [-65537, -65540, -19]);
  });
});
