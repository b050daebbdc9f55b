import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed, seededRandom } from "@sealane/testkit";
import { without } from "@sealane/testkit/tools";
import { encode } from "@sealane/wire";
import { pssR, pssRWith, type RecoveryInput } from "../../src/index.ts";
import { decodePssRBlock, encodePssRBlock, pssRCapacity, pssRDigest } from "../../src/pss-r-block.ts";
import { bigEndian, type RsaKey, rsaKey } from "../keys/rsa-keys.ts";
import { signBlock } from "../unit/pss-r-forger.ts";
import { askBouncyCastle, bytesIn, type Question, word } from "./bouncy-castle.ts";

/**
 * PSS-R against Bouncy Castle's ISO9796d2PSSSigner. Two kinds of case, all with salts that both are given:
 *
 * - messages: `pssR` signs a message from empty to beyond the capacity. Its M2 is CBOR and never empty, so that M1 may be short with
 *   an M2 behind it, which Bouncy Castle's interface for whole messages does not have; `PssR.java` says how it is asked then.
 * - blocks: any M1 and M2, M2 empty too, by the functions of the block and the bare RSA operation. Where M1 fills the block or M2 is
 *   empty, which is all that a whole message can be, Bouncy Castle also verifies M1 and M2 in a row by that interface.
 *
 * In each: its signature has the bytes of ours (so that each verifies the other's), it recovers our M1 from ours, we recover it from
 * its own, and a signature changed in one bit, or an M2 changed in one byte, is refused by both.
 */

const random = seededRandom(`bouncy castle ${runSeed}`);
const none = new Uint8Array(0);
const numbers: readonly (readonly [RsaKey, { readonly messages: number; readonly blocks: number }])[] = [
  [rsaKey("rsa2048"), { messages: 950, blocks: 600 }],
  [rsaKey("rsa3072"), { messages: 200, blocks: 100 }],
  [rsaKey("rsa4096"), { messages: 150, blocks: 100 }],
];

interface Case {
  readonly key: RsaKey;
  readonly salt: Uint8Array;
  readonly recoverable: Uint8Array;
  readonly other: Uint8Array;
  readonly signature: Uint8Array;
  /** Our verdict on a signature: M1, or the refusal as an exception. */
  readonly recover: (signature: Uint8Array) => Uint8Array;
}

function below(limit: number): number {
  return Number(BigInt(`0x${Buffer.from(random.bytes(6)).toString("hex")}`) % BigInt(limit));
}

/** A length up to the limit; often one of the ends. */
function lengthUpTo(limit: number): number {
  return [0, 1, limit - 1, limit][below(12)] ?? below(limit + 1);
}

async function messageCase(key: RsaKey): Promise<Case> {
  const capacity = pssRCapacity(key.modulusBytes);
  const length = below(3) === 0 ? capacity + lengthUpTo(200) : lengthUpTo(capacity);
  const [message, salt] = [random.bytes(length), random.bytes(32)];
  const input: RecoveryInput = { protectedBytes: random.bytes(below(20)), externalAad: random.bytes(below(60)) };
  const { signature, rest } = await pssRWith({ bytes: () => Uint8Array.from(salt) }).sign(key.key.signingKey(), message, input);
  const other = encode(["Sealane PSS-R", input.protectedBytes, input.externalAad, length, rest]);
  const recover = (changed: Uint8Array): Uint8Array => {
    const given = pssR.recover(key.key.publicKey, { signature: changed, rest }, input);
    assert.deepEqual(given, message);
    return given.subarray(0, capacity);
  };
  return { key, salt, recoverable: message.subarray(0, capacity), other, signature, recover };
}

async function blockCase(key: RsaKey): Promise<Case> {
  const capacity = pssRCapacity(key.modulusBytes);
  const recoverable = random.bytes(below(3) === 0 ? capacity : lengthUpTo(capacity));
  const other = below(3) === 0 ? none : random.bytes(below(300));
  const salt = random.bytes(32);
  const signature = await signBlock(key, encodePssRBlock(key.modulusBytes, { recoverable, salt }, other));
  const recover = (changed: Uint8Array): Uint8Array => {
    const { digest, ...parts } = decodePssRBlock(openBlock(key, changed));
    if (!Buffer.from(digest).equals(pssRDigest(parts, other))) throw new Error("the digest is another");
    return parts.recoverable;
  };
  return { key, salt, recoverable, other, signature, recover };
}

/** The public operation by numbers, without OpenSSL. */
function openBlock({ modulus, modulusBytes }: RsaKey, signature: Uint8Array): Uint8Array {
  const base = BigInt(`0x${Buffer.from(signature).toString("hex")}`);
  let power = base;
  for (let i = 0; i < 16; i++) power = (power * power) % modulus;
  return bigEndian((power * base) % modulus, modulusBytes);
}

function flipped(bytes: Uint8Array): Uint8Array {
  const at = below(bytes.length);
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << below(8)));
}

function questionsOf(one: Case): readonly Question[] {
  const { key, salt, recoverable, other, signature } = one;
  const { kind } = key;
  const changed = flipped(signature);
  assert.throws(() => one.recover(changed));
  const questions: Question[] = [
    {
      line: `sign ${kind} ${word(salt)} ${word(recoverable)} ${word(other)}`,
      answered(answer) {
        assert.equal(answer, word(signature));
        assert.deepEqual(one.recover(bytesIn(answer)), recoverable);
      },
    },
    expected(`recover ${kind} ${word(signature)} ${word(other)}`, `ok ${word(recoverable)}`),
    expected(`recover ${kind} ${word(changed)} ${word(other)}`, "refused"),
    expected(`recover ${kind} ${word(signature)} ${word(other.length === 0 ? Uint8Array.of(0) : flipped(other))}`, "refused"),
  ];
  if (isWhole(one)) {
    const message = Buffer.concat([recoverable, other]);
    questions.push(expected(`verify ${kind} ${word(signature)} ${word(message)}`, "ok"));
    questions.push(expected(`verify ${kind} ${word(changed)} ${word(message)}`, "refused"));
  }
  return questions;
}

function isWhole({ key, recoverable, other }: Case): boolean {
  return other.length === 0 || recoverable.length === pssRCapacity(key.modulusBytes);
}

function expected(line: string, wanted: string): Question {
  return { line, answered: (answer) => assert.equal(answer, wanted, line) };
}

describe("EQ2: Bouncy Castle, with the salts that we use", { skip: without("bouncyCastle") }, () => {
  test("makes our signatures, recovers from ours and refuses what we refuse", async (context) => {
    context.diagnostic(`SEALANE_TEST_SEED=${runSeed}`);
    const cases: Case[] = [];
    for (const [key, { messages, blocks }] of numbers) {
      for (let i = 0; i < messages; i++) cases.push(await messageCase(key));
      for (let i = 0; i < blocks; i++) cases.push(await blockCase(key));
    }
    const questions = cases.flatMap(questionsOf);
    askBouncyCastle(
      numbers.map(([key]) => key),
      questions,
    );
    const whole = cases.filter(isWhole).length;
    const sizes = numbers.map(([{ kind, key }]) => `${cases.filter((one) => one.key.key === key).length} with ${kind}`);
    assert.ok(cases.length >= 2_000 && whole >= 200 && whole < cases.length);
    context.diagnostic(`${cases.length} cases: ${sizes.join(", ")}; ${whole} also as whole messages; ${questions.length} questions`);
  });
});
