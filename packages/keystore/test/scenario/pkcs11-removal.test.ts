import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DecryptionKey, type PublicKey, p256Agreement, rsaOaep2048, systemRandom, verifySignature } from "@sealane/crypto";
import { SoftToken, withoutTokens } from "@sealane/testkit/tokens";
import { softHsm } from "@sealane/testkit/tools";
import { hasCode } from "@sealane/wire";
import { loadCryptoki } from "../../src/pkcs11/cryptoki.ts";

const message = Uint8Array.of(1, 2, 3);

/** A key for each thing that a token does, and a way to see that all of them are done. */
async function makeUses(token: SoftToken): Promise<readonly (() => Promise<void>)[]> {
  const store = token.open();
  const signing = await store.generate("sign", "p256", "sign");
  const agreement = await store.generate("agree", "p256", "agree");
  const decryption = await store.generate("decrypt", "rsa2048", "decrypt");
  const signingKey = await store.signingKey("sign");
  const agreementKey = await store.agreementKey("agree");
  const decryptionKey = await store.decryptionKey("decrypt");
  return [
    async () => verifySignature(signing, message, await signingKey.sign(message)),
    async () => {
      const { value, shared } = p256Agreement.respond(agreement.raw, systemRandom);
      assert.equal(
        (await agreementKey.agree(value)).use((bytes) => bytes.toHex()),
        shared.use((bytes) => bytes.toHex()),
      );
    },
    async () => await assertUnwraps(decryption, decryptionKey),
    async () => assert.deepEqual(await store.list(), ["agree", "decrypt", "sign"]),
  ];
}

async function assertUnwraps(publicKey: PublicKey, key: DecryptionKey): Promise<void> {
  const contentKey = systemRandom.bytes(32);
  const secret = await key.decapsulate(rsaOaep2048.wrapKey(publicKey, contentKey));
  assert.equal(
    secret.use((bytes) => bytes.toHex()),
    contentKey.toHex(),
  );
}

const gone = (error: unknown): boolean => hasCode(error, "KEYSTORE_TOKEN_GONE") && error.entry.retry === "later";

describe("KSIM: a token is pulled out and plugged in again", { skip: withoutTokens }, () => {
  test("and whatever is asked meanwhile fails with advice to try later, and works afterwards", async () => {
    await using token = new SoftToken();
    const uses = await makeUses(token);
    for (const use of uses) {
      await use();
      token.takeAway();
      await assert.rejects(use(), gone);
      await assert.rejects(use(), gone);
      token.bringBack();
      await use();
    }
  });

  test("and what was not asked meanwhile never notices", async () => {
    await using token = new SoftToken();
    const uses = await makeUses(token);
    token.takeAway();
    token.bringBack();
    for (const use of uses) await use();
  });

  test("and a store that was opened without it finds it", async () => {
    await using token = new SoftToken();
    await token.open().generate("one", "p256");
    token.takeAway();
    const store = token.open();
    await assert.rejects(store.signingKey("one"), gone);
    token.bringBack();
    await store.signingKey("one");
  });

  test("and a key that was destroyed elsewhere is missing, not another", async () => {
    await using token = new SoftToken();
    const store = token.open();
    await store.generate("one", "p256");
    const key = await store.signingKey("one");
    await token.open().remove("one");
    await assert.rejects(
      async () => await key.sign(message),
      (error) => hasCode(error, "KEYSTORE_KEY_MISSING"),
    );
    await token.open().generate("one", "p256");
    await assert.rejects(
      async () => await key.sign(message),
      (error) => hasCode(error, "KEYSTORE_KEY_MISSING"),
    );
  });
});

describe("KSIM: another user of the module in this process", { skip: withoutTokens }, () => {
  for (const [what, end] of [
    ["closes all sessions", "C_CloseAllSessions"],
    ["ends the module", "C_Finalize"],
  ] as const) {
    test(`${what}, and every key is used on`, async () => {
      await using token = new SoftToken();
      const uses = await makeUses(token);
      const { PKCS11 } = await import("pkcs11js");
      const other = new PKCS11();
      other.load(softHsm ?? "");
      for (const use of uses) {
        if (end === "C_Finalize") other.C_Finalize();
        else for (const slot of other.C_GetSlotList(true)) other.C_CloseAllSessions(slot);
        await use();
      }
    });
  }

  test("began it, and it is shared", async () => {
    const module = await loadCryptoki(softHsm ?? "");
    assert.throws(() => module.C_Initialize({ flags: 0 }), /CKR_CRYPTOKI_ALREADY_INITIALIZED/);
  });
});
