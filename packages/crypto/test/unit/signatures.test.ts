import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { ed25519, type PublicKey, SoftwareKey, signatureAlgorithmOf, verifySignature } from "../../src/index.ts";
import { basePoint, encodePoint, fromLittleEndian, identity, littleEndian, mod, multiply, order, p } from "./edwards.ts";

const seed = Buffer.alloc(32, 0x42);
const key = SoftwareKey.fromPkcs8(Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]));
const message = Buffer.from("a message");
const publicPoint = multiply((sha512(seed) & (2n ** 254n - 8n)) | (2n ** 254n), basePoint);
const signature = await key.signingKey().sign(message);

function sha512(...parts: readonly Uint8Array[]): bigint {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return fromLittleEndian(hash.digest());
}

function refused(publicKey: PublicKey, signed: Uint8Array, bytes: Uint8Array): void {
  assert.throws(() => verifySignature(publicKey, signed, bytes), { code: "CRYPTO_SIGNATURE_WRONG" });
}

describe("an Ed25519 signature", () => {
  test("is accepted, and is the same every time", async () => {
    assert.equal(signature.length, 64);
    assert.deepEqual(await key.signingKey().sign(message), signature);
    verifySignature(key.publicKey, message, signature);
  });

  test("with any one bit changed is refused", () => {
    for (let bit = 0; bit < 512; bit++) {
      const flipped = Uint8Array.from(signature);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      refused(key.publicKey, message, flipped);
    }
  });

  test("of another message, by another key or of another length is refused", () => {
    refused(key.publicKey, Buffer.from("another message"), signature);
    refused(SoftwareKey.generate("ed25519").publicKey, message, signature);
    for (const length of [0, 63, 65, 128]) refused(key.publicKey, message, Buffer.concat([signature, signature]).subarray(0, length));
  });

  test("with s + L in place of s is refused: it would be a second signature", () => {
    const s = fromLittleEndian(signature.subarray(32));
    for (let other = s + order; other < 2n ** 256n; other += order) {
      refused(key.publicKey, message, Buffer.concat([signature.subarray(0, 32), littleEndian(other)]));
    }
  });

  test("with the identity as R is refused in every encoding, even by the key's owner", () => {
    // r = 0: the only kind of point with a second encoding that a signer can reach.
    const secret = (sha512(seed) & (2n ** 254n - 8n)) | (2n ** 254n);
    const negativeZero = encodePoint(identity);
    negativeZero[31] = 0x80;
    for (const r of [encodePoint(identity), littleEndian(p + 1n), negativeZero]) {
      const h = mod(sha512(r, key.publicKey.raw, message), order);
      const s = mod(h * secret, order);
      assert.deepEqual(encodePoint(multiply(s, basePoint)), encodePoint(multiply(h, publicPoint)), "sB = R + hA holds");
      refused(key.publicKey, message, Buffer.concat([r, littleEndian(s)]));
    }
  });
});

test("a key that does not sign has no signature algorithm", () => {
  const { publicKey } = SoftwareKey.generate("x25519");
  assert.throws(() => signatureAlgorithmOf(publicKey), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  assert.throws(() => verifySignature(publicKey, message, signature), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  assert.equal(signatureAlgorithmOf(key.publicKey), ed25519);
});
