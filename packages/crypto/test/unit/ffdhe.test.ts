import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, getDiffieHellman } from "node:crypto";
import { describe, test } from "node:test";
import { ffdheGroup } from "../../src/ffdhe.ts";
import { PublicKey, SoftwareKey, systemRandom } from "../../src/index.ts";
import { bigEndian, der, ffdheKinds, primeOf } from "./finite-field.ts";
import { wrongNumbers } from "./wrong-values.ts";

const wrongPublic = { code: "CRYPTO_PUBLIC_KEY_WRONG" };
const dhKeyAgreement = Buffer.from("06092a864886f70d010301", "hex");
const dhPublicNumber = Buffer.from("06072a8648ce3e0201", "hex"); // X9.42

function algorithm(...numbers: readonly bigint[]): Buffer {
  return der.sequence(dhKeyAgreement, der.sequence(...numbers.map(der.integer)));
}

function spki(algorithmIdentifier: Uint8Array, y: bigint): Buffer {
  return der.sequence(algorithmIdentifier, der.element(3, Buffer.of(0), der.integer(y)));
}

function pkcs8(algorithmIdentifier: Uint8Array, exponent: bigint): Buffer {
  return der.sequence(der.integer(0n), algorithmIdentifier, der.element(4, der.integer(exponent)));
}

/** A number of the subgroup of order q, which 2 generates. */
function square(exponent: number, modulus: bigint): bigint {
  return 2n ** BigInt(exponent) % modulus;
}

for (const kind of ffdheKinds) {
  describe(kind, () => {
    const p = primeOf(kind);
    const q = (p - 1n) / 2n;
    const bytes = ffdheGroup(kind).valueBytes;
    const canonical = algorithm(p, 2n);

    test("KGRP: a public key is dhKeyAgreement with p and 2 around y, of any length", () => {
      for (const y of [4n, 2n ** 1_000n, 2n ** 1_007n, 2n ** 1_016n, square(9_001, p), square(9_002, p)]) {
        const raw = bigEndian(y, bytes);
        for (const key of [PublicKey.fromRaw(kind, raw), PublicKey.fromSpki(spki(canonical, y))]) {
          assert.deepEqual([key.kind, key.raw.toHex(), key.spki.toHex()], [kind, raw.toHex(), spki(canonical, y).toString("hex")]);
        }
      }
    });

    test("KGRP: a public key outside the subgroup is refused in every form", () => {
      for (const y of wrongNumbers(kind, square(9_001, p))) {
        assert.throws(() => PublicKey.fromRaw(kind, bigEndian(y, bytes)), wrongPublic);
        assert.throws(() => PublicKey.fromSpki(spki(canonical, y)), wrongPublic);
        const object = createPublicKey({ key: spki(canonical, y), format: "der", type: "spki" }); // OpenSSL takes it
        assert.throws(() => PublicKey.fromObject(object), wrongPublic);
      }
    });

    test("KGRP: other parameters, a length of exponents and other encodings of a key are refused, public and private", () => {
      const y = square(9_001, p);
      const otherPrime = primeOf(kind === "ffdhe2048" ? "ffdhe3072" : "ffdhe2048");
      const others = [
        algorithm(p, 4n),
        algorithm(p, 2n, 225n),
        algorithm(p, 2n, BigInt(8 * bytes)),
        algorithm(p - 2n, 2n),
        algorithm(p + 2n ** 200n, 2n),
        der.sequence(dhPublicNumber, der.sequence(...[p, 2n, q].map(der.integer))),
        der.sequence(dhKeyAgreement),
        der.sequence(dhKeyAgreement, Buffer.of(5, 0)),
      ];
      for (const other of others) {
        assert.throws(() => PublicKey.fromSpki(spki(other, y)), wrongPublic);
        assert.throws(() => SoftwareKey.fromPkcs8(pkcs8(other, 2n ** 224n + 9n)), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
      }
      assert.notEqual(PublicKey.fromSpki(spki(algorithm(otherPrime, 2n), 4n)).kind, kind);
      const good = spki(canonical, y);
      const longer = Buffer.concat([
        good.subarray(0, -der.integer(y).length - 5),
        der.element(3, Buffer.of(0), der.element(2, Buffer.of(0, 0), bigEndian(y, bytes))),
      ]);
      const large = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => square(9_000 + i, p)).find((each) => each >> BigInt(8 * bytes - 1) === 1n);
      assert.ok(large !== undefined, "a number whose bytes are a negative one in DER");
      const negative = der.sequence(canonical, der.element(3, Buffer.of(0), der.element(2, bigEndian(large, bytes))));
      const unused = der.sequence(canonical, der.element(3, Buffer.of(1), der.integer(y)));
      for (const wrong of [longer, negative, unused, good.subarray(0, -1), Buffer.concat([good, Buffer.of(0)])]) {
        assert.throws(() => PublicKey.fromSpki(wrong), wrongPublic);
      }
    });

    test("KGRP: a private key whose public half is no share is refused", () => {
      for (const exponent of [0n, q, p - 1n]) {
        assert.throws(() => SoftwareKey.fromPkcs8(pkcs8(canonical, exponent)), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
      }
      assert.equal(SoftwareKey.fromPkcs8(pkcs8(canonical, 2n)).publicKey.raw.toHex(), bigEndian(4n, bytes).toHex());
    });

    test("KGRP: OpenSSL refuses 0, 1 and p - 1 as a result, should a value get through", () => {
      const keyOfExponent = (exponent: bigint) => createPrivateKey({ key: pkcs8(canonical, exponent), format: "der", type: "pkcs8" });
      const keyOfValue = (y: bigint) => createPublicKey({ key: spki(canonical, y), format: "der", type: "spki" });
      for (const [exponent, y] of [
        [q, 4n],
        [q, p - 4n],
        [5n, 0n],
        [5n, 1n],
        [5n, p - 1n],
      ] as const) {
        assert.throws(() => diffieHellman({ privateKey: keyOfExponent(exponent), publicKey: keyOfValue(y) }));
      }
      assert.equal(
        diffieHellman({ privateKey: keyOfExponent(5n), publicKey: keyOfValue(4n) }).toString("hex"),
        bigEndian(1024n, bytes).toHex(),
      );
    });

    test("its exponents have one length, so that nothing of them shows in lengths and times", () => {
      for (let i = 0; i < 20; i++) {
        const { privateKey } = ffdheGroup(kind).keyPairOf(systemRandom.bytes(32));
        const encoded = privateKey.export({ type: "pkcs8", format: "der" });
        assert.equal(encoded.length, pkcs8(canonical, 2n ** 382n).length);
      }
    });

    test("its seed is wiped", () => {
      const seed = systemRandom.bytes(32);
      ffdheGroup(kind).keyPairOf(seed);
      assert.deepEqual(seed, new Uint8Array(32));
    });
  });
}

test("KGRP: keys of other finite-field groups are of no kind", () => {
  for (const group of ["modp14", "modp15"]) {
    const { publicKey, privateKey } = generateKeyPairSync("dh", { prime: getDiffieHellman(group).getPrime(), generator: 2 });
    assert.throws(() => PublicKey.fromObject(publicKey), wrongPublic);
    assert.throws(() => SoftwareKey.fromPkcs8(privateKey.export({ type: "pkcs8", format: "der" })), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
  }
});
