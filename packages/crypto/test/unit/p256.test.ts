import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { p256Agreement, Secret, SoftwareKey } from "../../src/index.ts";
import { firstKeyPair, p256Group } from "../../src/p256.ts";
import { bigEndian } from "./finite-field.ts";

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const generator =
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
const negatedGenerator =
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a";

describe("KGRP: the scalar of P-256 that follows from a seed", () => {
  test("is the first candidate that is not 0 and below the order", () => {
    const candidates = [0n, order, order + 1n, 2n ** 256n - 1n, 1n, 2n].map((value) => bigEndian(value, 32));
    const asked: number[] = [];
    const { publicRaw } = firstKeyPair((counter) => {
      asked.push(counter);
      return candidates[counter] ?? assert.fail();
    });
    assert.deepEqual(asked, [0, 1, 2, 3, 4]);
    assert.equal(publicRaw.toHex(), generator);
    for (const candidate of candidates.slice(0, 5)) assert.deepEqual(candidate, new Uint8Array(32), "wiped");
    assert.equal(firstKeyPair(() => bigEndian(order - 1n, 32)).publicRaw.toHex(), negatedGenerator);
  });

  test("is none where no candidate is", () => {
    let asked = 0;
    const none = (): Uint8Array => {
      asked++;
      return new Uint8Array(32);
    };
    assert.throws(() => firstKeyPair(none), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
    assert.equal(asked, 256);
  });

  test("leaves nothing of the seed", () => {
    const seed = new Uint8Array(32).fill(7);
    const { publicRaw } = p256Group.keyPairOf(seed);
    assert.deepEqual(seed, new Uint8Array(32));
    assert.equal(p256Agreement.publicOf(Secret.take("agreement seed", new Uint8Array(32).fill(7))).toHex(), publicRaw.toHex());
  });
});

test("KGRP: a P-256 private key of 0 or the order is refused", () => {
  const pkcs8 = (scalar: bigint): Uint8Array =>
    Uint8Array.from([
      ...Uint8Array.fromHex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420"),
      ...bigEndian(scalar, 32),
    ]);
  for (const scalar of [0n, order]) assert.throws(() => SoftwareKey.fromPkcs8(pkcs8(scalar)), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
  assert.equal(SoftwareKey.fromPkcs8(pkcs8(1n)).publicKey.raw.toHex(), generator);
});
