import assert from "node:assert/strict";
import { hkdfSync } from "node:crypto";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import {
  aeadOpen,
  aeadSeal,
  hkdfExpand,
  hkdfExtract,
  hmac,
  hpkeAes128Gcm,
  hpkeOpen,
  hpkeSeal,
  PublicKey,
  SoftwareKey,
  verifyHmac,
  verifySignature,
  x25519Kem,
} from "../../src/index.ts";
import { loadVectors } from "./vector-file.ts";

const pkcs8Prefix = { ed25519: "302e020100300506032b657004220420", x25519: "302e020100300506032b656e04220420" };

function privateKey(kind: "ed25519" | "x25519", seed: Uint8Array): SoftwareKey {
  return SoftwareKey.fromPkcs8(Buffer.concat([Buffer.from(pkcs8Prefix[kind], "hex"), seed]));
}

function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(Buffer.from(actual).toString("hex"), Buffer.from(expected).toString("hex"));
}

const covered = {
  "rfc4231.json": "HMAC",
  "rfc5869.json": "HKDF",
  "rfc7748.json": "X25519",
  "rfc8032.json": "Ed25519",
  "rfc9180.json": "HPKE",
  "gcm.json": "AES-256-GCM",
};

test("every file of vectors is used", () => {
  assert.deepEqual(
    readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith(".json"))
      .sort(),
    Object.keys(covered).sort(),
  );
});

test("HMAC-SHA-256 gives the tags of RFC 4231", () => {
  for (const vector of loadVectors("rfc4231.json")) {
    assertBytes(hmac(vector.bytes("key"), vector.bytes("data")), vector.bytes("tag"));
    verifyHmac(vector.bytes("key"), vector.bytes("data"), vector.bytes("tag"));
  }
});

test("HKDF gives the keys of RFC 5869", () => {
  for (const vector of loadVectors("rfc5869.json")) {
    const extracted = hkdfExtract(vector.bytes("salt"), vector.bytes("keyMaterial"));
    assertBytes(extracted, vector.bytes("extracted"));
    const expanded = vector.bytes("expanded");
    assertBytes(hkdfExpand(extracted, vector.bytes("info"), expanded.length), expanded);
  }
});

test("Ed25519 makes and accepts the signatures of RFC 8032", async () => {
  for (const vector of loadVectors("rfc8032.json")) {
    const key = privateKey("ed25519", vector.bytes("privateKey")).signingKey();
    assertBytes(key.publicKey.raw, vector.bytes("publicKey"));
    assertBytes(await key.sign(vector.bytes("message")), vector.bytes("signature"));
    verifySignature(PublicKey.fromRaw("ed25519", vector.bytes("publicKey")), vector.bytes("message"), vector.bytes("signature"));
  }
});

describe("X25519 of RFC 7748", () => {
  test("gives its public keys and, as a KEM, the keys derived from its shared secret", async () => {
    for (const vector of loadVectors("rfc7748.json")) {
      const key = privateKey("x25519", vector.bytes("privateKey")).decryptionKey();
      assertBytes(key.publicKey.raw, vector.bytes("publicKey"));
      using secret = await key.decapsulate(vector.bytes("peerPublicKey"));
      // DHKEM by another implementation of HKDF (RFC 9180, sections 4 and 4.1)
      const suite = Buffer.concat([Buffer.from("HPKE-v1KEM"), Buffer.of(0, 0x20)]);
      const keyMaterial = Buffer.concat([suite, Buffer.from("eae_prk"), vector.bytes("shared")]);
      const info = Buffer.concat([Buffer.of(0, 32), suite, Buffer.from("shared_secret"), vector.bytes("peerPublicKey"), key.publicKey.raw]);
      const expected = new Uint8Array(hkdfSync("sha256", keyMaterial, new Uint8Array(), info, 32));
      secret.use((bytes) => assertBytes(bytes, expected));
    }
  });
});

describe("HPKE of RFC 9180, appendix A.1.1", () => {
  const configuration = { kem: x25519Kem, aead: hpkeAes128Gcm };
  for (const vector of loadVectors("rfc9180.json")) {
    const key = privateKey("x25519", vector.bytes("recipientPrivateKey")).decryptionKey();
    const publicKey = PublicKey.fromRaw("x25519", vector.bytes("recipientPublicKey"));
    const random = { bytes: () => vector.bytes("ephemeralPrivateKey") };
    const input = { info: vector.bytes("info"), aad: vector.bytes("aad") };

    test("the KEM gives its secret at both ends", async () => {
      const { encapsulated, secret } = x25519Kem.encapsulate(publicKey, random);
      assertBytes(encapsulated, vector.bytes("encapsulated"));
      secret.use((bytes) => assertBytes(bytes, vector.bytes("sharedSecret")));
      const decapsulated = await key.decapsulate(vector.bytes("encapsulated"));
      decapsulated.use((bytes) => assertBytes(bytes, vector.bytes("sharedSecret")));
    });

    test("seals to its ciphertext and opens it", async () => {
      const { encapsulated, ciphertext } = hpkeSeal(
        configuration,
        { publicKey, random },
        { ...input, plaintext: vector.bytes("plaintext") },
      );
      assertBytes(encapsulated, vector.bytes("encapsulated"));
      assertBytes(ciphertext, vector.bytes("ciphertext"));
      const received = { ...input, encapsulated: vector.bytes("encapsulated"), ciphertext: vector.bytes("ciphertext") };
      assertBytes(await hpkeOpen(configuration, key, received), vector.bytes("plaintext"));
    });
  }
});

test("AES-256-GCM gives the ciphertexts of its authors", () => {
  for (const vector of loadVectors("gcm.json")) {
    const input = { key: vector.bytes("key"), nonce: vector.bytes("nonce"), aad: vector.bytes("aad") };
    assertBytes(aeadSeal(input, vector.bytes("plaintext")), vector.bytes("sealed"));
    assertBytes(aeadOpen(input, vector.bytes("sealed")), vector.bytes("plaintext"));
  }
});
