import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hpkeX25519, type Randomness, SoftwareKey, systemRandom } from "@sealane/crypto";
import { headerLabel, openUnderKey, openWithPrivateKey, sealToPublicKey, sealUnderKey } from "../../src/index.ts";
import { elementsOf, externalAad, payload, reader, withElement } from "./structures.ts";

const key = systemRandom.bytes(32);
const input = { plaintext: payload, externalAad };

describe("COSE_Encrypt0 under a key", () => {
  test("has a new IV every time", () => {
    const values = [sealUnderKey(key, systemRandom, input), sealUnderKey(key, systemRandom, input)];
    assert.notDeepEqual(elementsOf(values[0] ?? null)[1], elementsOf(values[1] ?? null)[1]);
  });

  test("is refused with an IV of another length or kind", () => {
    const value = sealUnderKey(key, systemRandom, input);
    for (const length of [0, 11, 13, 16]) {
      const other = withElement(value, 1, new Map([[headerLabel.iv, new Uint8Array(length)]]));
      assert.throws(() => openUnderKey(key, { value: other, externalAad }), { code: "COSE_HEADER_WRONG" });
    }
    const text = withElement(value, 1, new Map([[headerLabel.iv, "twelve bytes"]]));
    assert.throws(() => openUnderKey(key, { value: text, externalAad }), { code: "COSE_STRUCTURE_WRONG" });
  });

  test("is refused when it has less than a tag", () => {
    const value = sealUnderKey(key, systemRandom, input);
    for (const length of [0, 1, 15, 16]) {
      const other = withElement(value, 2, new Uint8Array(length));
      assert.throws(() => openUnderKey(key, { value: other, externalAad }), { code: "CRYPTO_OPEN_FAILED" });
    }
  });
});

describe("COSE_Encrypt0 to a public key", () => {
  test("has a new encapsulated key every time, whose seed is wiped", () => {
    const seeds: Uint8Array[] = [];
    const watched: Randomness = {
      bytes(length) {
        const seed = systemRandom.bytes(length);
        seeds.push(seed);
        return seed;
      },
    };
    const recipient = { publicKey: reader.publicKey, random: watched };
    const values = [sealToPublicKey(hpkeX25519, recipient, input), sealToPublicKey(hpkeX25519, recipient, input)];
    assert.notDeepEqual(elementsOf(values[0] ?? null)[1], elementsOf(values[1] ?? null)[1]);
    assert.deepEqual(seeds, [new Uint8Array(32), new Uint8Array(32)]);
  });

  test("names nobody", () => {
    const [, header, ciphertext] = elementsOf(sealToPublicKey(hpkeX25519, { publicKey: reader.publicKey, random: systemRandom }, input));
    assert.ok(header instanceof Map && ciphertext instanceof Uint8Array);
    assert.deepEqual([...header.keys()], [headerLabel.ek]);
    assert.equal(ciphertext.length, payload.length + 16);
  });

  test("is refused with an encapsulated key of another kind or length", async () => {
    const value = sealToPublicKey(hpkeX25519, { publicKey: reader.publicKey, random: systemRandom }, input);
    const open = (ek: Uint8Array | string | null): Promise<Uint8Array> =>
      openWithPrivateKey(hpkeX25519, reader.decryptionKey(), {
        value: withElement(value, 1, new Map([[headerLabel.ek, ek]])),
        externalAad,
      });
    for (const length of [0, 31, 32, 33]) await assert.rejects(open(new Uint8Array(length)), { code: "CRYPTO_OPEN_FAILED" });
    for (const other of ["text", null]) await assert.rejects(open(other), { code: "COSE_STRUCTURE_WRONG" });
  });

  test("is not made for a key that does not decrypt", () => {
    const { publicKey } = SoftwareKey.generate("ed25519");
    assert.throws(() => sealToPublicKey(hpkeX25519, { publicKey, random: systemRandom }, input), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });
});
