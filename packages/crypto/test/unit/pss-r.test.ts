import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed, seededRandom } from "@sealane/testkit";
import { encode } from "@sealane/wire";
import { pssR, pssRWith, type RecoveryInput, SoftwareKey } from "../../src/index.ts";
import { decodePssRBlock, encodePssRBlock, pssRCapacity } from "../../src/pss-r-block.ts";
import { bigEndian, type RsaKey, rsaKey, rsaKinds } from "../keys/rsa-keys.ts";
import { type Forgery, forgeBlock, signBlock } from "./pss-r-forger.ts";

const random = seededRandom(`pss-r ${runSeed}`);
const signatureWrong = { code: "CRYPTO_SIGNATURE_WRONG" };
const input: RecoveryInput = { protectedBytes: Buffer.from("a1013a00010002", "hex"), externalAad: Buffer.from("aad") };
const none = new Uint8Array(0);
const capacities = { rsa2048: 190, rsa3072: 318, rsa4096: 446 };
const keys = rsaKinds.map(rsaKey);
const small = rsaKey("rsa2048");

/** M2 as docs/protocol.md has it. */
function hashedOnly(messageBytes: number, rest: Uint8Array, { protectedBytes, externalAad } = input): Uint8Array {
  return encode(["Sealane PSS-R", protectedBytes, externalAad, messageBytes, rest]);
}

function recover(key: RsaKey, signature: Uint8Array, rest: Uint8Array = none, by = input): Uint8Array {
  return pssR.recover(key.key.publicKey, { signature, rest }, by);
}

function refused(key: RsaKey, signature: Uint8Array, rest: Uint8Array = none, by = input): void {
  assert.throws(() => recover(key, signature, rest, by), signatureWrong);
}

/** A signature by the key's owner on a block of any form, with an M2 that fits unless another is given. */
function forge(key: RsaKey, forgery: Partial<Forgery>): Promise<Uint8Array> {
  const recoverable = forgery.recoverable ?? Buffer.from("a message");
  const other = forgery.other ?? hashedOnly(recoverable.length, none);
  return signBlock(key, forgeBlock(key.modulusBytes, { ...forgery, recoverable, other }));
}

/** Signs until the signature, as a number, is as wished. */
async function signUntil(key: RsaKey, wished: (signature: bigint) => boolean): Promise<bigint> {
  for (;;) {
    const { signature } = await pssR.sign(key.key.signingKey(), Buffer.from("a message"), input);
    const number = BigInt(`0x${Buffer.from(signature).toString("hex")}`);
    if (wished(number)) return number;
  }
}

for (const key of keys) {
  const { kind, modulus, modulusBytes } = key;
  const capacity = capacities[kind];
  const signing = key.key.signingKey();

  describe(`EQ2: a signature with recovery by ${kind}`, () => {
    test("gives back its message, of any length, and leaves as rest what it has no room for", async () => {
      assert.equal(pssRCapacity(modulusBytes), capacity);
      for (const length of [0, 1, 32, capacity - 1, capacity, capacity + 1, capacity + 1_000]) {
        const message = random.bytes(length);
        const { signature, rest } = await pssR.sign(signing, message, input);
        assert.equal(signature.length, modulusBytes);
        assert.deepEqual(rest, message.subarray(capacity));
        assert.deepEqual(recover(key, signature, rest), message);
      }
    });

    test("is that of the specification on the block, with the salt it is given", async () => {
      for (const length of [0, 1, capacity, capacity + 1]) {
        const [message, salt] = [random.bytes(length), random.bytes(32)];
        const rest = message.subarray(capacity);
        const { signature } = await pssRWith({ bytes: () => Uint8Array.from(salt) }).sign(signing, message, input);
        const forged = await forge(key, { recoverable: message.subarray(0, capacity), other: hashedOnly(length, rest), salt });
        assert.deepEqual(signature, forged);
      }
    });

    test("covers the rest, the protected header and the external data", async () => {
      for (const length of [capacity, capacity + 100]) {
        const message = random.bytes(length);
        const { signature, rest } = await pssR.sign(signing, message, input);
        const longer = Buffer.concat([rest, Buffer.of(0)]);
        for (const other of [longer, rest.subarray(1), rest.subarray(0, -1), rest.map((byte) => byte ^ 1)]) {
          if (!Buffer.from(rest).equals(other)) refused(key, signature, other);
        }
        const { protectedBytes, externalAad } = input;
        refused(key, signature, rest, { protectedBytes: externalAad, externalAad: protectedBytes });
        refused(key, signature, rest, { protectedBytes: none, externalAad });
        refused(key, signature, rest, { protectedBytes: Buffer.concat([protectedBytes, externalAad]), externalAad: none });
        refused(key, signature, rest, { protectedBytes, externalAad: Buffer.from("aae") });
      }
    });

    test("with any one bit changed is refused", async () => {
      const { signature, rest } = await pssR.sign(signing, random.bytes(capacity + 5), input);
      for (let bit = 0; bit < 8 * modulusBytes; bit += kind === "rsa2048" ? 1 : 7) {
        refused(key, signature.with(bit >> 3, (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))), rest);
      }
    });

    test("is a number below the modulus, of its length", async () => {
      const number = await signUntil(key, (s) => s + modulus < 1n << BigInt(8 * modulusBytes));
      recover(key, bigEndian(number, modulusBytes));
      refused(key, bigEndian(number + modulus, modulusBytes));
      refused(key, bigEndian(modulus - number, modulusBytes));
      for (const value of [0n, 1n, modulus - 1n, modulus, modulus + 1n]) refused(key, bigEndian(value, modulusBytes));
      refused(key, new Uint8Array(modulusBytes).fill(0xff));
      refused(key, none);
    });

    test("is refused by another key", async () => {
      const { signature } = await pssR.sign(signing, random.bytes(5), input);
      for (const other of keys) if (other !== key) refused(other, signature);
    });
  });
}

describe("EQ2: a block that the key's owner signed", () => {
  const { key, modulus, modulusBytes } = small;
  const data = modulusBytes - 33;

  test("is accepted in its one form", async () => {
    assert.deepEqual(recover(small, await forge(small, {})), Uint8Array.from(Buffer.from("a message")));
    const m2 = "856d5365616c616e65205053532d5247a1013a000100024361616409" + "40"; // by hand (RFC 8949)
    assert.equal(Buffer.from(hashedOnly(9, none)).toString("hex"), m2);
  });

  test("is refused from a signature without its leading zero, or with one more", async () => {
    const short = await signUntil(small, (s) => s >> BigInt(8 * modulusBytes - 8) === 0n);
    recover(small, bigEndian(short, modulusBytes));
    refused(small, bigEndian(short, modulusBytes - 1));
    refused(small, bigEndian(short, modulusBytes + 1));
    refused(small, bigEndian(short + modulus, modulusBytes + 1));
  });

  test("is refused with anything but zeros before the 01", async () => {
    for (let at = 0; at < data - 9 - 32 - 1; at++) {
      for (const bit of at === 0 ? [1, 0x40] : [1, 0x80]) {
        const lead = (length: number): Uint8Array => {
          const bytes = Buffer.alloc(length);
          bytes[length - 1] = 1;
          bytes[at] = bit;
          return bytes;
        };
        refused(small, await forge(small, { lead }));
      }
    }
  });

  test("is refused without the 01, or with another mark", async () => {
    for (const mark of [0, 2, 3, 0x81, 0xff]) {
      refused(small, await forge(small, { lead: (length) => Buffer.concat([Buffer.alloc(length - 1), Buffer.of(mark)]) }));
    }
    const lead = (length: number): Uint8Array => Buffer.alloc(length);
    for (const recoverable of [none, Buffer.alloc(9)]) {
      for (const first of [0, 1]) refused(small, await forge(small, { recoverable, lead, salt: Buffer.alloc(32).fill(first, 0, 1) }));
    }
  });

  test("is refused with another trailer, the longer one that names SHA-256 among them", async () => {
    for (let byte = 0; byte < 256; byte++) if (byte !== 0xbc) refused(small, await forge(small, { trailer: Buffer.of(byte) }));
    for (const trailer of ["34cc", "34bc", "bcbc", "bccc", ""])
      refused(small, await forge(small, { trailer: Buffer.from(trailer, "hex") }));
  });

  test("is refused with its top bit set", async () => {
    for (let tried = 0, signed = 0; signed < 3; tried++) {
      const block = forgeBlock(modulusBytes, { recoverable: none, other: hashedOnly(0, none), salt: random.bytes(32) });
      assert.deepEqual(decodePssRBlock(block).recoverable.length, 0);
      block[0] = (block[0] ?? 0) | 0x80;
      assert.throws(() => decodePssRBlock(block), signatureWrong);
      assert.ok(tried < 10_000);
      if (BigInt(`0x${block.toString("hex")}`) >= modulus) continue;
      refused(small, await signBlock(small, block));
      signed++;
    }
  });

  test("is refused with a salt that has not 32 bytes", async () => {
    for (const length of [0, 1, 20, 31, 33, 48, 64]) {
      for (const fill of [0, 1, 7]) refused(small, await forge(small, { salt: Buffer.alloc(length, fill) }));
    }
  });

  test("is refused with another digest or another length of M1 in it", async () => {
    for (let bit = 0; bit < 256; bit++) {
      refused(small, await forge(small, { digest: (right) => right.with(bit >> 3, (right[bit >> 3] ?? 0) ^ (1 << (bit & 7))) }));
    }
    for (const bits of [0, 9, 64, 71, 73, 80]) refused(small, await forge(small, { bits }));
  });

  test("is refused when it gives less than it has room for and a rest follows, or the length is not the message's", async () => {
    const message = random.bytes(300);
    for (const split of [0, 1, 100, 189]) {
      const [recoverable, rest] = [message.subarray(0, split), message.subarray(split)];
      for (const length of [300, split]) refused(small, await forge(small, { recoverable, other: hashedOnly(length, rest) }), rest);
    }
    const [recoverable, rest] = [message.subarray(0, 190), message.subarray(190)];
    assert.deepEqual(recover(small, await forge(small, { recoverable, other: hashedOnly(300, rest) }), rest), message);
    for (const length of [0, 110, 190, 299, 301])
      refused(small, await forge(small, { recoverable, other: hashedOnly(length, rest) }), rest);
    refused(small, await forge(small, { other: hashedOnly(10, none) }));
    refused(small, await forge(small, { other: none }));
  });

  test("is made and taken apart by functions of the block alone", () => {
    for (const length of [0, 1, 189, 190]) {
      const parts = { recoverable: random.bytes(length), salt: random.bytes(32) };
      const other = random.bytes(length);
      const block = encodePssRBlock(modulusBytes, parts, other);
      assert.deepEqual(Buffer.from(block), forgeBlock(modulusBytes, { ...parts, other }));
      const before = Uint8Array.from(block);
      const { recoverable, salt, digest } = decodePssRBlock(Buffer.from(block.buffer));
      assert.deepEqual({ recoverable, salt }, parts);
      assert.deepEqual(Buffer.from(digest), Buffer.from(block.subarray(-33, -1)));
      assert.deepEqual(block, before);
    }
  });

  test("is signed by a handle that answers later, as a token's does", async () => {
    const { publicKey, sign, signBlock: block } = key.signingKey();
    assert.ok(block !== undefined);
    const later = { purpose: "sign", publicKey, sign, signBlock: async (bytes: Uint8Array) => block(bytes) } as const;
    const { signature, rest } = await pssR.sign(later, Buffer.from("m"), input);
    assert.deepEqual(recover(small, signature, rest), Uint8Array.of(0x6d));
  });
});

test("a key that is no RSA key neither signs with recovery nor verifies", async () => {
  assert.equal(pssR.coseId, -65539);
  const { signature } = await pssR.sign(small.key.signingKey(), none, input);
  const other = SoftwareKey.generate("ed25519");
  await assert.rejects(async () => pssR.sign(other.signingKey(), none, input), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
  assert.throws(() => pssR.recover(other.publicKey, { signature, rest: none }, input), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
});

test("two signatures of one message differ: each has a salt of its own", async () => {
  const sign = async (): Promise<Uint8Array> => (await pssR.sign(small.key.signingKey(), none, input)).signature;
  assert.notDeepEqual(await sign(), await sign());
});
