import assert from "node:assert/strict";
import { createSecretKey, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { type AeadInput, aeadKeyBytes, aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from "../../src/index.ts";

const input: AeadInput = { key: Buffer.alloc(aeadKeyBytes, 1), nonce: Buffer.alloc(aeadNonceBytes, 2), aad: Buffer.from("bound") };
const plaintext = Buffer.from("the plaintext of a message");

describe("AES-256-GCM", () => {
  const sealed = aeadSeal(input, plaintext);

  test("opens what it sealed, from a key in either form", () => {
    assert.equal(sealed.length, plaintext.length + aeadTagBytes);
    assert.deepEqual(Buffer.from(aeadOpen(input, sealed)), plaintext);
    const object = createSecretKey(Buffer.alloc(aeadKeyBytes, 1));
    assert.deepEqual(aeadSeal({ ...input, key: object }, plaintext), sealed);
    assert.deepEqual(Buffer.from(aeadOpen({ ...input, key: object }, sealed)), plaintext);
  });

  test("seals nothing to a tag", () => {
    const empty = aeadSeal(input, new Uint8Array());
    assert.equal(empty.length, aeadTagBytes);
    assert.equal(aeadOpen(input, empty).length, 0);
  });

  test("refuses every changed bit", () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Uint8Array.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => aeadOpen(input, flipped), { code: "CRYPTO_OPEN_FAILED" });
    }
  });

  test("refuses every other length, with short tags among them", () => {
    for (let length = 0; length < sealed.length; length++) {
      assert.throws(() => aeadOpen(input, sealed.subarray(0, length)), { code: "CRYPTO_OPEN_FAILED" });
    }
    assert.throws(() => aeadOpen(input, Buffer.concat([sealed, Buffer.alloc(1)])), { code: "CRYPTO_OPEN_FAILED" });
  });

  test("refuses another key, nonce, AAD or algorithm", () => {
    const others: readonly AeadInput[] = [
      { ...input, key: Buffer.alloc(aeadKeyBytes, 9) },
      { ...input, nonce: Buffer.alloc(aeadNonceBytes, 9) },
      { ...input, nonce: Buffer.alloc(16, 2) },
      { ...input, aad: Buffer.from("Bound") },
      { ...input, aad: new Uint8Array() },
      { ...input, key: Buffer.alloc(16, 1), aead: "aes-128-gcm" },
    ];
    for (const other of others) assert.throws(() => aeadOpen(other, sealed), { code: "CRYPTO_OPEN_FAILED" });
    const impossible: readonly AeadInput[] = [
      ...[0, 1, 16, 31, 33, 64].map((length) => ({ ...input, key: new Uint8Array(length) })),
      ...[0, 4096].map((length) => ({ ...input, nonce: new Uint8Array(length) })),
      { ...input, key: generateKeyPairSync("ed25519").privateKey },
      { ...input, key: generateKeyPairSync("ed25519").publicKey },
    ];
    for (const other of impossible) assert.throws(() => aeadOpen(other, sealed), { code: "CRYPTO_OPEN_FAILED" });
  });

  test("gives memory of its own", () => {
    assert.equal(sealed.buffer.byteLength, sealed.length);
    assert.equal(aeadOpen(input, sealed).buffer.byteLength, plaintext.length);
  });
});
