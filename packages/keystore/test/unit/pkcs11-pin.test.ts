import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { hasCode } from "@sealane/wire";
import { parsePkcs11Uri } from "../../src/index.ts";
import { TokenPin } from "../../src/pkcs11/pin.ts";
import { Pkcs11KeyStore } from "../../src/pkcs11/pkcs11-key-store.ts";
import { TokenAccess } from "../../src/pkcs11/token-access.ts";
import { refusal } from "./fake-cryptoki.ts";
import { Bench } from "./token-bench.ts";

const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));

describe("KSIM: a PIN", () => {
  test("that is wrong is given to the token once, however often the store is used", async () => {
    const bench = new Bench();
    const store = bench.open("9999");
    for (let i = 0; i < 3; i++) await rejectsCode(store.list(), "KEYSTORE_TOKEN_PIN_WRONG");
    await rejectsCode(store.generate("one", "ed25519"), "KEYSTORE_TOKEN_PIN_WRONG");
    assert.deepEqual([bench.cryptoki.count("C_Login"), bench.asked], [1, 1]);
    assert.equal(bench.cryptoki.count("C_OpenSession"), bench.cryptoki.count("C_CloseSession"));
  });

  for (const [name, number] of [
    ["PIN_LOCKED", 0xa4],
    ["PIN_EXPIRED", 0xa3],
    ["USER_PIN_NOT_INITIALIZED", 0x102],
  ] as const) {
    test(`that the token takes no more (CKR_${name}) is told as such`, async () => {
      const bench = new Bench();
      const store = bench.open();
      bench.cryptoki.failNext("C_Login", refusal(name, number));
      for (let i = 0; i < 2; i++) await rejectsCode(store.list(), "KEYSTORE_TOKEN_PIN_LOCKED");
      assert.equal(bench.cryptoki.count("C_Login"), 1);
    });
  }

  test("is not asked for again because the token went in the middle of the login", async () => {
    const bench = new Bench();
    const store = bench.open();
    bench.cryptoki.failNext("C_Login", refusal("DEVICE_REMOVED", 0x32));
    assert.deepEqual(await store.list(), []);
    assert.equal(bench.asked, 1);
  });

  test("that nobody gives is missing", async () => {
    const bench = new Bench();
    await rejectsCode(bench.open("").list(), "KEYSTORE_TOKEN_PIN_MISSING");
    const token = parsePkcs11Uri("pkcs11:").token;
    const access = new TokenAccess({ library: async () => bench.library, token, pin: new TokenPin({ file: null, ask: null }) });
    await rejectsCode(new Pkcs11KeyStore(access).list(), "KEYSTORE_TOKEN_PIN_MISSING");
    assert.equal(bench.cryptoki.count("C_Login"), 0);
  });

  test("is shown neither by the store nor by an error", async () => {
    const bench = new Bench();
    const store = bench.open("48151623");
    const errors: unknown[] = [];
    await store.list().catch((error: unknown) => errors.push(error));
    bench.token.pin = "48151623";
    const right = bench.open("48151623");
    await right.list();
    bench.cryptoki.failNext("C_FindObjectsInit", refusal("GENERAL_ERROR", 5));
    await right.list().catch((error: unknown) => errors.push(error));
    assert.equal(errors.length, 2);
    for (const shown of [store, right, ...errors]) {
      const text = inspect(shown, { depth: 12, showHidden: true }) + JSON.stringify(shown);
      assert.equal(text.includes("48151623") || text.includes("34 38 31 35"), false);
    }
  });

  test("is wiped with the store, which ends its session", async () => {
    const bench = new Bench();
    {
      await using store = bench.open();
      await store.list();
      assert.equal(bench.cryptoki.count("C_CloseSession"), 0);
    }
    assert.equal(bench.cryptoki.count("C_CloseSession"), 1);
    await bench.open()[Symbol.asyncDispose](); // one that was never used
  });
});
