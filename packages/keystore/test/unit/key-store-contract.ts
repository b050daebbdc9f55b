import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Agreement,
  type DecryptionKey,
  encryptionFor,
  ffdheAgreement,
  hpkeOpen,
  hpkeSeal,
  type KeyKind,
  type KeyPurpose,
  type PublicKey,
  p256Agreement,
  pssR,
  rsaOaep2048,
  rsaOaep3072,
  rsaOaep4096,
  systemRandom,
  verifySignature,
  x25519Agreement,
  xWingAgreement,
} from "@sealane/crypto";
import { hasCode } from "@sealane/wire";
import type { KeyStore } from "../../src/index.ts";

/** An empty place for keys; `open` gives a new store on it each time, as a new process would. */
export interface KeyPlace extends AsyncDisposable {
  open(): KeyStore;
}

/** The kinds of key that a store can keep, by what they are for. */
export type ContractKinds = Readonly<Record<KeyPurpose, readonly KeyKind[]>>;

const agreements: readonly Agreement[] = [
  x25519Agreement,
  xWingAgreement,
  p256Agreement,
  ...(["ffdhe2048", "ffdhe3072", "ffdhe4096"] as const).map(ffdheAgreement),
];

const message = Uint8Array.of(1, 2, 3);

/** The tests that every key store passes, with the kinds of key that it can keep; Ed25519 and X25519 are among them. */
export function keyStoreContract(kind: string, makePlace: () => Promise<KeyPlace>, kinds: ContractKinds): void {
  const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));

  describe(`the contract of key stores, kept by ${kind}`, () => {
    for (const purpose of [undefined, "sign"] as const) {
      const made = purpose === undefined ? "for all it can do" : "for one purpose";
      test(`KDIR: a key generated ${made} signs, in this store and the next one`, async () => {
        await using place = await makePlace();
        const first = place.open();
        for (const each of kinds.sign) await first.generate(`sign-${each}`, each, purpose);
        for (const store of [first, place.open()]) {
          for (const each of kinds.sign) {
            const publicKey = await first.publicKey(`sign-${each}`);
            assert.equal(publicKey.kind, each);
            const key = await store.signingKey(`sign-${each}`);
            assert.equal(Buffer.compare(key.publicKey.spki, publicKey.spki), 0);
            for (const length of [0, 3, 1_000]) {
              const signed = new Uint8Array(length).fill(7);
              verifySignature(publicKey, signed, await key.sign(signed));
            }
            if (key.signBlock === undefined) continue;
            const input = { protectedBytes: message, externalAad: message };
            const signed = await pssR.sign(key, message, input);
            assert.equal(Buffer.compare(pssR.recover(publicKey, signed, input), message), 0);
          }
        }
      });
    }

    for (const purpose of [undefined, "decrypt"] as const) {
      const made = purpose === undefined ? "for all it can do" : "for one purpose";
      test(`KDIR: a key generated ${made} decrypts, in this store and the next one`, async () => {
        await using place = await makePlace();
        const first = place.open();
        for (const each of kinds.decrypt) await first.generate(`decrypt-${each}`, each, purpose);
        for (const store of [first, place.open()]) {
          for (const each of kinds.decrypt) {
            const key = await store.decryptionKey(`decrypt-${each}`);
            assert.equal(key.publicKey.kind, each);
            await assertOpens(await first.publicKey(`decrypt-${each}`), key);
          }
        }
      });
    }

    for (const purpose of [undefined, "agree"] as const) {
      const made = purpose === undefined ? "for all it can do" : "for one purpose";
      test(`KDIR: a key generated ${made} agrees, in this store and the next one`, async () => {
        await using place = await makePlace();
        const first = place.open();
        for (const each of kinds.agree) await first.generate(`agree-${each}`, each, purpose);
        for (const store of [first, place.open()]) {
          for (const agreement of agreements.filter(({ keyKind }) => kinds.agree.includes(keyKind))) {
            const id = `agree-${agreement.keyKind}`;
            const key = await store.agreementKey(id);
            const { spki, raw } = await first.publicKey(id);
            assert.equal(Buffer.compare(key.publicKey.spki, spki), 0);
            const { value, shared } = agreement.respond(raw, systemRandom);
            const agreed = await key.agree(value);
            assert.equal(
              agreed.use((bytes) => bytes.toHex()),
              shared.use((bytes) => bytes.toHex()),
            );
          }
        }
      });
    }

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
      await rejectsCode(store.agreementKey("sign"), "CRYPTO_PRIVATE_KEY_WRONG");
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
        await rejectsCode(place.open().agreementKey("none"), "KEYSTORE_KEY_MISSING");
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
        await rejectsCode(store.agreementKey(id), "KEYSTORE_ID_WRONG");
        await rejectsCode(store.has(id), "KEYSTORE_ID_WRONG");
        await rejectsCode(store.remove(id), "KEYSTORE_ID_WRONG");
      }
      await store.generate("a".repeat(64), "ed25519");
    });
  });
}

async function assertOpens(publicKey: PublicKey, key: DecryptionKey): Promise<void> {
  const transport = [rsaOaep2048, rsaOaep3072, rsaOaep4096].find(({ keyKind }) => keyKind === publicKey.kind);
  if (transport !== undefined) {
    const contentKey = systemRandom.bytes(32);
    const secret = await key.decapsulate(transport.wrapKey(publicKey, contentKey));
    assert.equal(
      secret.use((bytes) => bytes.toHex()),
      contentKey.toHex(),
    );
    return;
  }
  const encryption = encryptionFor(publicKey);
  assert.ok(encryption.form === "hpke");
  const sealed = hpkeSeal(encryption.hpke, { publicKey, random: systemRandom }, { aad: message, plaintext: message });
  const opened = await hpkeOpen(encryption.hpke, key, { aad: message, ...sealed });
  assert.equal(Buffer.compare(opened, message), 0);
}
