import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { describe, test } from "node:test";
import { PublicKey, ps256, SoftwareKey, signatureAlgorithmOf, verifySignature } from "../../src/index.ts";
import { bigEndian, rsaKey, rsaKinds } from "../keys/rsa-keys.ts";

const message = Buffer.from("a message");
const publicWrong = { code: "CRYPTO_PUBLIC_KEY_WRONG" };
const privateWrong = { code: "CRYPTO_PRIVATE_KEY_WRONG" };
const keys = rsaKinds.map(rsaKey);
const small = rsaKey("rsa2048");

/** A public key of any modulus and exponent, which OpenSSL imports. */
function publicOf(n: bigint, e: bigint): KeyObject {
  const number = (value: bigint): string =>
    bigEndian(value, Math.ceil(value.toString(16).length / 2)).toBase64({ alphabet: "base64url", omitPadding: true });
  return createPublicKey({ key: { kty: "RSA", n: number(n), e: number(e) }, format: "jwk" });
}

function refusedAsPublic(object: KeyObject): void {
  assert.throws(() => PublicKey.fromObject(object), publicWrong);
  const spki = object.export({ type: "spki", format: "der" });
  assert.throws(() => PublicKey.fromSpki(spki), publicWrong);
  for (const kind of rsaKinds) assert.throws(() => PublicKey.fromRaw(kind, spki), publicWrong);
}

for (const { kind, key, native, modulusBytes } of keys) {
  describe(`an ${kind} key`, () => {
    test("is the same from SPKI, raw bytes and node:crypto; its raw form is its SPKI", () => {
      const { spki, raw } = key.publicKey;
      assert.equal(spki.length, modulusBytes + 38);
      assert.deepEqual(Uint8Array.from(spki), raw);
      const again = [PublicKey.fromSpki(spki), PublicKey.fromRaw(kind, raw), PublicKey.fromObject(native)];
      for (const other of again) assert.deepEqual([other.kind, other.spki, other.raw], [kind, spki, raw]);
      for (const other of rsaKinds.filter((each) => each !== kind)) assert.throws(() => PublicKey.fromRaw(other, raw), publicWrong);
    });

    test("comes back from PKCS #8", () => {
      const again = SoftwareKey.fromPkcs8(key.toPkcs8());
      assert.deepEqual(again.toPkcs8(), native.export({ type: "pkcs8", format: "der" }));
      assert.deepEqual(again.publicKey.spki, key.publicKey.spki);
    });

    test("signs and verifies PS256, which node:crypto accepts with a salt of 32 bytes only", async () => {
      const signature = await key.signingKey().sign(message);
      assert.equal(signature.length, modulusBytes);
      assert.equal(signatureAlgorithmOf(key.publicKey), ps256);
      verifySignature(key.publicKey, message, signature);
      const padding = 6; // PSS
      for (const saltLength of [0, 31, 32, 33]) {
        assert.equal(verify("sha256", message, { key: native, padding, saltLength }, signature), saltLength === 32);
      }
      assert.throws(() => verifySignature(key.publicKey, Buffer.from("another"), signature), { code: "CRYPTO_SIGNATURE_WRONG" });
    });

    test("gives the bare private operation to a signing handle, on blocks of the modulus' length and below it", async () => {
      const { signBlock } = key.signingKey();
      assert.ok(signBlock !== undefined);
      const { modulus } = rsaKey(kind);
      const block = bigEndian(modulus - 2n, modulusBytes);
      const signed = await signBlock(block);
      assert.equal(power(BigInt(`0x${Buffer.from(signed).toString("hex")}`), 65_537n, modulus), modulus - 2n);
      for (const length of [0, 1, modulusBytes - 1, modulusBytes + 1]) {
        assert.throws(() => signBlock(new Uint8Array(length).fill(1)), privateWrong);
      }
      assert.throws(() => signBlock(bigEndian(modulus, modulusBytes)), privateWrong);
    });

    test("does not agree", () => assert.throws(() => key.agreementKey(), privateWrong));
  });
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) result = (result * result * (bit === "1" ? base : 1n)) % modulus;
  return result;
}

describe("an RSA key", () => {
  test("is made with e = 65537 and the exact length", () => {
    const { publicKey } = SoftwareKey.generate("rsa2048");
    assert.equal(publicKey.kind, "rsa2048");
    assert.deepEqual(publicKey.native.asymmetricKeyDetails, { modulusLength: 2048, publicExponent: 65_537n });
    assert.notDeepEqual(publicKey.spki, SoftwareKey.generate("rsa2048").publicKey.spki);
  });

  test("with another exponent is refused, public and private", () => {
    for (const e of [1n, 3n, 17n, 65_539n, 2n ** 32n + 1n]) refusedAsPublic(publicOf(small.modulus, e));
    for (const publicExponent of [3, 65_539]) {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent });
      assert.throws(() => SoftwareKey.fromPkcs8(privateKey.export({ type: "pkcs8", format: "der" })), privateWrong);
    }
  });

  test("of another size is refused, public and private", () => {
    for (const { modulus } of keys)
      for (const n of [modulus >> 1n, modulus >> 8n, (modulus << 1n) | 1n]) refusedAsPublic(publicOf(n | 1n, 65_537n));
    refusedAsPublic(publicOf((2n ** 8191n) | 1n, 65_537n));
    for (const modulusLength of [1024, 2047]) {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength });
      assert.throws(() => SoftwareKey.fromPkcs8(privateKey.export({ type: "pkcs8", format: "der" })), privateWrong);
    }
  });

  test("with an even modulus is refused", () => refusedAsPublic(publicOf(small.modulus - 1n, 65_537n)));

  test("that is bound to PSS by its identifier is refused", () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa-pss", { modulusLength: 2048 });
    refusedAsPublic(publicKey);
    assert.throws(() => SoftwareKey.fromPkcs8(privateKey.export({ type: "pkcs8", format: "der" })), privateWrong);
  });

  test("has no other DER", () => {
    const spki = Buffer.from(small.key.publicKey.spki);
    const modulusAndExponent = spki.subarray(24);
    const hex = (text: string): Buffer => Buffer.from(text, "hex");
    assert.deepEqual(spki.subarray(0, 24), hex("30820122300d06092a864886f70d01010105000382010f00"));
    const others: readonly Buffer[] = [
      Buffer.alloc(0),
      spki.subarray(0, -1),
      Buffer.concat([spki, Buffer.alloc(1)]),
      Buffer.concat([hex("30820120300b06092a864886f70d0101010382010f00"), modulusAndExponent]), // no parameters
      Buffer.concat([hex("3083000122"), spki.subarray(4)]), // a length in one byte more
      Buffer.concat([hex("3080"), spki.subarray(4), Buffer.alloc(2)]), // BER
      Buffer.concat([spki.subarray(0, 23), Buffer.of(1), modulusAndExponent]), // unused bits
      // e, then n, with a zero in front
      Buffer.concat([
        hex("30820123300d06092a864886f70d01010105000382011000"),
        hex("3082010b"),
        modulusAndExponent.subarray(4, -5),
        hex("020400010001"),
      ]),
      Buffer.concat([hex("30820123300d06092a864886f70d01010105000382011000"), hex("3082010b0282010200"), modulusAndExponent.subarray(8)]),
      Buffer.from(small.key.toPkcs8()),
      Buffer.from(small.key.publicKey.native.export({ format: "der", type: "pkcs1" })),
      Buffer.from(small.key.publicKey.native.export({ format: "pem", type: "spki" })),
    ];
    for (const other of others) {
      assert.throws(() => PublicKey.fromSpki(other), publicWrong);
      assert.throws(() => PublicKey.fromRaw("rsa2048", other), publicWrong);
    }
  });
});

test("a PS256 signature has the modulus' length: without its leading zero it would be a second one", async () => {
  const signing = small.key.signingKey();
  let signature: Uint8Array;
  do signature = await signing.sign(message);
  while (signature[0] !== 0);
  verifySignature(small.key.publicKey, message, signature);
  for (const other of [signature.subarray(1), Buffer.concat([Buffer.alloc(1), signature]), signature.subarray(0, 0)]) {
    assert.throws(() => verifySignature(small.key.publicKey, message, other), { code: "CRYPTO_SIGNATURE_WRONG" });
  }
});
