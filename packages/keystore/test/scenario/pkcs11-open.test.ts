import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { rsaOaep2048, Secret, systemRandom, verifySignature } from "@sealane/crypto";
import { pin, SoftToken, withoutTokens } from "@sealane/testkit/tokens";
import { hasCode } from "@sealane/wire";
import { openPkcs11Key, openPkcs11KeyStore, parsePkcs11Uri } from "../../src/index.ts";

const message = Uint8Array.of(1, 2, 3);
const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));
const pinOf = (text: string): Secret => Secret.take("pin", new TextEncoder().encode(text));

describe("KSIM: without what a token needs", () => {
  test("pkcs11js: told before anything else", async () => {
    const hooks = registerHooks({
      resolve(specifier, context, next) {
        if (specifier === "pkcs11js") throw Object.assign(new Error("not installed"), { code: "ERR_MODULE_NOT_FOUND" });
        return next(specifier, context);
      },
    });
    try {
      await rejectsCode(openPkcs11KeyStore("pkcs11:?module-path=/none.so").list(), "KEYSTORE_TOKEN_SUPPORT_MISSING");
    } finally {
      hooks.deregister();
    }
  });

  test("a module: told with its path", { skip: withoutTokens }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealane-module-"));
    const path = join(folder, "text.so");
    try {
      for (const prepare of [() => {}, () => writeFileSync(path, "no library")]) {
        prepare();
        for (let i = 0; i < 2; i++) {
          await assert.rejects(
            openPkcs11KeyStore("pkcs11:", { modulePath: path }).list(),
            (error) => hasCode(error, "KEYSTORE_TOKEN_MODULE_WRONG") && error.details["path"] === path,
          );
        }
      }
      await rejectsCode(openPkcs11KeyStore("pkcs11:", { modulePath: "text.so" }).list(), "KEYSTORE_TOKEN_MODULE_WRONG");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("KSIM: a token's PIN", { skip: withoutTokens }, () => {
  test("comes from a file of one line that nobody else can read", async () => {
    await using token = new SoftToken();
    for (const content of [pin, `${pin}\n`, `${pin}\r\n`]) {
      writeFileSync(token.pinFile, content);
      await using store = openPkcs11KeyStore(token.uri());
      assert.deepEqual(await store.list(), []);
    }
    for (const content of ["", "\n", `\n${pin}`, `${pin}\n\n`, `${pin}\nmore`, `${pin}\r`, "x".repeat(258)]) {
      writeFileSync(token.pinFile, content);
      await rejectsCode(openPkcs11KeyStore(token.uri()).list(), "KEYSTORE_TOKEN_PIN_FILE_WRONG");
    }
    writeFileSync(token.pinFile, pin);
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      chmodSync(token.pinFile, mode);
      await rejectsCode(openPkcs11KeyStore(token.uri()).list(), "KEYSTORE_TOKEN_PIN_FILE_EXPOSED");
    }
    rmSync(token.pinFile);
    await rejectsCode(openPkcs11KeyStore(token.uri()).list(), "KEYSTORE_TOKEN_PIN_FILE_WRONG");
  });

  test("is asked for once, by the token's label, and kept for new sessions", async () => {
    await using token = new SoftToken();
    const asked: string[] = [];
    const askPin = async (label: string): Promise<Secret> => {
      asked.push(label);
      return pinOf(pin);
    };
    await using store = openPkcs11KeyStore({ ...parsePkcs11Uri(token.uri()), pinFile: null }, { askPin });
    await store.generate("one", "p256");
    token.takeAway();
    await rejectsCode(store.list(), "KEYSTORE_TOKEN_GONE");
    token.bringBack();
    assert.deepEqual(await store.list(), ["one"]);
    assert.deepEqual(asked, [token.label]);
  });

  test("that is wrong is not in the error, and the right one is taken afterwards", async () => {
    await using token = new SoftToken();
    writeFileSync(token.pinFile, "99999999");
    const store = openPkcs11KeyStore(token.uri());
    for (let i = 0; i < 20; i++) {
      await assert.rejects(
        store.list(),
        (error) => hasCode(error, "KEYSTORE_TOKEN_PIN_WRONG") && !JSON.stringify(error).includes("99999999"),
      );
    }
    writeFileSync(token.pinFile, pin);
    assert.deepEqual(await token.open().list(), []);
  });
});

describe("KSIM: one key of a token", { skip: withoutTokens }, () => {
  test("is opened by its label or its id, and does what it may", async () => {
    await using token = new SoftToken();
    const publicKey = await token.open().generate("publisher", "ed25519");
    await using opened = await openPkcs11Key(token.uri("publisher"));
    assert.equal(Buffer.compare(opened.key.publicKey.spki, publicKey.spki), 0);
    verifySignature(publicKey, message, await opened.key.signingKey().sign(message));
    assert.throws(
      () => opened.key.decryptionKey(),
      (error) => hasCode(error, "CRYPTO_PRIVATE_KEY_WRONG"),
    );
    await rejectsCode(openPkcs11Key(token.uri("other")), "KEYSTORE_KEY_MISSING");
    const uri = parsePkcs11Uri(token.uri("publisher"));
    await rejectsCode(openPkcs11Key({ ...uri, key: { label: null, id: Uint8Array.of(1) } }), "KEYSTORE_KEY_MISSING");
    await using only = await openPkcs11Key({ ...uri, key: { label: null, id: null } });
    assert.equal(Buffer.compare(only.key.publicKey.spki, publicKey.spki), 0);
  });

  test("refuses what no honest sender makes", async () => {
    await using token = new SoftToken();
    const store = token.open();
    const zero = new Uint8Array(32);
    for (const [kind, wrong] of [
      ["p256", [new Uint8Array(0), new Uint8Array(65), Uint8Array.of(4, ...zero, ...zero), Uint8Array.of(2, ...zero)]],
      ["x25519", [new Uint8Array(0), zero, Uint8Array.of(1, ...zero.subarray(1)), new Uint8Array(33).fill(9)]],
    ] as const) {
      await store.generate(kind, kind);
      const [agreementKey, decryptionKey] = [await store.agreementKey(kind), await store.decryptionKey(kind)];
      for (const value of wrong) {
        await rejectsCode(Promise.resolve(agreementKey.agree(value)), "CRYPTO_SHARE_WRONG");
        await rejectsCode(Promise.resolve(decryptionKey.decapsulate(value)), "CRYPTO_OPEN_FAILED");
      }
    }
  });

  test("of RSA gives for every wrong ciphertext a key that nobody knows", async () => {
    await using token = new SoftToken();
    const store = token.open();
    const publicKey = await store.generate("rsa", "rsa2048");
    const key = await store.decryptionKey("rsa");
    const right = rsaOaep2048.wrapKey(publicKey, systemRandom.bytes(32));
    const wrong = [
      Uint8Array.from(right, (byte, i) => (i === 9 ? byte ^ 1 : byte)),
      right.subarray(1),
      Uint8Array.of(0, ...right),
      new Uint8Array(256).fill(255),
      new Uint8Array(256),
      new Uint8Array(0),
    ];
    const seen = new Set<string>();
    for (const ciphertext of [...wrong, ...wrong]) seen.add((await key.decapsulate(ciphertext)).use((bytes) => bytes.toHex()));
    assert.equal(seen.size, 12);
    for (const secret of seen) assert.equal(secret.length, 64);
    const signing = await store.signingKey("rsa");
    await rejectsCode(Promise.resolve(signing.signBlock?.(new Uint8Array(255))), "CRYPTO_PRIVATE_KEY_WRONG");
    await rejectsCode(Promise.resolve(signing.signBlock?.(new Uint8Array(256).fill(255))), "CRYPTO_PRIVATE_KEY_WRONG");
  });
});
