import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { SoftwareKey, systemRandom, verifySignature, x25519Kem } from "../../src/index.ts";
import { assertHidden, markedBytes, renderings } from "./exposure.ts";
import { ffdheKinds } from "./finite-field.ts";

const pkcs8Prefix = {
  ed25519: "302e020100300506032b657004220420",
  x25519: "302e020100300506032b656e04220420",
  p256: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", // without the public key, which OpenSSL finds
  "x-wing": "3034020100300d060b2b0601040183e62d81c87a0420",
};

/** The kinds whose private key is 32 bytes. */
const seedKinds = ["ed25519", "x25519", "p256", "x-wing"] as const;
const kinds = [...seedKinds, ...ffdheKinds];

/** What a key of each kind can do. */
const purposesOf: Readonly<Record<(typeof kinds)[number], readonly string[]>> = {
  ed25519: ["sign"],
  x25519: ["decrypt", "agree"],
  p256: ["sign", "decrypt", "agree"],
  "x-wing": ["decrypt", "agree"],
  ffdhe2048: ["agree"],
  ffdhe3072: ["agree"],
  ffdhe4096: ["agree"],
};

/** PKCS #8 of a private key, in memory of its own. */
function pkcs8(kind: keyof typeof pkcs8Prefix, seed: Uint8Array): Uint8Array {
  return Uint8Array.from([...Buffer.from(pkcs8Prefix[kind], "hex"), ...seed]);
}

describe("a private key in memory", () => {
  for (const kind of kinds) {
    test(`${kind}: comes back from PKCS #8`, () => {
      const key = SoftwareKey.generate(kind);
      const again = SoftwareKey.fromPkcs8(key.toPkcs8());
      assert.deepEqual([again.publicKey.kind, again.publicKey.spki], [kind, key.publicKey.spki]);
      assert.deepEqual(Uint8Array.from(again.toPkcs8()), Uint8Array.from(key.toPkcs8()));
      assert.notDeepEqual(SoftwareKey.generate(kind).publicKey.spki, key.publicKey.spki);
    });

    test(`${kind}: has the handles of its purposes, with nothing to hide, and no others`, () => {
      const key = SoftwareKey.generate(kind);
      const purposes = { sign: () => key.signingKey(), decrypt: () => key.decryptionKey(), agree: () => key.agreementKey() };
      for (const [purpose, handleOf] of Object.entries(purposes)) {
        if (purposesOf[kind].includes(purpose))
          assert.deepEqual([handleOf().purpose, JSON.parse(JSON.stringify(handleOf())).purpose], [purpose, purpose]);
        else assert.throws(handleOf, { code: "CRYPTO_PRIVATE_KEY_WRONG" });
      }
    });
  }

  for (const kind of seedKinds) {
    test(`${kind}: is shown by nothing that prints, logs or copies`, async () => {
      const seed = markedBytes();
      const key = SoftwareKey.fromPkcs8(pkcs8(kind, seed));
      const handle = kind === "ed25519" ? key.signingKey() : key.decryptionKey();
      for (const value of [key, { key }, handle, [handle]]) for (const text of renderings(value)) assertHidden(text, seed);
      assert.equal(String(key), `[private key ${kind}]`);
      assert.throws(() => JSON.stringify([key]), { code: "CRYPTO_SECRET_EXPOSED" });
      assert.ok(JSON.stringify(handle).includes(handle.purpose), "a handle has nothing to hide");
    });

    test(`${kind}: leaves no copy of itself in the memory that small Buffers share`, () => {
      const seed = systemRandom.bytes(32); // which no other test has put there
      const der = pkcs8(kind, seed);
      const pools = new Set([Buffer.allocUnsafe(8).buffer]);
      const exported = SoftwareKey.fromPkcs8(der).toPkcs8();
      pools.add(Buffer.allocUnsafe(8).buffer);
      assert.equal(exported.buffer.byteLength, exported.length);
      for (const pool of pools) assert.equal(Buffer.from(pool).includes(seed.subarray(4, 20)), false);
    });

    test(`${kind}: is read from bytes anywhere in a larger buffer, which stays as it was`, () => {
      const der = pkcs8(kind, markedBytes());
      const padded = Buffer.concat([Buffer.alloc(3, 1), der, Buffer.alloc(3, 1)]);
      const before = Uint8Array.from(padded);
      SoftwareKey.fromPkcs8(padded.subarray(3, -3));
      assert.deepEqual(Uint8Array.from(padded), before);
    });
  }

  test("that cannot be read is refused without its bytes in the error", () => {
    const seed = markedBytes();
    const good = Buffer.from(pkcs8("ed25519", seed));
    const wrong: readonly Uint8Array[] = [
      Buffer.alloc(0),
      good.subarray(0, -1),
      seed,
      Buffer.concat([good.subarray(0, 9), Buffer.of(0x71), good.subarray(10, 16), seed, Buffer.alloc(25)]),
      Buffer.from(`-----BEGIN PRIVATE KEY-----\n${good.toString("base64")}\n-----END PRIVATE KEY-----\n`),
      SoftwareKey.generate("ed25519").publicKey.spki,
      generateKeyPairSync("x448").privateKey.export({ type: "pkcs8", format: "der" }),
      generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ type: "pkcs8", format: "der" }),
    ];
    for (const der of wrong) {
      assert.throws(
        () => SoftwareKey.fromPkcs8(der),
        (error: unknown) => {
          assertHidden(inspect(error, { depth: null, showHidden: true }), seed);
          return error instanceof Error && "code" in error && error.code === "CRYPTO_PRIVATE_KEY_WRONG" && error.cause === undefined;
        },
      );
    }
  });

  test("has one purpose: a signing key does not open, a decryption key does not sign", () => {
    const code = "CRYPTO_PRIVATE_KEY_WRONG";
    assert.throws(() => SoftwareKey.generate("ed25519").decryptionKey(), { code });
    assert.throws(() => SoftwareKey.generate("x25519").signingKey(), { code });
    assert.equal(SoftwareKey.generate("ed25519").signingKey().purpose, "sign");
    assert.equal(SoftwareKey.generate("x25519").decryptionKey().purpose, "decrypt");
    assert.equal("decapsulate" in SoftwareKey.generate("x25519").agreementKey(), false);
  });

  test("signs and opens through its handles", async () => {
    const signing = SoftwareKey.generate("ed25519").signingKey();
    verifySignature(signing.publicKey, Buffer.from("m"), await signing.sign(Buffer.from("m")));
    const opening = SoftwareKey.generate("x25519").decryptionKey();
    const { encapsulated, secret } = x25519Kem.encapsulate(opening.publicKey, systemRandom);
    const opened = await opening.decapsulate(encapsulated);
    secret.use((sent) => opened.use((received) => assert.deepEqual(Uint8Array.from(received), Uint8Array.from(sent))));
  });
});
