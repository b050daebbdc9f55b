import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encryptionFor, hpkeOpen, hpkeSeal, type KeyKind, systemRandom, verifySignature } from "@sealane/crypto";
import { hasCode } from "@sealane/wire";
import type { KeyStore } from "../../src/index.ts";

/** An empty place for keys; `open` gives a new store on it each time, as a new process would. */
export interface KeyPlace extends AsyncDisposable {
  open(): KeyStore;
}

/** The tests that every key store passes, with the kinds of decryption key that it can keep. */
export function keyStoreContract(kind: string, makePlace: () => Promise<KeyPlace>, decryptionKinds: readonly KeyKind[]): void {
  const message = Uint8Array.of(1, 2, 3);
  const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));

  describe(`the contract of key stores, kept by ${kind}`, () => {
    test("KDIR: a generated key is used by this store and the next one", async () => {
      await using place = await makePlace();
      const first = place.open();
      const signing = await first.generate("sign-1", "ed25519");
      for (const each of decryptionKinds) await first.generate(`decrypt-${each}`, each);
      for (const store of [first, place.open()]) {
        assert.equal(Buffer.compare((await store.publicKey("sign-1")).spki, signing.spki), 0);
        const signingKey = await store.signingKey("sign-1");
        verifySignature(signing, message, await signingKey.sign(message));
        assert.equal(Buffer.compare(signingKey.publicKey.spki, signing.spki), 0);

        const input = { aad: message, plaintext: message };
        for (const each of decryptionKinds) {
          const publicKey = await first.publicKey(`decrypt-${each}`);
          const { hpke } = encryptionFor(publicKey);
          const sealed = hpkeSeal(hpke, { publicKey, random: systemRandom }, input);
          const opened = await hpkeOpen(hpke, await store.decryptionKey(`decrypt-${each}`), { aad: message, ...sealed });
          assert.equal(Buffer.compare(opened, message), 0);
        }
      }
    });

    test("two keys are never the same", async () => {
      await using place = await makePlace();
      const store = place.open();
      const [a, b] = [await store.generate("a", "ed25519"), await store.generate("b", "ed25519")];
      assert.notEqual(Buffer.compare(a.raw, b.raw), 0);
    });

    test("a key does nothing but what its kind does", async () => {
      await using place = await makePlace();
      const store = place.open();
      await store.generate("sign", "ed25519");
      await store.generate("decrypt", "x25519");
      await rejectsCode(store.signingKey("decrypt"), "CRYPTO_PRIVATE_KEY_WRONG");
      await rejectsCode(store.decryptionKey("sign"), "CRYPTO_PRIVATE_KEY_WRONG");
    });

    test("a key is never overwritten", async () => {
      await using place = await makePlace();
      const before = await place.open().generate("one", "ed25519");
      await rejectsCode(place.open().generate("one", "ed25519"), "KEYSTORE_KEY_EXISTS");
      await rejectsCode(place.open().generate("one", "x25519"), "KEYSTORE_KEY_EXISTS");
      assert.equal(Buffer.compare((await place.open().publicKey("one")).spki, before.spki), 0);
    });

    test("of many that make one key at once, one succeeds and all see its key", async () => {
      await using place = await makePlace();
      const results = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(() => place.open().generate("one", "ed25519")));
      const made = results.filter((result) => result.status === "fulfilled");
      assert.equal(made.length, 1);
      for (const result of results) if (result.status === "rejected") assert(hasCode(result.reason, "KEYSTORE_KEY_EXISTS"));
      assert.equal(Buffer.compare((await place.open().publicKey("one")).spki, made[0]?.value.spki ?? message), 0);
    });

    test("keys are listed in order, and are there or not", async () => {
      await using place = await makePlace();
      assert.deepEqual(await place.open().list(), []);
      assert.equal(await place.open().has("b"), false);
      for (const id of ["b", "a-1", "a"]) await place.open().generate(id, "ed25519");
      assert.deepEqual(await place.open().list(), ["a", "a-1", "b"]);
      assert.equal(await place.open().has("b"), true);
      assert.equal(await place.open().has("c"), false);
    });

    test("a missing key is told as such", async () => {
      await using place = await makePlace();
      for (const prepare of [async () => {}, async () => void (await place.open().generate("there", "ed25519"))]) {
        await prepare();
        await rejectsCode(place.open().publicKey("none"), "KEYSTORE_KEY_MISSING");
        await rejectsCode(place.open().signingKey("none"), "KEYSTORE_KEY_MISSING");
        await rejectsCode(place.open().decryptionKey("none"), "KEYSTORE_KEY_MISSING");
        await rejectsCode(place.open().remove("none"), "KEYSTORE_KEY_MISSING");
      }
    });

    test("a removed key is gone and its id is free", async () => {
      await using place = await makePlace();
      const store = place.open();
      const before = await store.generate("one", "ed25519");
      await store.generate("two", "ed25519");
      await store.remove("one");
      assert.deepEqual(await place.open().list(), ["two"]);
      assert.equal(await store.has("one"), false);
      for (const each of [store, place.open()]) await rejectsCode(each.signingKey("one"), "KEYSTORE_KEY_MISSING");
      assert.notEqual(Buffer.compare((await store.generate("one", "ed25519")).spki, before.spki), 0);
    });

    test("ids of other characters or lengths are refused", async () => {
      await using place = await makePlace();
      const store = place.open();
      for (const id of ["", "A", "a.b", "a/b", "..", "a\n", "a\0", "ä", "a".repeat(65)]) {
        await rejectsCode(store.generate(id, "ed25519"), "KEYSTORE_ID_WRONG");
        await rejectsCode(store.publicKey(id), "KEYSTORE_ID_WRONG");
        await rejectsCode(store.signingKey(id), "KEYSTORE_ID_WRONG");
        await rejectsCode(store.decryptionKey(id), "KEYSTORE_ID_WRONG");
        await rejectsCode(store.has(id), "KEYSTORE_ID_WRONG");
        await rejectsCode(store.remove(id), "KEYSTORE_ID_WRONG");
      }
      await store.generate("a".repeat(64), "ed25519");
    });
  });
}
