import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type AgreementKey,
  encryptionFor,
  ffdheAgreement,
  ffdheGroup,
  hpkeOpen,
  hpkeSeal,
  possessionOf,
  systemRandom,
} from "@sealane/crypto";
import { SoftToken, withoutTokens } from "@sealane/testkit/tokens";
import { hasCode } from "@sealane/wire";

const group = ffdheGroup("ffdhe2048");
const agreement = ffdheAgreement("ffdhe2048");
/** Agreements until one begins with a zero byte: 256 on average, and with 10 000 none in 10^17 runs. */
const maxAttempts = 10_000;

async function keyIn(token: SoftToken): Promise<AgreementKey> {
  const store = token.open();
  await store.generate("agree", "ffdhe2048", "agree");
  return await store.agreementKey("agree");
}

describe("KSIM: finite-field agreement in a token", { skip: withoutTokens }, () => {
  test("gives g^xy in the modulus' length, also when that begins with zeros", async () => {
    await using token = new SoftToken();
    const key = await keyIn(token);
    for (let i = 0; i < maxAttempts; i++) {
      const { value, shared } = agreement.respond(key.publicKey.raw, systemRandom);
      using expected = shared;
      if (expected.use(([first]) => first) !== 0) continue;
      using agreed = await key.agree(value);
      assert.equal(agreed.length, group.valueBytes);
      assert.deepEqual(
        agreed.use((bytes) => bytes.toHex()),
        expected.use((bytes) => bytes.toHex()),
      );
      return;
    }
    assert.fail("no secret began with a zero byte");
  });

  test("is never given a value that was not checked: the refusal needs no token, a good value does", async () => {
    await using token = new SoftToken();
    const key = await keyIn(token);
    const p = BigInt(`0x${group.modulus.toHex()}`);
    const encoded = (number: bigint, bytes = group.valueBytes): Uint8Array =>
      Uint8Array.fromHex(number.toString(16).padStart(2 * bytes, "0"));
    const { value } = agreement.respond(key.publicKey.raw, systemRandom);
    const y = BigInt(`0x${value.toHex()}`);
    token.takeAway();
    // p - y is outside the subgroup: -1 is no square modulo a safe prime above 5
    const wrong = [0n, 1n, p - 1n, p, p - y].map((number) => encoded(number));
    for (const each of [...wrong, encoded(y, group.valueBytes + 1), value.subarray(1), new Uint8Array(0)]) {
      await assert.rejects(
        async () => await key.agree(each),
        (error) => hasCode(error, "CRYPTO_SHARE_WRONG"),
      );
    }
    await assert.rejects(
      async () => await key.agree(value),
      (error) => hasCode(error, "KEYSTORE_TOKEN_GONE"),
    );
  });

  test("proves at enrolment that the key is held", async () => {
    await using token = new SoftToken();
    const key = await keyIn(token);
    const encryption = encryptionFor(key.publicKey);
    assert.ok(encryption.form === "hpke");
    const content = { aad: Uint8Array.of(1), plaintext: Uint8Array.of(2, 3) };
    const sealed = hpkeSeal(encryption.hpke, { publicKey: key.publicKey, random: systemRandom }, content);
    assert.deepEqual(Buffer.from(await hpkeOpen(encryption.hpke, possessionOf(key), { aad: content.aad, ...sealed })), Buffer.of(2, 3));
  });

  test("is all that such a key is for", async () => {
    await using token = new SoftToken();
    const store = token.open();
    const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));
    for (const purpose of ["sign", "decrypt"] as const)
      await rejectsCode(store.generate("one", "ffdhe2048", purpose), "CRYPTO_PRIVATE_KEY_WRONG");
    await store.generate("one", "ffdhe2048");
    await rejectsCode(store.signingKey("one"), "CRYPTO_PRIVATE_KEY_WRONG");
    await rejectsCode(store.decryptionKey("one"), "CRYPTO_PRIVATE_KEY_WRONG");
  });
});
