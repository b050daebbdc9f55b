import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ffdheGroup, SoftwareKey } from "@sealane/crypto";
import { hasCode } from "@sealane/wire";
import { attributes, keyTypes } from "../../src/pkcs11/constants.ts";
import type { Attribute } from "../../src/pkcs11/cryptoki.ts";
import { publicKeyFrom } from "../../src/pkcs11/key-types.ts";
import type { Connection } from "../../src/pkcs11/token-access.ts";
import type { FoundKey } from "../../src/pkcs11/token-objects.ts";
import { deriveSecret } from "../../src/pkcs11/token-operations.ts";

const { publicKey } = SoftwareKey.generate("ffdhe2048");
const { modulus } = ffdheGroup("ffdhe2048");
const two = Uint8Array.of(2);

function readerOf(values: Readonly<Record<number, Uint8Array>>): (type: number) => Uint8Array | null {
  return (type) => values[type] ?? null;
}

/** A module that answers every derivation with this value. */
class Deriving {
  readonly destroyed: number[] = [];
  asked: readonly Attribute[] = [];
  readonly #value: Uint8Array;

  constructor(value: Uint8Array) {
    this.#value = value;
  }

  C_DeriveKey(_session: Buffer, _mechanism: unknown, _key: Buffer, template: Attribute[]): Buffer {
    this.asked = template;
    return Buffer.of(9);
  }
  C_GetAttributeValue(_session: Buffer, _object: Buffer, template: Attribute[]): { type: number; value: Buffer }[] {
    return template.map(({ type }) => ({ type, value: Buffer.from(this.#value) }));
  }
  C_DestroyObject(_session: Buffer, object: Buffer): void {
    this.destroyed.push(object[0] ?? 0);
  }
}

describe("KSIM: a finite-field key in a token", () => {
  const told = { [attributes.keyType]: Buffer.of(keyTypes.dh), [attributes.prime]: modulus, [attributes.base]: two };

  test("is one of RFC 7919's groups, whichever zeros stand before its numbers", () => {
    const y = publicKey.raw;
    const forms = [
      { ...told, [attributes.value]: y },
      { ...told, [attributes.value]: Buffer.concat([Buffer.of(0), y]), [attributes.prime]: Buffer.concat([Buffer.of(0), modulus]) },
      { ...told, [attributes.value]: y, [attributes.base]: Buffer.of(0, 0, 2) },
    ];
    for (const form of forms) assert.deepEqual(publicKeyFrom(readerOf(form)).raw, y);
    const small = new Uint8Array(256);
    small[255] = 4;
    assert.deepEqual(publicKeyFrom(readerOf({ ...told, [attributes.value]: Uint8Array.of(4) })).raw, small);
  });

  test("of another group, or whose y is none, is not used", () => {
    const prime = Uint8Array.from(modulus);
    prime[100] = (prime[100] ?? 0) ^ 1;
    const value = publicKey.raw;
    for (const [type, wrong] of [
      [attributes.prime, prime],
      [attributes.prime, Buffer.of()],
      [attributes.base, Buffer.of(5)],
      [attributes.base, Buffer.of()],
      [attributes.value, Buffer.of(1)],
      [attributes.value, Buffer.of()],
      [attributes.value, Buffer.concat([value, Buffer.of(0)])],
      [attributes.value, modulus],
    ] as const) {
      const read = readerOf({ ...told, [attributes.value]: value, [type]: wrong });
      assert.throws(
        () => publicKeyFrom(read),
        (error) => hasCode(error, "KEYSTORE_TOKEN_KEY_WRONG"),
      );
    }
  });

  test("agrees on a secret of the modulus' length, also where the module leaves its zeros away, and leaves nothing behind", async () => {
    const key = { handle: Buffer.of(1) } as FoundKey;
    const derive = async (value: Uint8Array): Promise<{ readonly cryptoki: Deriving; readonly secret: Uint8Array | null }> => {
      const cryptoki = new Deriving(value);
      const connection = { cryptoki, session: Buffer.of(1) } as unknown as Connection;
      const secret = await deriveSecret(publicKey, publicKey.raw)(connection, key).catch((error: unknown) => {
        assert(hasCode(error, "KEYSTORE_TOKEN_FAILED"));
        return null;
      });
      assert.deepEqual(cryptoki.destroyed, [9]);
      return { cryptoki, secret };
    };
    const whole = new Uint8Array(256).fill(7);
    const { cryptoki, secret } = await derive(whole);
    assert.deepEqual(secret, whole);
    assert.equal(cryptoki.asked.find(({ type }) => type === attributes.valueBytes)?.value, 256);
    assert.deepEqual((await derive(whole.subarray(2))).secret, Uint8Array.from(whole).fill(0, 0, 2));
    for (const length of [0, 257]) assert.equal((await derive(new Uint8Array(length).fill(7))).secret, null);
  });
});
