import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { verifySignature } from "@sealane/crypto";
import { hasCode } from "@sealane/wire";
import { attributes, flags } from "../../src/pkcs11/constants.ts";
import { FakeToken, refusal } from "./fake-cryptoki.ts";
import { Bench } from "./token-bench.ts";

const message = Uint8Array.of(1, 2, 3);
const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));

describe("KSIM: a session that is lost", () => {
  const losses: readonly (readonly [string, number])[] = [
    ["SLOT_ID_INVALID", 0x03],
    ["DEVICE_ERROR", 0x30],
    ["DEVICE_REMOVED", 0x32],
    ["KEY_HANDLE_INVALID", 0x60],
    ["OBJECT_HANDLE_INVALID", 0x82],
    ["OPERATION_ACTIVE", 0x90],
    ["SESSION_CLOSED", 0xb0],
    ["SESSION_HANDLE_INVALID", 0xb3],
    ["TOKEN_NOT_PRESENT", 0xe0],
    ["TOKEN_NOT_RECOGNIZED", 0xe1],
    ["USER_NOT_LOGGED_IN", 0x101],
    ["CRYPTOKI_NOT_INITIALIZED", 0x190],
  ];

  for (const [name, code] of losses) {
    test(`by CKR_${name} is made anew, and the operation is done once more`, async () => {
      const bench = new Bench();
      const store = bench.open();
      const publicKey = await store.generate("one", "ed25519");
      const key = await store.signingKey("one");
      for (const method of ["C_SignInit", "C_SignAsync"] as const) {
        const [sessions, tries] = [bench.cryptoki.count("C_OpenSession"), bench.cryptoki.count("C_SignInit")];
        bench.cryptoki.failNext(method, refusal(name, code));
        verifySignature(publicKey, message, await key.sign(message));
        assert.equal(bench.cryptoki.count("C_OpenSession"), sessions + 1);
        assert.equal(bench.cryptoki.count("C_SignInit"), tries + 2);
      }
      assert.equal(bench.asked, 1); // the PIN is kept
    });
  }

  test("twice is the token gone, and the next call tries again", async () => {
    const bench = new Bench();
    const store = bench.open();
    const publicKey = await store.generate("one", "ed25519");
    const key = await store.signingKey("one");
    for (let i = 0; i < 2; i++) bench.cryptoki.failNext("C_SignInit", refusal("DEVICE_ERROR", 0x30));
    await assert.rejects(
      async () => await key.sign(message),
      (error) => hasCode(error, "KEYSTORE_TOKEN_GONE") && error.entry.retry === "later",
    );
    verifySignature(publicKey, message, await key.sign(message));
  });

  test("by anything else is not tried again", async () => {
    const bench = new Bench();
    const store = bench.open();
    await store.generate("one", "ed25519");
    const key = await store.signingKey("one");
    for (const [name, number, code] of [
      ["GENERAL_ERROR", 0x05, "KEYSTORE_TOKEN_FAILED"],
      ["MECHANISM_INVALID", 0x70, "KEYSTORE_TOKEN_KIND_UNSUPPORTED"],
    ] as const) {
      const tries = bench.cryptoki.count("C_SignInit");
      bench.cryptoki.failNext("C_SignInit", refusal(name, number));
      await assert.rejects(
        async () => await key.sign(message),
        (error) => hasCode(error, code) && error.details["reason"] === `CKR_${name}` && error.details["number"] === number,
      );
      assert.equal(bench.cryptoki.count("C_SignInit"), tries + 1);
    }
  });

  test("because another ended all is made anew", async () => {
    const bench = new Bench();
    const store = bench.open();
    const publicKey = await store.generate("one", "ed25519");
    const key = await store.signingKey("one");
    bench.cryptoki.closeAll();
    verifySignature(publicKey, message, await key.sign(message));
  });
});

describe("KSIM: a token that was removed", () => {
  test("is gone until it is back, and then its handles work on", async () => {
    const bench = new Bench();
    const store = bench.open();
    const publicKey = await store.generate("one", "ed25519");
    const key = await store.signingKey("one");
    bench.cryptoki.tokens = [];
    for (let i = 0; i < 2; i++) {
      await rejectsCode(Promise.resolve(key.sign(message)), "KEYSTORE_TOKEN_GONE");
      await rejectsCode(store.list(), "KEYSTORE_TOKEN_GONE");
    }
    bench.cryptoki.tokens = [new FakeToken("other"), bench.token]; // in another slot
    verifySignature(publicKey, message, await key.sign(message));
  });

  test("is not there at first, and found later by the same store", async () => {
    const bench = new Bench();
    bench.cryptoki.tokens = [];
    const store = bench.open();
    await rejectsCode(store.list(), "KEYSTORE_TOKEN_GONE");
    assert.equal(bench.asked, 0);
    bench.cryptoki.tokens = [bench.token];
    assert.deepEqual(await store.list(), []);
  });

  test("is not taken for another of the same name: the key there is another", async () => {
    const bench = new Bench();
    const store = bench.open();
    await store.generate("one", "ed25519");
    const key = await store.signingKey("one");
    bench.cryptoki.tokens = [new FakeToken("plant", "2")];
    await bench.open().generate("one", "ed25519");
    await rejectsCode(Promise.resolve(key.sign(message)), "KEYSTORE_KEY_MISSING");
    for (const object of bench.cryptoki.tokens[0]?.objects.values() ?? []) {
      object.values.set(attributes.id, [...bench.token.objects.values()][0]?.values.get(attributes.id) ?? Buffer.of());
    }
    await rejectsCode(Promise.resolve(key.sign(message)), "KEYSTORE_KEY_MISSING");
  });

  test("makes the module start anew, which the other stores' sessions survive", async () => {
    const bench = new Bench();
    const store = bench.open();
    const publicKey = await store.generate("one", "ed25519");
    const key = await store.signingKey("one");
    await rejectsCode(bench.open("1234", "pkcs11:token=missing").list(), "KEYSTORE_TOKEN_GONE");
    assert.equal(bench.cryptoki.count("C_Finalize"), 1);
    verifySignature(publicKey, message, await key.sign(message));
  });

  test("makes the module start anew, and nobody takes another's session for his own", async () => {
    const bench = new Bench();
    bench.cryptoki.tokens.push(new FakeToken("other"));
    const [store, other] = [bench.open(), bench.open("1234", "pkcs11:token=other")];
    await store.generate("one", "ed25519");
    await rejectsCode(bench.open("1234", "pkcs11:token=missing").list(), "KEYSTORE_TOKEN_GONE");
    assert.deepEqual(await other.list(), []);
    assert.deepEqual(await store.list(), ["one"]);
  });

  test("does not make a module start anew that another in this process began", async () => {
    const bench = new Bench();
    bench.cryptoki.failNext("C_Initialize", refusal("CRYPTOKI_ALREADY_INITIALIZED", 0x191));
    await rejectsCode(bench.open("1234", "pkcs11:token=missing").list(), "KEYSTORE_TOKEN_GONE");
    assert.deepEqual(await bench.open().list(), []);
    assert.equal(bench.cryptoki.count("C_Finalize"), 0);
  });
});

describe("KSIM: a token is found", () => {
  test("by label, serial, manufacturer, model and slot together", async () => {
    const bench = new Bench();
    bench.cryptoki.tokens = [new FakeToken("plant", "7"), bench.token, new FakeToken("plant", "8")];
    await rejectsCode(bench.open().list(), "KEYSTORE_TOKEN_AMBIGUOUS");
    await rejectsCode(bench.open("1234", "pkcs11:").list(), "KEYSTORE_TOKEN_AMBIGUOUS");
    for (const uri of ["serial=8", "token=plant;serial=8", "slot-id=2", "manufacturer=Fake;model=F1;slot-id=2"]) {
      const store = bench.open("1234", `pkcs11:${uri}`);
      if (!(await store.has("there"))) await store.generate("there", "ed25519");
    }
    assert.equal(bench.cryptoki.tokens[2]?.objects.size, 2);
    for (const uri of ["serial=9", "token=plan", "manufacturer=fake", "model=F", "slot-id=3", "token=plant;slot-id=3"]) {
      await rejectsCode(bench.open("1234", `pkcs11:${uri}`).list(), "KEYSTORE_TOKEN_GONE");
    }
  });

  test("if it was made ready, and can be looked at", async () => {
    const bench = new Bench();
    bench.token.info.flags &= ~flags.tokenInitialised;
    await rejectsCode(bench.open().list(), "KEYSTORE_TOKEN_GONE");
    bench.token.info.flags |= flags.tokenInitialised;
    bench.cryptoki.failNext("C_GetTokenInfo", refusal("GENERAL_ERROR", 5));
    assert.deepEqual(await bench.open().list(), []); // at the second look
  });

  test("and read, where it may not be written", async () => {
    const bench = new Bench();
    bench.cryptoki.failNext("C_OpenSession", refusal("TOKEN_WRITE_PROTECTED", 0xe2));
    assert.deepEqual(await bench.open().list(), []);
  });
});
