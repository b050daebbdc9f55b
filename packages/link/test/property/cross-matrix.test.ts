import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type Suite, type SuiteName, suites } from "@sealane/crypto";
import { makePair, type Pair, recipientContext, runSeed } from "@sealane/testkit";
import fc from "fast-check";
import { acceptMessage } from "../../src/index.ts";
import { codeOf } from "../codes.ts";
import { type Run, run, type Step, type Way, waysOf } from "../ways.ts";

/** Who is given a message, and of which way's run it is the intended receiver. */
interface Handler {
  readonly title: string;
  /** The step whose message it waits for; null for one that accepts the first message of any run. */
  readonly step: Step | null;
  /** Of the run that it waits in. */
  readonly suite: Suite | null;
  give(bytes: Uint8Array): Promise<unknown>;
  /** Whether a first message of this way is for it. */
  takesFirst(way: Way): boolean;
}

/** What a message that is not for a handler may be refused with. */
const refusals = new Set([
  "LINK_MESSAGE_UNEXPECTED", // another number, mechanism, sender or suite
  "LINK_MECHANISM_UNKNOWN", // from a party that may not originate it
  "LINK_ANSWER_WRONG", // of another link of the same mechanism
  "WIRE_SHAPE_WRONG", // of another form of the same mechanism
]);

/** Of the two largest RSA suites, which differ from rsa2048 in sizes only, a choice: SEALANE_TEST_SEED repeats it. */
const thinned: readonly SuiteName[] = ["rsa3072", "rsa4096"];
const chosenOfEach = 4;
const ways = suites.flatMap((suite) => {
  const all = waysOf(() => true, [suite]);
  if (!thinned.includes(suite.name)) return all;
  return fc
    .sample(fc.shuffledSubarray([...all], { minLength: chosenOfEach, maxLength: chosenOfEach }), { seed: runSeed + suite.id, numRuns: 1 })
    .flat();
});
process.stdout.write(
  `cross matrix, seed ${runSeed}: ${ways
    .filter(({ suite }) => thinned.includes(suite.name))
    .map(({ title }) => title)
    .join("; ")}\n`,
);

describe("every message given to every handler", () => {
  let pair: Pair;
  const runs: Run[] = [];
  const others: Run[] = [];

  before(async () => {
    pair = await makePair(suites);
    for (const way of ways) {
      runs.push(await run(pair, way));
      others.push(await run(pair, way));
    }
  });

  function handlers(): readonly Handler[] {
    const waiting = runs.flatMap(({ way, steps }) =>
      steps
        .slice(1)
        .map(
          (step): Handler => ({ title: `${step.name} of ${way.title}`, step, suite: way.suite, give: step.give, takesFirst: () => false }),
        ),
    );
    const roles = ["server", "terminal"] as const;
    const accepting = roles.flatMap((role): readonly Handler[] => {
      const context = recipientContext(pair[role], pair.authority);
      const named = async (bytes: Uint8Array) => {
        pair[role].replay.entries.clear();
        return await acceptMessage(context, bytes);
      };
      const unnamed = async (bytes: Uint8Array) => {
        pair[role].replay.entries.clear();
        return await acceptMessage({ ...context, self: { name: null, role } }, bytes);
      };
      const isFor = ({ originator }: Way): boolean => originator !== role;
      return [
        {
          title: `the ${role}`,
          step: null,
          suite: null,
          give: named,
          // It is in no group, and takes no M3 without a signature unless told.
          takesFirst: (way) => isFor(way) && way.mechanism.name !== "group-broadcast" && way.form !== "unsigned",
        },
        {
          title: `a ${role} without a name`,
          step: null,
          suite: null,
          give: unnamed,
          takesFirst: (way) => isFor(way) && way.mechanism.name === "open-broadcast",
        },
      ];
    });
    return [...accepting, ...waiting];
  }

  test("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR: only its own is accepted, of this run or another", async () => {
    const accepted: string[] = [];
    const codes = new Map<string, number>();
    for (const handler of handlers()) {
      for (const [index, { way, steps }] of [...runs, ...others].entries()) {
        // What another run adds, it adds on its own suite.
        if (index >= runs.length && handler.suite !== null && handler.suite !== way.suite) continue;
        for (const step of steps) {
          const code = await codeOf(() => handler.give(step.message));
          codes.set(code, (codes.get(code) ?? 0) + 1);
          const isOwn = handler.step === step || (step.name === "M1" && handler.takesFirst(way));
          const what = `${step.name} of ${way.title} (run ${index < runs.length ? 1 : 2}) given to ${handler.title}: ${code}`;
          if (isOwn !== (code === "accepted")) accepted.push(what);
          const isGroup = step.name === "M1" && way.mechanism.name === "group-broadcast" && handler.step === null;
          if (!isOwn) assert.ok(refusals.has(code) || (isGroup && code === "LINK_GROUP_UNKNOWN"), what);
        }
      }
    }
    assert.deepEqual(accepted, []);
    assert.deepEqual([...codes.keys()].sort(), [...refusals, "LINK_GROUP_UNKNOWN", "accepted"].sort());
  });

  test("DIR: a message reflected to who sent it is refused", async () => {
    for (const { way, steps } of runs) {
      const context = recipientContext(pair[way.originator], pair.authority);
      for (const { message, name } of steps) {
        if (name === "answer" || name === "M2") continue;
        assert.match(await codeOf(() => acceptMessage(context, message)), /^LINK_(MESSAGE_UNEXPECTED|MECHANISM_UNKNOWN)$/, way.title);
      }
      const [first, second, third] = steps;
      if (first === undefined || second === undefined) continue;
      assert.equal(await codeOf(() => second.give(first.message)), "LINK_MESSAGE_UNEXPECTED", way.title);
      if (third !== undefined) assert.equal(await codeOf(() => third.give(second.message)), "LINK_MESSAGE_UNEXPECTED", way.title);
      assert.equal(await codeOf(() => second.give(second.message)), "accepted", way.title);
    }
  });
});
