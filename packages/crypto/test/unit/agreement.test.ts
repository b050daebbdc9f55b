import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import {
  type Agreement,
  ffdheAgreement,
  keyKindsOf,
  PublicKey,
  p256Agreement,
  Secret,
  SoftwareKey,
  suites,
  systemRandom,
  x25519Agreement,
  xWingAgreement,
} from "../../src/index.ts";
import { assertHidden, markedBytes, renderings } from "./exposure.ts";
import { ffdheKinds } from "./finite-field.ts";
import { degenerateShares, wrongValues } from "./wrong-values.ts";

const agreements: readonly Agreement[] = [xWingAgreement, x25519Agreement, p256Agreement, ...ffdheKinds.map(ffdheAgreement)];

const refused = { code: "CRYPTO_SHARE_WRONG" };

function hex(secret: Secret): string {
  return secret.use((bytes) => bytes.toHex());
}

function sizes({ publicBytes, valueBytes }: Agreement): readonly number[] {
  return [publicBytes, valueBytes];
}

test("KGRP: a suite's agreement has the kind and the lengths of docs/protocol.md", () => {
  assert.deepEqual(
    suites.map(({ name, agreement }) => [name, agreement.keyKind, ...sizes(agreement)]),
    [
      ["hybrid", "x-wing", 1216, 1120],
      ["pq", "x-wing", 1216, 1120],
      ["x25519", "x25519", 32, 32],
      ["p256", "p256", 65, 65],
      ["rsa2048", "ffdhe2048", 256, 256],
      ["rsa3072", "ffdhe3072", 384, 384],
      ["rsa4096", "ffdhe4096", 512, 512],
    ],
  );
  assert.deepEqual(keyKindsOf(suites).agreement, ["x-wing", "x25519", "p256", "ffdhe2048", "ffdhe3072", "ffdhe4096"]);
});

test("KGRP: g^x, g^y and g^xy have the lengths of docs/protocol.md", () => {
  const lengths = agreements.map((agreement) => {
    const { shared } = agreement.respond(agreement.generate(systemRandom).publicValue, systemRandom);
    return [agreement.keyKind, ...sizes(agreement), shared.length];
  });
  assert.deepEqual(lengths, [
    ["x-wing", 1216, 1120, 32],
    ["x25519", 32, 32, 32],
    ["p256", 65, 65, 32],
    ["ffdhe2048", 256, 256, 256],
    ["ffdhe3072", 384, 384, 384],
    ["ffdhe4096", 512, 512, 512],
  ]);
});

for (const agreement of agreements) {
  const { keyKind } = agreement;
  describe(`the agreement by ${keyKind}`, () => {
    test("KGRP: gives both ends the same bytes, and others each time", () => {
      const [first, second] = [agreement.generate(systemRandom), agreement.generate(systemRandom)];
      const secrets = [first, first, second].map(({ publicValue, seed }) => {
        const { value, shared } = agreement.respond(publicValue, systemRandom);
        assert.deepEqual([publicValue.length, value.length], sizes(agreement));
        assert.equal(hex(agreement.complete(seed, value)), hex(shared));
        return hex(shared);
      });
      assert.equal(new Set(secrets).size, 3);
      assert.notDeepEqual(first.publicValue, second.publicValue);
    });

    test("KGRP: draws a new exponent for every g^x and every g^y", () => {
      const drawn: string[] = [];
      const random = {
        bytes(length: number): Uint8Array {
          const bytes = systemRandom.bytes(length);
          drawn.push(bytes.toHex());
          return bytes;
        },
      };
      const { publicValue, seed } = agreement.generate(random);
      assert.deepEqual(drawn, [hex(seed)]);
      const values = [1, 2].map(() => agreement.respond(publicValue, random).value.toHex());
      assert.deepEqual([new Set(drawn).size, new Set(values).size], [3, 2]);
    });

    test("KGRP: a seed always has the same public value, and is not used up by it", () => {
      const { publicValue, seed } = agreement.generate(systemRandom);
      for (let i = 0; i < 2; i++) assert.deepEqual(Uint8Array.from(agreement.publicOf(seed)), Uint8Array.from(publicValue));
      assert.equal(PublicKey.fromRaw(keyKind, publicValue).kind, keyKind);
    });

    test("KGRP: a value of another kind is no share of this one", () => {
      for (const other of agreements.filter((candidate) => candidate.valueBytes !== agreement.valueBytes)) {
        const { publicValue } = other.generate(systemRandom);
        assert.throws(() => agreement.respond(publicValue, systemRandom), refused);
        assert.throws(() => agreement.complete(agreement.generate(systemRandom).seed, publicValue), refused);
      }
    });

    test("a seed has 32 bytes, and none once it was wiped", () => {
      const { value } = agreement.respond(agreement.generate(systemRandom).publicValue, systemRandom);
      for (const length of [0, 31, 33]) {
        const seed = Secret.take("agreement seed", new Uint8Array(length).fill(7));
        assert.throws(() => agreement.publicOf(seed), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
        assert.throws(() => agreement.complete(seed, value), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
      }
      const { seed } = agreement.generate(systemRandom);
      seed[Symbol.dispose]();
      assert.throws(() => agreement.complete(seed, value), { code: "CRYPTO_SECRET_GONE" });
    });

    test("KGRP: refuses a g^x or g^y of small order, outside curve or subgroup, in a second encoding or of another length", () => {
      const { publicValue, seed } = agreement.generate(systemRandom);
      const { value } = agreement.respond(publicValue, systemRandom);
      const key = SoftwareKey.generate(keyKind).agreementKey();
      for (const wrong of wrongValues(keyKind, publicValue)) assert.throws(() => agreement.respond(wrong, systemRandom), refused);
      for (const wrong of wrongValues(keyKind, value)) {
        assert.throws(() => agreement.complete(seed, wrong), refused);
        assert.throws(() => key.agree(wrong), refused);
      }
    });

    test("KDIR: a static key agrees with whoever has its public key, and with nobody else", async () => {
      const [key, other] = [1, 2].map(() => SoftwareKey.generate(keyKind).agreementKey());
      assert.ok(key !== undefined && other !== undefined);
      assert.equal(key.purpose, "agree");
      const { value, shared } = agreement.respond(key.publicKey.raw, systemRandom);
      assert.equal(hex(await key.agree(value)), hex(shared));
      assert.notEqual(hex(await other.agree(value)), hex(shared));
    });

    test("shows neither seed nor secret where it is printed", async () => {
      const bytes = markedBytes();
      const made = agreement.generate({ bytes: () => Uint8Array.from(bytes) });
      for (const text of renderings(made)) assertHidden(text, bytes);
      const handle = SoftwareKey.generate(keyKind).agreementKey();
      assert.deepEqual(Object.keys(handle), ["purpose", "publicKey", "agree"]);
      const { shared } = agreement.respond(handle.publicKey.raw, systemRandom);
      shared.use((secret) => assertHidden(inspect(shared, { showHidden: true }), secret));
    });
  });
}

test("KGRP: the shares of small order tried here are the fourteen that arithmetic of our own finds", () => {
  assert.equal(new Set(degenerateShares().map((share) => share.toHex())).size, 14);
});

test("X-Wing: a changed ML-KEM ciphertext gives another secret and no failure; coefficients out of range are no share", () => {
  const agreement = xWingAgreement;
  const { publicValue, seed } = agreement.generate(systemRandom);
  const { value, shared } = agreement.respond(publicValue, systemRandom);
  const changed = Uint8Array.from(value);
  changed[0] = (changed[0] ?? 0) ^ 1;
  assert.notEqual(hex(agreement.complete(seed, changed)), hex(shared));
  assert.equal(hex(agreement.complete(seed, changed)), hex(agreement.complete(seed, changed)));
  const outOfRange = Uint8Array.from(publicValue);
  outOfRange.fill(0xff, 0, 3);
  assert.throws(() => agreement.respond(outOfRange, systemRandom), refused);
});

test("a signing key agrees on nothing", () => {
  assert.throws(() => SoftwareKey.generate("ed25519").agreementKey(), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
});
