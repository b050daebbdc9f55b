import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Suite, suiteNamed, suites } from "@sealane/crypto";
import { establish, makePair, runSeed, testNowSeconds } from "@sealane/testkit";
import fc from "fast-check";
import { ConfidentialLink, KeySeries } from "../../src/index.ts";
import { codeOf } from "../codes.ts";
import { TwoStores } from "../two-stores.ts";
import { type Way, waysOf } from "../ways.ts";

/** Random operations on two parties with stores; SEALANE_TEST_SEED repeats a run, whose seed a failure prints. */
const pair = await makePair(suites);
const smallest = suiteNamed("x25519");
const now = testNowSeconds;

type Operation =
  | { readonly kind: "begin" }
  | { readonly kind: "deliver"; readonly pick: number; readonly repeats: boolean; readonly crashes: boolean }
  | { readonly kind: "lose message"; readonly pick: number }
  | { readonly kind: "lose store"; readonly party: "originator" | "recipient" };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ kind: "begin" } as const) },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant("deliver" as const),
      pick: fc.nat(1_000),
      repeats: fc.boolean(),
      crashes: fc.integer({ min: 0, max: 5 }).map((at) => at === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose message" as const), pick: fc.nat(1_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("lose store" as const), party: fc.constantFrom("originator" as const, "recipient" as const) }),
  },
);

/** What a message out of its place may end with. */
const refusals = new Set([
  "accepted",
  "unknown",
  "LINK_ANSWER_WRONG",
  "LINK_MESSAGE_REPLAYED",
  "LINK_RECORD_OUT_OF_ORDER",
  "LINK_RECORD_WRONG",
]);

/** A suite, the ones with slow keys less often. */
const anySuite: fc.Arbitrary<Suite> = fc.oneof(
  ...suites.map((suite) => ({
    weight: suite.name.startsWith("rsa") ? (suite.name === "rsa2048" ? 2 : 1) : 3,
    arbitrary: fc.constant(suite),
  })),
);

describe("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR: loss, repetition, reordering and crashes", () => {
  for (const begun of waysOf(({ mechanism }) => !mechanism.broadcast, [smallest])) {
    const { mechanism, originator, form } = begun;
    test(`${begun.ids} DIR: lost, repeated and reordered messages and crashes never give two ends two links (${begun.title}, and on any suite)`, async () => {
      const property = fc.asyncProperty(fc.array(operation, { maxLength: 30 }), anySuite, async (operations, suite) => {
        const [way] = waysOf((each) => each.mechanism === mechanism && each.originator === originator && each.form === form, [suite]);
        assert.ok(way !== undefined);
        const world = new TwoStores(pair, way);
        for (const each of operations) {
          await perform(world, each);
          requireAgreement(world, way);
        }
        // Whatever has happened, two parties that talk undisturbed have a link after so many messages.
        world.flying.length = 0;
        await world.begin();
        let messages = 0;
        for (let next = world.flying.shift(); next !== undefined; next = world.flying.shift()) {
          assert.equal(await world.deliver(next), "accepted");
          messages++;
          requireAgreement(world, way);
        }
        assert.ok(messages <= 4, `${messages} messages`);
        const [near, far] = [world.newestLink("originator"), world.newestLink("recipient")];
        assert.ok(near !== null && far !== null);
        assert.deepEqual(near.id, far.id);
      });
      await fc.assert(property, { seed: runSeed, numRuns: 12 });
    });
  }
});

async function perform(world: TwoStores, each: Operation): Promise<void> {
  if (each.kind === "begin") await world.begin();
  else if (each.kind === "lose store") world.loseStore(each.party);
  else if (world.flying.length > 0) {
    const at = each.pick % world.flying.length;
    const message = world.flying[at] ?? assert.fail();
    if (each.kind === "lose message" || !each.repeats) world.flying.splice(at, 1);
    if (each.kind === "deliver") assert.ok(refusals.has(await world.deliver(message, each.crashes)));
  }
}

/**
 * What one party has accepted, the other has kept under the same id and with the same key; no two links have one key. Only after
 * mutual-nonce the originator may have a link alone: it knows the recipient by M2, and M3 may never come.
 */
function requireAgreement({ accepted, kept }: TwoStores, { mechanism }: Way): void {
  const { originator, recipient } = accepted;
  for (const [id, key] of recipient) {
    assert.ok(kept.originator.has(id));
    assert.equal(originator.get(id) ?? key, key);
  }
  if (mechanism.name !== "mutual-nonce") for (const id of originator.keys()) assert.ok(kept.recipient.has(id));
  const all = new Map([...originator, ...recipient]);
  assert.equal(new Set(all.values()).size, all.size);
}

const anyLink = { mechanism: "signed-transport", suite: smallest, originator: "terminal" } as const;

type Traffic =
  | { readonly kind: "send"; readonly side: 0 | 1 }
  | { readonly kind: "restart"; readonly side: 0 | 1 }
  | { readonly kind: "deliver"; readonly side: 0 | 1; readonly pick: number; readonly crashes: boolean };

const side = fc.constantFrom(0 as const, 1 as const);
const traffic: fc.Arbitrary<Traffic> = fc.oneof(
  fc.record({ kind: fc.constant("send" as const), side }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("deliver" as const), side, pick: fc.nat(1_000), crashes: fc.boolean() }) },
  fc.record({ kind: fc.constant("restart" as const), side }),
);

test("FAST: records in any order, lost and repeated, are taken in their order and once, across restarts", async () => {
  const property = fc.asyncProperty(fc.array(traffic, { maxLength: 60 }), async (steps) => {
    const { originator, recipient } = await establish(pair, anyLink);
    const links: [ConfidentialLink, ConfidentialLink] = [originator, recipient];
    const sent: [Uint8Array[], Uint8Array[]] = [[], []];
    const taken: [number, number] = [0, 0];
    for (const step of steps) {
      const other = step.side === 0 ? 1 : 0;
      if (step.kind === "restart") links[step.side] = ConfidentialLink.load(links[step.side].save());
      else if (step.kind === "send") sent[step.side].push(links[step.side].seal(Uint8Array.of(sent[step.side].length), now));
      else if (sent[other].length > 0) {
        const pick = step.pick % sent[other].length;
        const record = sent[other][pick] ?? assert.fail();
        const reader = step.crashes ? ConfidentialLink.load(links[step.side].save()) : links[step.side];
        const code = await codeOf(() => assert.deepEqual([...reader.open(record, now)], [pick]));
        assert.equal(code, pick === taken[step.side] ? "accepted" : "LINK_RECORD_OUT_OF_ORDER");
        if (code === "accepted" && !step.crashes) taken[step.side]++;
      }
    }
    const all = sent.flat().map((record) => Buffer.from(record).toString("hex"));
    assert.equal(new Set(all).size, all.length);
  });
  await fc.assert(property, { seed: runSeed, numRuns: 40 });
});

test("KSER: session keys under loss, repetition, jumps and restarts are taken once, never behind, at most 64 ahead", async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("send" as const), skip: fc.integer({ min: 0, max: 40 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("deliver" as const), pick: fc.nat(1_000), forged: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  );
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const ends = await establish(pair, anyLink);
    let [from, to] = [ends.originator.series(now), ends.recipient.series(now)];
    const keys = new Map<number, string>();
    for (const each of steps) {
      if (each.kind === "restart") [from, to] = [KeySeries.load(from.save()), KeySeries.load(to.save())];
      else if (each.kind === "send") {
        for (let i = 0; i <= each.skip; i++) {
          const { index, key } = from.next(now);
          keys.set(index, hex(key.use((bytes) => Uint8Array.from(bytes))));
        }
      } else if (keys.size > 0) {
        const index = each.pick % keys.size;
        const before = to.index;
        const isNear = index >= before && index <= before + 64;
        const code = await codeOf(() =>
          to.use(index, now, (key) => {
            assert.equal(hex(key), keys.get(index));
            if (each.forged) ConfidentialLink.load(ends.originator.save()).open(key, now);
          }),
        );
        if (!isNear) assert.equal(code, "LINK_SERIES_OUT_OF_STEP");
        else assert.equal(code === "accepted", !each.forged);
        assert.equal(to.index, code === "accepted" ? index + 1 : before);
      }
    }
    assert.equal(new Set(keys.values()).size, keys.size);
  });
  await fc.assert(property, { seed: runSeed, numRuns: 40 });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
