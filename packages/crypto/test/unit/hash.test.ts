import assert from "node:assert/strict";
import crypto, { hkdfSync } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { describe, test } from "node:test";
import { digestBytes, hkdfExpand, hkdfExtract, hmac, sha256, startSha256, verifyHmac } from "../../src/index.ts";

const key = Buffer.alloc(32, 1);
const message = Buffer.from("a message");

describe("an authentication code", () => {
  const tag = hmac(key, message);

  test("is accepted", () => {
    assert.equal(tag.length, digestBytes);
    verifyHmac(key, message, tag);
    verifyHmac(key, message, Uint8Array.from(tag));
  });

  test("with any one bit changed is refused", () => {
    for (let bit = 0; bit < tag.length * 8; bit++) {
      const flipped = Uint8Array.from(tag);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => verifyHmac(key, message, flipped), { code: "CRYPTO_MAC_WRONG" });
    }
  });

  test("of another length, message or key is refused", () => {
    for (const length of [0, 8, 16, 31])
      assert.throws(() => verifyHmac(key, message, tag.subarray(0, length)), { code: "CRYPTO_MAC_WRONG" });
    assert.throws(() => verifyHmac(key, message, Buffer.concat([tag, tag])), { code: "CRYPTO_MAC_WRONG" });
    assert.throws(() => verifyHmac(key, Buffer.from("another"), tag), { code: "CRYPTO_MAC_WRONG" });
    assert.throws(() => verifyHmac(Buffer.alloc(32, 2), message, tag), { code: "CRYPTO_MAC_WRONG" });
  });

  test("is compared in constant time, once and in full", (t) => {
    const compare = t.mock.method(crypto, "timingSafeEqual");
    syncBuiltinESMExports();
    try {
      verifyHmac(key, message, tag);
      assert.throws(() => verifyHmac(key, message, new Uint8Array(digestBytes)), { code: "CRYPTO_MAC_WRONG" });
      assert.throws(() => verifyHmac(key, message, new Uint8Array(digestBytes - 1)), { code: "CRYPTO_MAC_WRONG" });
      assert.equal(compare.mock.callCount(), 2);
      for (const call of compare.mock.calls) {
        assert.deepEqual(
          call.arguments.map((argument) => argument.byteLength),
          [digestBytes, digestBytes],
        );
      }
    } finally {
      compare.mock.restore();
      syncBuiltinESMExports();
    }
  });
});

describe("HKDF", () => {
  test("agrees with node:crypto for every length around the blocks", () => {
    for (const length of [0, 1, 31, 32, 33, 63, 64, 65, 255, 8159, 8160]) {
      for (const salt of [Buffer.alloc(0), Buffer.alloc(13, 5)]) {
        const expected = length === 0 ? new Uint8Array(0) : new Uint8Array(hkdfSync("sha256", key, salt, message, length));
        assert.deepEqual(hkdfExpand(hkdfExtract(salt, key), message, length), expected);
      }
    }
  });

  test("gives no more than 255 blocks: the counter would begin again", () => {
    assert.throws(() => hkdfExpand(key, message, 8161), { code: "CRYPTO_LENGTH_EXCEEDED" });
  });

  test("gives memory of its own", () => {
    assert.equal(hkdfExpand(key, message, 20).buffer.byteLength, 20);
    assert.equal(hkdfExtract(key, message).buffer.byteLength, digestBytes);
  });
});

describe("SHA-256", () => {
  test("is that of FIPS 180-4", () => {
    assert.equal(
      Buffer.from(sha256(Buffer.from("abc"))).toString("hex"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assert.equal(Buffer.from(sha256(new Uint8Array())).toString("hex"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test("in pieces is that of the whole", () => {
    const running = startSha256();
    for (const piece of ["a", "", "b", "c"]) running.update(Buffer.from(piece));
    assert.deepEqual(Uint8Array.from(running.digest()), Uint8Array.from(sha256(Buffer.from("abc"))));
  });
});
