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
  type Kem,
  PublicKey,
  p256Agreement,
  p256Kem,
  Secret,
  SoftwareKey,
  verifyHmac,
  verifySignature,
  x25519Agreement,
  x25519Kem,
} from "../../src/index.ts";
import { loadVectors } from "./vector-file.ts";

const pkcs8Prefix = {
  ed25519: "302e020100300506032b657004220420",
  x25519: "302e020100300506032b656e04220420",
  p256: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", // without the public key, which OpenSSL finds
};

function privateKey(kind: keyof typeof pkcs8Prefix, seed: Uint8Array): SoftwareKey {
  return SoftwareKey.fromPkcs8(Buffer.concat([Buffer.from(pkcs8Prefix[kind], "hex"), seed]));
}

function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(Buffer.from(actual).toString("hex"), Buffer.from(expected).toString("hex"));
}

const covered = {
  "rfc4231.json": "HMAC",
  "rfc5869.json": "HKDF",
  "rfc5903.json": "ECDH on P-256",
  "rfc7748.json": "X25519",
  "rfc8032.json": "Ed25519",
  "rfc9180.json": "HPKE",
  "rfc9180-p256.json": "HPKE on P-256",
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
  test("KGRP: agrees on its shared secret, from a seed and from a static key, with its public keys as g^x and g^y", async () => {
    for (const vector of loadVectors("rfc7748.json")) {
      const seed = Secret.take("agreement seed", vector.bytes("privateKey"));
      assertBytes(x25519Agreement.publicOf(seed), vector.bytes("publicKey"));
      x25519Agreement.complete(seed, vector.bytes("peerPublicKey")).use((bytes) => assertBytes(bytes, vector.bytes("shared")));
      const key = privateKey("x25519", vector.bytes("privateKey")).agreementKey();
      (await key.agree(vector.bytes("peerPublicKey"))).use((bytes) => assertBytes(bytes, vector.bytes("shared")));
      const { value, shared } = x25519Agreement.respond(vector.bytes("peerPublicKey"), { bytes: () => vector.bytes("privateKey") });
      assertBytes(value, vector.bytes("publicKey"));
      shared.use((bytes) => assertBytes(bytes, vector.bytes("shared")));
    }
  });

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

test("KGRP: P-256 agrees on the shared secret of RFC 5903", async () => {
  for (const vector of loadVectors("rfc5903.json")) {
    const key = privateKey("p256", vector.bytes("privateKey")).agreementKey();
    assertBytes(key.publicKey.raw, vector.bytes("publicKey"));
    (await key.agree(vector.bytes("peerPublicKey"))).use((bytes) => assertBytes(bytes, vector.bytes("shared")));
  }
});

test("KGRP: a seed gives the P-256 key pair that DeriveKeyPair of RFC 9180 gives", () => {
  for (const vector of loadVectors("rfc9180-p256.json")) {
    const publicOf = (field: string): Uint8Array => p256Agreement.publicOf(Secret.take("agreement seed", vector.bytes(field)));
    assertBytes(publicOf("recipientKeyMaterial"), vector.bytes("recipientPublicKey"));
    assertBytes(publicOf("ephemeralKeyMaterial"), vector.bytes("encapsulated"));
  }
});

const dhKems: readonly { readonly file: string; readonly kind: "x25519" | "p256"; readonly kem: Kem; readonly ephemeral: string }[] = [
  { file: "rfc9180.json", kind: "x25519", kem: x25519Kem, ephemeral: "ephemeralPrivateKey" },
  { file: "rfc9180-p256.json", kind: "p256", kem: p256Kem, ephemeral: "ephemeralKeyMaterial" },
];

for (const { file, kind, kem, ephemeral } of dhKems) {
  describe(`HPKE of RFC 9180, appendices A.1.1 and A.3.1, ${kind}`, () => {
    const configuration = { kem, aead: hpkeAes128Gcm };
    for (const vector of loadVectors(file)) {
      const key = privateKey(kind, vector.bytes("recipientPrivateKey")).decryptionKey();
      const publicKey = PublicKey.fromRaw(kind, vector.bytes("recipientPublicKey"));
      const random = { bytes: () => vector.bytes(ephemeral) };
      const input = { info: vector.bytes("info"), aad: vector.bytes("aad") };

      test("the KEM gives its secret at both ends", async () => {
        const { encapsulated, secret } = kem.encapsulate(publicKey, random);
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
}

test("AES-256-GCM gives the ciphertexts of its authors", () => {
  for (const vector of loadVectors("gcm.json")) {
    const input = { key: vector.bytes("key"), nonce: vector.bytes("nonce"), aad: vector.bytes("aad") };
    assertBytes(aeadSeal(input, vector.bytes("plaintext")), vector.bytes("sealed"));
    assertBytes(aeadOpen(input, vector.bytes("sealed")), vector.bytes("plaintext"));
  }
});
