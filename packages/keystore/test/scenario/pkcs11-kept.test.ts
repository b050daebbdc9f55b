import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type KeyKind, type KeyPurpose, rsaOaep2048, verifySignature } from "@sealane/crypto";
import { pin, SoftToken, withoutTokens } from "@sealane/testkit/tokens";
import { softHsm } from "@sealane/testkit/tools";
import { hasCode } from "@sealane/wire";
import type { PKCS11, Template } from "pkcs11js";

type Binding = typeof import("pkcs11js");

/** The same module seen by another user of it, who may do all that the PIN allows. */
interface Other {
  readonly names: Binding;
  readonly module: PKCS11;
  readonly slot: Buffer;
  readonly session: Buffer;
}

const message = Uint8Array.of(1, 2, 3);
const usages = ["CKA_SIGN", "CKA_SIGN_RECOVER", "CKA_DECRYPT", "CKA_UNWRAP", "CKA_DERIVE"] as const;
type Usage = (typeof usages)[number];

const made: readonly (readonly [KeyKind, KeyPurpose | undefined, readonly Usage[]])[] = [
  ["p256", undefined, ["CKA_SIGN", "CKA_DERIVE"]],
  ["p256", "sign", ["CKA_SIGN"]],
  ["p256", "agree", ["CKA_DERIVE"]],
  ["p256", "decrypt", ["CKA_DERIVE"]],
  ["ed25519", undefined, ["CKA_SIGN"]],
  ["x25519", undefined, ["CKA_DERIVE"]],
  ["ffdhe3072", undefined, ["CKA_DERIVE"]],
  ["ffdhe3072", "agree", ["CKA_DERIVE"]],
  ["rsa2048", undefined, ["CKA_SIGN", "CKA_DECRYPT"]],
  ["rsa2048", "sign", ["CKA_SIGN"]],
  ["rsa2048", "decrypt", ["CKA_DECRYPT"]],
];

describe("KSIM: a private key never leaves its token", { skip: withoutTokens }, () => {
  let names: Binding;
  before(async () => {
    names = (await import("pkcs11js")).default;
  });

  /** Logs in beside a store that was used already. */
  function beside(token: SoftToken): Other {
    const module = new names.PKCS11();
    module.load(softHsm ?? "");
    const slot = module.C_GetSlotList(true).find((each) => module.C_GetTokenInfo(each).label.trimEnd() === token.label);
    assert.ok(slot);
    const session = module.C_OpenSession(slot, names.CKF_SERIAL_SESSION | names.CKF_RW_SESSION);
    try {
      module.C_Login(session, names.CKU_USER, pin);
    } catch (error) {
      assert.match(String(error), /CKR_USER_ALREADY_LOGGED_IN/);
    }
    return { names, module, slot, session };
  }

  /** Makes a key pair of the label "one" beside a store that was used already. */
  function generateBeside(
    token: SoftToken,
    made: { readonly mechanism: number; readonly ofPublic: Template; readonly ofPrivate: Template },
  ): void {
    const { module, session } = beside(token);
    const named: Template = [
      { type: names.CKA_TOKEN, value: true },
      { type: names.CKA_LABEL, value: "one" },
    ];
    module.C_GenerateKeyPair(session, { mechanism: made.mechanism }, [...named, ...made.ofPublic], [...named, ...made.ofPrivate]);
  }

  function objects({ module, session }: Other, type: number): Buffer[] {
    module.C_FindObjectsInit(session, [{ type: names.CKA_CLASS, value: type }]);
    const found = module.C_FindObjects(session, 100);
    module.C_FindObjectsFinal(session);
    return found;
  }

  function attribute({ module, session }: Other, object: Buffer, type: number): string {
    return module.C_GetAttributeValue(session, object, [{ type }])[0]?.value.toHex() ?? "none";
  }

  for (const [kind, purpose, allowed] of made) {
    test(`made as ${kind} to ${purpose ?? "do all it can"}: it is read, changed, copied and wrapped by nobody`, async () => {
      await using token = new SoftToken();
      const store = token.open();
      await store.generate("one", kind, purpose);
      const other = beside(token);
      const { module, session } = other;
      const [key, second] = objects(other, names.CKO_PRIVATE_KEY);
      assert.ok(key !== undefined && second === undefined);

      const always = ["CKA_TOKEN", "CKA_PRIVATE", "CKA_LOCAL", "CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE"] as const;
      for (const name of always) assert.equal(attribute(other, key, names[name]), "01", name);
      assert.equal(attribute(other, key, names.CKA_EXTRACTABLE), "00");
      assert.deepEqual(
        usages.filter((name) => attribute(other, key, names[name]) === "01"),
        allowed,
      );

      const secrets = kind.startsWith("rsa")
        ? (["CKA_PRIVATE_EXPONENT", "CKA_PRIME_1", "CKA_PRIME_2", "CKA_EXPONENT_1", "CKA_EXPONENT_2", "CKA_COEFFICIENT"] as const)
        : (["CKA_VALUE"] as const);
      for (const name of secrets) assert.throws(() => attribute(other, key, names[name]), /CKR_ATTRIBUTE_SENSITIVE/, name);

      const set = (name: "CKA_EXTRACTABLE" | "CKA_SENSITIVE", value: boolean) => [{ type: names[name], value }];
      for (const change of [set("CKA_EXTRACTABLE", true), set("CKA_SENSITIVE", false)]) {
        assert.throws(() => module.C_SetAttributeValue(session, key, change), /CKR_/);
        assert.throws(() => module.C_CopyObject(session, key, [...change, { type: names.CKA_TOKEN, value: false }]), /CKR_/);
      }
      const wrapping = module.C_GenerateKey(session, { mechanism: names.CKM_AES_KEY_GEN }, [
        { type: names.CKA_VALUE_LEN, value: 32 },
        { type: names.CKA_WRAP, value: true },
      ]);
      for (const mechanism of [names.CKM_AES_KEY_WRAP, names.CKM_AES_KEY_WRAP_PAD]) {
        assert.throws(() => module.C_WrapKey(session, { mechanism }, wrapping, key, Buffer.alloc(8_192)), /CKR_KEY_UNEXTRACTABLE/);
      }
    });
  }

  test("and what it agreed on is left nowhere in the token", async () => {
    await using token = new SoftToken();
    const store = token.open();
    for (const [kind, bytes] of [
      ["p256", 32],
      ["x25519", 32],
      ["ffdhe3072", 384],
    ] as const) {
      const peer = await store.generate(`${kind}-peer`, kind);
      await store.generate(kind, kind);
      using secret = await (await store.agreementKey(kind)).agree(peer.raw);
      assert.equal(secret.length, bytes);
    }
    assert.deepEqual(objects(beside(token), names.CKO_SECRET_KEY), []);
  });

  test("and one that might is not used", async () => {
    for (const [sensitive, extractable] of [
      [true, true],
      [false, false],
      [false, true],
    ] as const) {
      await using token = new SoftToken();
      const store = token.open();
      await store.list();
      generateBeside(token, {
        mechanism: names.CKM_EC_KEY_PAIR_GEN,
        ofPublic: [{ type: names.CKA_EC_PARAMS, value: Buffer.from("06082a8648ce3d030107", "hex") }],
        ofPrivate: [
          { type: names.CKA_SENSITIVE, value: sensitive },
          { type: names.CKA_EXTRACTABLE, value: extractable },
        ],
      });
      await assert.rejects(store.signingKey("one"), (error) => hasCode(error, "KEYSTORE_TOKEN_KEY_EXTRACTABLE"));
      assert.deepEqual(await store.list(), ["one"]);
    }
  });

  test("and one that wants the PIN each time gets it", async () => {
    await using token = new SoftToken();
    const store = token.open();
    await store.list();
    generateBeside(token, {
      mechanism: names.CKM_RSA_PKCS_KEY_PAIR_GEN,
      ofPublic: [
        { type: names.CKA_MODULUS_BITS, value: 2048 },
        { type: names.CKA_PUBLIC_EXPONENT, value: Buffer.of(1, 0, 1) },
      ],
      ofPrivate: [
        { type: names.CKA_SENSITIVE, value: true },
        { type: names.CKA_EXTRACTABLE, value: false },
        { type: names.CKA_ALWAYS_AUTHENTICATE, value: true },
      ],
    });
    const [signing, decryption] = [await store.signingKey("one"), await store.decryptionKey("one")];
    for (let i = 0; i < 2; i++) {
      verifySignature(signing.publicKey, message, await signing.sign(message));
      const secret = await decryption.decapsulate(rsaOaep2048.wrapKey(decryption.publicKey, new Uint8Array(32).fill(i)));
      assert.equal(
        secret.use((bytes) => bytes.toHex()),
        `0${i}`.repeat(32),
      );
    }
  });
});
