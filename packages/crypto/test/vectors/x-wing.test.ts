import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ml_kem768_x25519 as oracle } from "@noble/post-quantum/hybrid.js";
import { describeVectors } from "@sealane/testkit";
import { hpkeOpen, hpkeXWing, PublicKey, Secret, SoftwareKey, systemRandom, xWingAgreement, xWingKem } from "../../src/index.ts";
import { xWingPkcs8Prefix } from "../../src/x-wing.ts";

/** What we read of a vector of draft-ietf-hpke-pq; everything is hex. */
interface Vector {
  readonly kem_id: number;
  readonly skRm: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly shared_secret: string;
}

function keyOf(seedHex: string): SoftwareKey {
  return SoftwareKey.fromPkcs8(Uint8Array.from([...xWingPkcs8Prefix, ...Uint8Array.fromHex(seedHex)]));
}

describeVectors("X-Wing in the vectors of the HPKE working group", "hpke/hpke-pq-test-vectors.json", (path) => {
  const vectors = (JSON.parse(readFileSync(path, "utf8")) as Vector[]).filter(({ kem_id }) => kem_id === xWingKem.id);

  test("there are some", () => assert.ok(vectors.length > 0));

  for (const [i, vector] of vectors.entries()) {
    test(`vector ${i}: a seed gives its public key, an encapsulated key its secret`, async () => {
      const key = keyOf(vector.skRm);
      assert.equal(key.publicKey.raw.toHex(), vector.pkRm);
      const secret = await key.decryptionKey().decapsulate(Uint8Array.fromHex(vector.enc));
      secret.use((bytes) => assert.equal(bytes.toHex(), vector.shared_secret));
    });

    test(`KGRP: vector ${i}: as a group, from a seed and from a static key, it gives the same secret`, async () => {
      const seed = Secret.take("agreement seed", Uint8Array.fromHex(vector.skRm));
      assert.equal(xWingAgreement.publicOf(seed).toHex(), vector.pkRm);
      const value = Uint8Array.fromHex(vector.enc);
      for (const agreed of [xWingAgreement.complete(seed, value), await keyOf(vector.skRm).agreementKey().agree(value)]) {
        agreed.use((bytes) => assert.equal(bytes.toHex(), vector.shared_secret));
      }
    });
  }
});

test("X-Wing agrees with an independent implementation in both directions", async () => {
  for (let round = 0; round < 5; round++) {
    const seed = systemRandom.bytes(32);
    const theirs = oracle.keygen(Uint8Array.from(seed));
    const ours = keyOf(seed.toHex());
    assert.equal(ours.publicKey.raw.toHex(), theirs.publicKey.toHex());
    const { encapsulated, secret } = xWingKem.encapsulate(ours.publicKey, systemRandom);
    const opened = oracle.decapsulate(Uint8Array.from(encapsulated), theirs.secretKey);
    secret.use((bytes) => assert.equal(bytes.toHex(), opened.toHex()));
    const { cipherText, sharedSecret } = oracle.encapsulate(theirs.publicKey);
    const decapsulated = await ours.decryptionKey().decapsulate(cipherText);
    decapsulated.use((bytes) => assert.equal(bytes.toHex(), sharedSecret.toHex()));
  }
});

test("KGRP: X-Wing as a group agrees with an independent implementation at either end", () => {
  const { publicValue, seed } = xWingAgreement.generate(systemRandom);
  const theirs = oracle.encapsulate(Uint8Array.from(publicValue));
  xWingAgreement.complete(seed, theirs.cipherText).use((bytes) => assert.equal(bytes.toHex(), theirs.sharedSecret.toHex()));
  const { secretKey, publicKey } = oracle.keygen();
  const { value, shared } = xWingAgreement.respond(publicKey, systemRandom);
  const opened = oracle.decapsulate(Uint8Array.from(value), secretKey);
  shared.use((bytes) => assert.equal(bytes.toHex(), opened.toHex()));
});

test("X-Wing keys come back from PKCS #8 and SPKI, and other lengths are refused", () => {
  const key = SoftwareKey.generate("x-wing");
  assert.equal(SoftwareKey.fromPkcs8(key.toPkcs8()).publicKey.spki.toHex(), key.publicKey.spki.toHex());
  assert.equal(PublicKey.fromSpki(key.publicKey.spki).raw.toHex(), key.publicKey.raw.toHex());
  assert.deepEqual([key.publicKey.raw.length, key.publicKey.spki.length, key.toPkcs8().length], [1216, 1240, 54]);
  for (const length of [0, 1, 1239]) {
    assert.throws(() => PublicKey.fromSpki(key.publicKey.spki.subarray(0, length)), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  }
  assert.throws(() => PublicKey.fromRaw("x-wing", key.publicKey.raw.subarray(1)), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  assert.throws(() => SoftwareKey.fromPkcs8(key.toPkcs8().subarray(0, 53)), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
  assert.throws(() => key.signingKey(), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
});

test("X-Wing public keys with a low-order X25519 half or coefficients out of range are refused", () => {
  const raw = SoftwareKey.generate("x-wing").publicKey.raw;
  const lowOrder = Uint8Array.from(raw);
  lowOrder.fill(0, 1184);
  const outOfRange = Uint8Array.from(raw);
  outOfRange.fill(0xff, 0, 3);
  for (const wrong of [lowOrder, outOfRange]) assert.throws(() => PublicKey.fromRaw("x-wing", wrong), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
});

test("every changed byte of an encapsulated X-Wing key fails like every other", async () => {
  const key = SoftwareKey.generate("x-wing").decryptionKey();
  const { encapsulated } = xWingKem.encapsulate(key.publicKey, systemRandom);
  const aad = new Uint8Array(0);
  for (let at = 0; at < encapsulated.length; at += 7) {
    const changed = Uint8Array.from(encapsulated);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const opening = hpkeOpen(hpkeXWing.hpke, key, { aad, encapsulated: changed, ciphertext: new Uint8Array(48) });
    await assert.rejects(opening, { code: "CRYPTO_OPEN_FAILED" });
  }
  const short = hpkeOpen(hpkeXWing.hpke, key, { aad, encapsulated: encapsulated.subarray(1), ciphertext: new Uint8Array(48) });
  await assert.rejects(short, { code: "CRYPTO_OPEN_FAILED" });
});
