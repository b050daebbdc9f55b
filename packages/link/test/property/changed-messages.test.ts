import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type SuiteName, suites } from "@sealane/crypto";
import { continuingContext, makePair, runSeed, seededRandom } from "@sealane/testkit";
import { concatBytes } from "@sealane/wire";
import { loadAwaitedReply } from "../../src/index.ts";
import { chosenPlaces, flips, randomFlips, secondEncodings } from "../changed-bytes.ts";
import { codeOf } from "../codes.ts";
import { run, type Step, type Way, waysOf, wishOf } from "../ways.ts";

/**
 * Every message of every mechanism, changed. M1 of `anonymous-agreement` in clear is the one that nobody vouches for, and so may be
 * accepted: then the originator refuses the answer to it, and nobody holds a link.
 */
const isUnprotected = ({ mechanism, form }: Way): boolean => mechanism.name === "anonymous-agreement" && form === "plain";

/** M1 and M2 do not differ between the forms of M3, but for one word in what is encrypted. */
function isNew({ mechanism, form }: Way, step: Step): boolean {
  return mechanism.name !== "mutual-agreement" || form === "signed" || step.name === "M3";
}

function isMirror({ originator, mechanism }: Way): boolean {
  return originator === "server" && mechanism.equations.terminal !== undefined;
}

function isSecond({ form }: Way): boolean {
  return form === "encrypted" || form === "one-way";
}

/**
 * Which bits are flipped. Begun by the terminal where both may, and in the first form where there are two: on x25519 every bit, on
 * p256 one of each byte; else some. Where messages are long, or the operations of a private key slow, so many at random.
 * SEALANE_TEST_SEED repeats the choice.
 */
function flipsOf(way: Way, { name, message }: Step): ReturnType<typeof flips> {
  const isLess = isMirror(way) || isSecond(way);
  const random = seededRandom(`${runSeed} ${way.title} ${name}`);
  switch (way.suite.name) {
    case "x25519":
      return flips(message, isMirror(way) ? 63 : isSecond(way) ? 9 : 1);
    case "hybrid":
      return randomFlips(message, random, isLess ? 20 : 300);
    case "p256":
      return randomFlips(message, random, isLess ? 40 : Number.POSITIVE_INFINITY);
    default:
      return randomFlips(message, random, isLess ? 8 : way.suite.name === "rsa2048" ? 60 : 25);
  }
}

/** Where messages are cut off: everywhere, or on the suites of long ones at so many places. */
function cutsOf(way: Way, { name, message }: Step): readonly number[] {
  const isShort = (["x25519", "p256"] as readonly SuiteName[]).includes(way.suite.name);
  return chosenPlaces(message.length, seededRandom(`${runSeed} ${way.title} ${name} cut`), isShort ? Number.POSITIVE_INFINITY : 60);
}

const pair = await makePair(suites);
process.stdout.write(`changed messages, seed ${runSeed}\n`);

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR: every message, changed", () => {
  for (const way of waysOf(() => true, suites)) {
    const begun = run(pair, way);
    describe(way.title, () => {
      test(`${way.ids} DIR: a flipped bit is refused, and the right message is still accepted`, async () => {
        const { steps, sent } = await begun;
        for (const step of steps.filter((each) => isNew(way, each))) {
          for (const { bit, changed } of flipsOf(way, step)) {
            const code = await codeOf(async () => {
              const accepted = await step.give(changed);
              if (!isUnprotected(way) || step.name !== "M1" || sent.kind === "broadcast") return;
              const { reply } = accepted as { readonly reply: Uint8Array };
              await loadAwaitedReply(sent.awaited.save()).receive(continuingContext(pair, wishOf(way)), reply);
            });
            assert.notEqual(code, "accepted", `bit ${bit} of ${step.name}`);
          }
          await step.give(step.message);
        }
      });

      test(`${way.ids} DIR: what is cut off, longer or encoded in a second way is refused`, async () => {
        const { steps } = await begun;
        for (const step of steps.filter((each) => isNew(way, each))) {
          const { message } = step;
          for (const length of cutsOf(way, step)) {
            assert.equal(await codeOf(() => step.give(message.subarray(0, length))), "WIRE_TRUNCATED", `${step.name}, ${length} bytes`);
          }
          for (const tail of [Uint8Array.of(0), Uint8Array.of(0xf6), message]) {
            assert.equal(await codeOf(() => step.give(concatBytes(message, tail))), "WIRE_TRAILING_BYTES", step.name);
          }
          const again = secondEncodings(message);
          assert.ok(again.length >= 10, `${again.length} second encodings of ${step.name}`);
          for (const changed of again) {
            assert.equal(await codeOf(() => step.give(changed)), "WIRE_NOT_DETERMINISTIC", Buffer.from(changed).toString("hex"));
          }
        }
      });
    });
  }
});
