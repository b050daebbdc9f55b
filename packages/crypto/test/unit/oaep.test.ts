import assert from "node:assert/strict";
import { constants, createHash, privateDecrypt, publicEncrypt } from "node:crypto";
import { describe, test } from "node:test";
import { runSeed, seededRandom } from "@sealane/testkit";
import {
  type KeyTransport,
  oaepUnpad,
  rsaOaep2048,
  rsaOaep3072,
  rsaOaep4096,
  type Secret,
  SoftwareKey,
  systemRandom,
} from "../../src/index.ts";
import { type RsaKey, rsaKey } from "../keys/rsa-keys.ts";
import { mgf1, xor } from "./mgf1.ts";

const random = seededRandom(`oaep ${runSeed}`);
const content = random.bytes(32);
const transports: readonly (readonly [RsaKey, KeyTransport])[] = [
  [rsaKey("rsa2048"), rsaOaep2048],
  [rsaKey("rsa3072"), rsaOaep3072],
  [rsaKey("rsa4096"), rsaOaep4096],
];

function bytesOf(secret: Secret): Uint8Array {
  return secret.use((bytes) => Uint8Array.from(bytes));
}

interface Form {
  readonly first?: number;
  readonly labelHash?: Uint8Array;
  readonly padding?: Uint8Array;
  readonly mark?: readonly number[];
  readonly content?: Uint8Array;
}

/** EME-OAEP encoding (RFC 8017, section 7.1.1, step 2), written apart from ours, of a right or a wrong form. */
function pad(blockBytes: number, form: Form = {}): Buffer {
  const labelHash = form.labelHash ?? createHash("sha256").digest();
  const inside = form.content ?? content;
  const mark = Buffer.from(form.mark ?? [1]);
  const padding = form.padding ?? Buffer.alloc(Math.max(0, blockBytes - 66 - inside.length));
  const data = Buffer.concat([labelHash, padding, mark, inside]);
  assert.equal(data.length, blockBytes - 33);
  const seed = random.bytes(32);
  const maskedData = xor(data, mgf1(seed, data.length));
  return Buffer.concat([Buffer.of(form.first ?? 0), xor(seed, mgf1(maskedData, 32)), maskedData]);
}

/** Blocks of every wrong form, the bytes before the content wrong in one bit each, the content of other lengths. */
function* wrongBlocks(blockBytes: number): Generator<Buffer> {
  for (let bit = 0; bit < 7; bit++) yield pad(blockBytes, { first: 1 << bit }); // below the modulus, so that it can be encrypted too
  const labelHash = createHash("sha256").digest();
  for (let i = 0; i < 32; i++) yield pad(blockBytes, { labelHash: labelHash.map((byte, at) => (at === i ? byte ^ (1 << (i & 7)) : byte)) });
  yield pad(blockBytes, { labelHash: createHash("sha256").update("a label").digest() });
  for (let i = 0; i < blockBytes - 98; i++) {
    for (const byte of [1, 0x80]) {
      const padding = Buffer.alloc(blockBytes - 98);
      padding[i] = byte;
      yield pad(blockBytes, { padding });
    }
  }
  for (const mark of [0, 2, 3, 0x81, 0xff]) yield pad(blockBytes, { mark: [mark] });
  for (const length of [0, 1, 16, 31, 33, 64, blockBytes - 66]) yield pad(blockBytes, { content: random.bytes(length) });
  yield pad(blockBytes, { mark: [0], content: Buffer.alloc(32) });
  yield Buffer.alloc(blockBytes);
  yield Buffer.concat([Buffer.alloc(1), random.bytes(blockBytes - 1)]);
}

for (const [{ kind, key, native, modulus, modulusBytes }, transport] of transports) {
  const publicNative = key.publicKey.native;
  const raw = { padding: constants.RSA_NO_PADDING };
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };

  /** What the holder of the key gets, which is never the same twice when it is random. */
  const open = async (wrapped: Uint8Array): Promise<Uint8Array> => bytesOf(await key.decryptionKey().decapsulate(wrapped));

  const opensAtRandom = async (wrapped: Uint8Array, why: string): Promise<void> => {
    const [once, again] = [await open(wrapped), await open(wrapped)];
    assert.deepEqual([once.length, again.length], [32, 32], why);
    for (const other of [again, content]) assert.notDeepEqual(once, other, why);
  };

  describe(`a content key under RSA-OAEP-256 and ${kind}`, () => {
    test("is wrapped for node:crypto and for us, differently each time", async () => {
      assert.deepEqual([transport.form, transport.coseId, transport.keyKind], ["key transport", -41, kind]);
      const wrapped = transport.wrapKey(key.publicKey, content);
      assert.equal(wrapped.length, modulusBytes);
      assert.deepEqual(Uint8Array.from(privateDecrypt({ key: native, ...oaep }, wrapped)), content);
      assert.deepEqual(await open(wrapped), content);
      assert.notDeepEqual(transport.wrapKey(key.publicKey, content), wrapped);
    });

    test("is unwrapped when node:crypto wrapped it, by OpenSSL and by our own unpadding", async () => {
      for (let i = 0; i < 10; i++) {
        const key32 = random.bytes(32);
        const wrapped = publicEncrypt({ key: publicNative, ...oaep }, key32);
        assert.deepEqual(await open(wrapped), key32);
        const block = privateDecrypt({ key: native, ...raw }, wrapped);
        const before = Uint8Array.from(block);
        assert.deepEqual(bytesOf(oaepUnpad(block)), key32);
        assert.deepEqual(Uint8Array.from(block), before);
      }
    });

    test("is random when the block has a wrong form, by our own unpadding", () => {
      assert.deepEqual(bytesOf(oaepUnpad(pad(modulusBytes))), content);
      for (const block of wrongBlocks(modulusBytes)) {
        const instead = systemRandom.bytes(32);
        const given = bytesOf(oaepUnpad(block, { bytes: () => Uint8Array.from(instead) }));
        assert.deepEqual(given, instead, block.toString("hex"));
      }
      assert.notDeepEqual(bytesOf(oaepUnpad(pad(97, { mark: [] }))), content);
      for (const length of [0, 1, 32, 97]) assert.equal(bytesOf(oaepUnpad(new Uint8Array(length))).length, 32);
    });

    test("is random when the block has a wrong form, by OpenSSL", async () => {
      assert.deepEqual(await open(publicEncrypt({ key: publicNative, ...raw }, pad(modulusBytes))), content);
      const step = kind === "rsa2048" ? 4 : 64; // the private operation is slow
      let i = 0;
      for (const block of wrongBlocks(modulusBytes)) {
        if (i++ % step === 0) await opensAtRandom(publicEncrypt({ key: publicNative, ...raw }, block), block.toString("hex"));
      }
    });

    test("is random when the ciphertext is none of this key and padding", async () => {
      let wrapped: Uint8Array;
      do wrapped = transport.wrapKey(key.publicKey, content);
      while (wrapped[0] !== 0);
      assert.deepEqual(await open(wrapped), content);
      const shifted = BigInt(`0x${Buffer.from(wrapped).toString("hex")}`) + modulus; // the same number for the private operation
      const others: Readonly<Record<string, Uint8Array>> = {
        "without its leading zero": wrapped.subarray(1),
        "with one more": Buffer.concat([Buffer.alloc(1), wrapped]),
        empty: new Uint8Array(0),
        "c + n": Buffer.from(shifted.toString(16).padStart(2 * modulusBytes, "0"), "hex"),
        "all ones": new Uint8Array(modulusBytes).fill(0xff),
        ...Object.fromEntries(
          [0, 1, 31, 33, 64].map((bytes) => [`of ${bytes} bytes`, publicEncrypt({ key: publicNative, ...oaep }, random.bytes(bytes))]),
        ),
        "under SHA-1": publicEncrypt({ key: publicNative, ...oaep, oaepHash: "sha1" }, content),
        "with a label": publicEncrypt({ key: publicNative, ...oaep, oaepLabel: Buffer.from("l") }, content),
        "of PKCS #1 v1.5": publicEncrypt({ key: publicNative, padding: constants.RSA_PKCS1_PADDING }, content),
        "changed in its last bit": wrapped.with(modulusBytes - 1, (wrapped.at(-1) ?? 0) ^ 1),
      };
      for (const [why, ciphertext] of Object.entries(others)) await opensAtRandom(ciphertext, why);
    });

    test("is wrapped for a key of this kind only", () => {
      for (const wrong of ["ed25519", "x-wing"] as const) {
        assert.throws(() => transport.wrapKey(SoftwareKey.generate(wrong).publicKey, content), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      }
      for (const [other, otherTransport] of transports) {
        if (other.kind === kind) continue;
        assert.throws(() => otherTransport.wrapKey(key.publicKey, content), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      }
    });
  });
}

test("a content key is random for the holder of another key", async () => {
  const wrapped = rsaOaep2048.wrapKey(rsaKey("rsa2048").key.publicKey, content);
  const given = bytesOf(await SoftwareKey.generate("rsa2048").decryptionKey().decapsulate(wrapped));
  assert.equal(given.length, 32);
  assert.notDeepEqual(given, content);
});
