import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { suiteNamed, verifySignature } from "@sealane/crypto";
import { hasCode } from "@sealane/wire";
import { attributes, mechanisms } from "../../src/pkcs11/constants.ts";
import { Bench } from "./token-bench.ts";

const message = Uint8Array.of(1, 2, 3);
const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));

describe("KSIM: a key in a token", () => {
  test("is used by one operation at a time, whatever is asked for at once", async () => {
    const bench = new Bench();
    const stores = [bench.open(), bench.open()];
    const publicKey = await bench.open().generate("one", "ed25519");
    const keys = await Promise.all(stores.map((store) => store.signingKey("one")));
    const messages = Array.from({ length: 8 }, (_, i) => Uint8Array.of(i));
    const signed = await Promise.all(messages.map(async (each, i) => await keys[i % 2]?.sign(each)));
    for (const [i, signature] of signed.entries()) verifySignature(publicKey, Uint8Array.of(i), signature ?? message);
    assert.equal(bench.cryptoki.busiest, 1);
  });

  test("that the token made other than it was told is destroyed", async () => {
    for (const defiance of [
      { type: attributes.sensitive, value: false },
      { type: attributes.extractable, value: true },
    ]) {
      const bench = new Bench();
      bench.cryptoki.defiance = [defiance];
      await rejectsCode(bench.open().generate("one", "ed25519"), "KEYSTORE_TOKEN_KEY_EXTRACTABLE");
      assert.equal(bench.token.objects.size, 0);
    }
  });

  test("that could be read out, or of which that is not known, is not used", async () => {
    const bench = new Bench();
    const store = bench.open();
    await store.generate("one", "ed25519");
    const [, object] = [...bench.token.objects.values()];
    assert.ok(object?.key);
    for (const [type, value] of [
      [attributes.sensitive, Buffer.of(0)],
      [attributes.sensitive, null],
      [attributes.extractable, Buffer.of(1)],
      [attributes.extractable, null],
    ] as const) {
      const right = object.values.get(type) ?? Buffer.of();
      if (value === null) object.values.delete(type);
      else object.values.set(type, value);
      for (const open of [store.signingKey("one"), store.publicKey("one")]) await rejectsCode(open, "KEYSTORE_TOKEN_KEY_EXTRACTABLE");
      object.values.set(type, right);
    }
    await store.signingKey("one");
  });

  test("without its public half, or of another kind, is told as such", async () => {
    const bench = new Bench();
    const store = bench.open();
    await store.generate("one", "ed25519");
    const [publicHandle, publicObject] = [...bench.token.objects].find(([, { key }]) => key === null) ?? [];
    assert.ok(publicHandle !== undefined && publicObject !== undefined);
    const point = publicObject.values.get(attributes.ecPoint) ?? Buffer.of();
    for (const wrong of [Buffer.of(), point.subarray(1), Buffer.concat([point, point]), Buffer.alloc(32)]) {
      publicObject.values.set(attributes.ecPoint, wrong);
      await rejectsCode(store.publicKey("one"), "KEYSTORE_TOKEN_KEY_WRONG");
    }
    for (const form of [point, Buffer.concat([Buffer.of(4, 32), point])]) {
      publicObject.values.set(attributes.ecPoint, form);
      assert.equal(Buffer.compare((await store.publicKey("one")).raw, point), 0);
    }
    bench.token.objects.delete(publicHandle);
    await rejectsCode(store.publicKey("one"), "KEYSTORE_TOKEN_KEY_WRONG");
  });

  test("that its owner may not sign with does not sign", async () => {
    const bench = new Bench();
    const store = bench.open();
    await store.generate("one", "ed25519");
    for (const object of bench.token.objects.values()) object.values.set(attributes.sign, Buffer.of(0));
    await rejectsCode(store.signingKey("one"), "CRYPTO_PRIVATE_KEY_WRONG");
  });

  test("is made only of kinds and for purposes that the token has", async () => {
    const bench = new Bench();
    const store = bench.open();
    for (const kind of ["x-wing", "ml-dsa-65", "ffdhe2048", "p256", "rsa2048", "x25519"] as const) {
      await rejectsCode(store.generate("one", kind), "KEYSTORE_TOKEN_KIND_UNSUPPORTED");
    }
    await rejectsCode(store.generate("one", "ed25519", "agree"), "CRYPTO_PRIVATE_KEY_WRONG");
    await store.generate("one", "ed25519");
    bench.cryptoki.offered = [mechanisms.edwardsGenerate];
    await rejectsCode(bench.open().signingKey("one"), "KEYSTORE_TOKEN_KIND_UNSUPPORTED");
    assert.equal(bench.cryptoki.count("C_GenerateKeyPairAsync"), 1);
  });

  test("whose name another has too is ambiguous", async () => {
    const bench = new Bench();
    const store = bench.open();
    await store.generate("one", "ed25519");
    await store.generate("two", "ed25519");
    for (const object of bench.token.objects.values()) object.values.set(attributes.label, Buffer.from("one"));
    await rejectsCode(store.signingKey("one"), "KEYSTORE_TOKEN_KEY_AMBIGUOUS");
    await rejectsCode(store.remove("one"), "KEYSTORE_TOKEN_KEY_AMBIGUOUS");
    await rejectsCode(store.generate("one", "ed25519"), "KEYSTORE_KEY_EXISTS");
    assert.deepEqual(await store.list(), ["one"]);
  });

  test("is listed only where its label can be an id", async () => {
    const bench = new Bench();
    const store = bench.open();
    for (let i = 0; i < 70; i++) await store.generate(`key-${i}`, "ed25519");
    const labels = ["Release key", "", "x".repeat(65)];
    for (const [i, object] of [...bench.token.objects.values()].filter(({ key }) => key !== null).entries()) {
      const label = labels[i];
      if (label !== undefined) object.values.set(attributes.label, Buffer.from(label));
    }
    assert.equal((await store.list()).length, 67);
  });

  test("of one owner is not seen, used or destroyed by another's store on the same token", async () => {
    const bench = new Bench();
    const [a, b, all] = ["pkcs11:object=a", "pkcs11:object=b", "pkcs11:"].map((uri) => bench.open("1234", uri));
    assert.ok(a !== undefined && b !== undefined && all !== undefined);
    const first = await a.generate("one", "ed25519");
    assert.deepEqual([await a.list(), await b.list(), await all.list()], [["one"], [], ["a-one"]]);
    assert.equal(await b.has("one"), false);
    await rejectsCode(b.signingKey("one"), "KEYSTORE_KEY_MISSING");
    await rejectsCode(b.remove("one"), "KEYSTORE_KEY_MISSING");
    await b.generate("one", "ed25519");
    await b.remove("one");
    assert.deepEqual((await a.publicKey("one")).raw, first.raw);
  });

  test("is told to be of no kind of the token before any is made, with the suite", async () => {
    const bench = new Bench();
    bench.cryptoki.offered = [mechanisms.ecGenerate, mechanisms.ecdsa, mechanisms.ecdh];
    const store = bench.open();
    await store.requireSuites([suiteNamed("p256")]);
    for (const [suite, kind] of [
      ["hybrid", "ed25519"],
      ["x25519", "ed25519"],
      ["rsa3072", "rsa3072"],
      ["pq", "ml-dsa-65"],
    ] as const) {
      await assert.rejects(
        store.requireSuites([suiteNamed("p256"), suiteNamed(suite)]),
        (error) => hasCode(error, "KEYSTORE_TOKEN_KIND_UNSUPPORTED") && error.details["suite"] === suite && error.details["kind"] === kind,
      );
    }
    bench.cryptoki.tokens = [];
    await rejectsCode(store.requirePresent(), "KEYSTORE_TOKEN_GONE");
  });
});
