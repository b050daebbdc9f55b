import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type AgreementKey,
  encryptionFor,
  type HpkeEncryption,
  hpkeOpen,
  hpkeSeal,
  type KeyKind,
  type PublicKey,
  possessionOf,
  SoftwareKey,
  systemRandom,
} from "../../src/index.ts";
import { dhkemSecret, kemIds } from "./dhkem-oracle.ts";
import { ffdheKinds } from "./finite-field.ts";
import { wrongValues } from "./wrong-values.ts";

const kinds: readonly KeyKind[] = ["x-wing", "x25519", "p256", ...ffdheKinds];

const aad = Buffer.from("certificate");
const plaintext = Buffer.from("a certificate");

function hpkeFor(publicKey: PublicKey): HpkeEncryption {
  const encryption = encryptionFor(publicKey);
  assert.ok(encryption.form === "hpke");
  return encryption;
}

/** The secret of an encapsulated key, by this KEM's construction from g^xy; on X-Wing g^xy itself. */
async function secretOf(software: SoftwareKey, encapsulated: Uint8Array): Promise<Uint8Array> {
  const { kind, raw: recipientRaw } = software.publicKey;
  using agreed = await software.agreementKey().agree(encapsulated);
  return agreed.use((shared) => {
    if (kind in kemIds) return dhkemSecret(kemIds[kind as keyof typeof kemIds], shared, { encapsulated, recipientRaw });
    return Uint8Array.from(shared);
  });
}

describe("KDIR: the proof that an agreement key is held", () => {
  for (const kind of kinds) {
    test(`${kind}: opens what was encrypted to the key, by its agreement alone`, async () => {
      const software = SoftwareKey.generate(kind);
      const { publicKey } = software;
      const { hpke } = hpkeFor(publicKey);
      const asked: string[] = [];
      const key = software.agreementKey();
      const proof = possessionOf({
        ...key,
        agree(value) {
          asked.push(value.toHex());
          return key.agree(value);
        },
      });
      assert.deepEqual([proof.purpose, proof.publicKey], ["prove possession", publicKey]);
      const sealed = hpkeSeal(hpke, { publicKey, random: systemRandom }, { aad, plaintext });
      assert.deepEqual(Buffer.from(await hpkeOpen(hpke, proof, { aad, ...sealed })), plaintext);
      assert.deepEqual(asked, [sealed.encapsulated.toHex()]);
      const mine = await proof.decapsulate(sealed.encapsulated);
      const expected = await secretOf(software, sealed.encapsulated);
      mine.use((secret) => assert.equal(secret.toHex(), expected.toHex()));
    });

    test(`${kind}: fails in one way for what is for another key, changed or no encapsulated key`, async () => {
      const { publicKey } = SoftwareKey.generate(kind);
      const { hpke } = hpkeFor(publicKey);
      const sealed = hpkeSeal(hpke, { publicKey, random: systemRandom }, { aad, plaintext });
      const other = possessionOf(SoftwareKey.generate(kind).agreementKey());
      for (const encapsulated of [sealed.encapsulated, ...wrongValues(kind, sealed.encapsulated)]) {
        await assert.rejects(hpkeOpen(hpke, other, { aad, ...sealed, encapsulated }), { code: "CRYPTO_OPEN_FAILED" });
      }
    });
  }

  test("is none with a key to which nothing is encrypted", () => {
    const { publicKey } = SoftwareKey.generate("ed25519");
    const key: AgreementKey = { purpose: "agree", publicKey, agree: () => assert.fail("not asked") };
    assert.throws(() => possessionOf(key), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });

  test("passes on what a token fails with", async () => {
    const failure = new Error("The token is gone");
    const { publicKey } = SoftwareKey.generate("x25519");
    const key = possessionOf({ purpose: "agree", publicKey, agree: () => Promise.reject(failure) });
    await assert.rejects(async () => await key.decapsulate(new Uint8Array(32)), failure);
  });
});
