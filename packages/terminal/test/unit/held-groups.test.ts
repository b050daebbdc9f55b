import assert from "node:assert/strict";
import { test } from "node:test";
import { parseName } from "@sealane/wire";
import { mergeEpochs } from "../../src/held-groups.ts";

const now = 1_800_000_000;
const day = now + 86_400;

type Epoch = Parameters<typeof mergeEpochs>[0][number];

function epochOf(epoch: number, endsAtSeconds: number = day, group = "fleet"): Epoch {
  return { group: parseName(group), epoch, record: Uint8Array.of(epoch), kept: Uint8Array.of(epoch), endsAtSeconds };
}

function merged(held: readonly Epoch[], given: readonly Epoch[]): readonly (readonly [string, number, number])[] {
  return mergeEpochs(held, given, now).map(({ group, epoch, endsAtSeconds }) => [group, epoch, endsAtSeconds - now]);
}

test("EQ4: of a group the highest epoch is held and, for an hour at most, the one before", () => {
  assert.deepEqual(merged([], [epochOf(3)]), [["fleet", 3, 86_400]]);
  assert.deepEqual(merged([epochOf(2)], [epochOf(3)]), [
    ["fleet", 3, 86_400],
    ["fleet", 2, 3_600],
  ]);
  assert.deepEqual(merged([epochOf(1), epochOf(2)], [epochOf(4), epochOf(3, now + 60)]), [
    ["fleet", 4, 86_400],
    ["fleet", 3, 60],
  ]);
  assert.deepEqual(merged([epochOf(2, now)], [epochOf(3)]), [["fleet", 3, 86_400]]);
});

test("EQ4: what the server says of an epoch anew counts, and it cannot lead back to an epoch of before", () => {
  assert.deepEqual(merged([epochOf(3)], [epochOf(3, now + 60)]), [["fleet", 3, 60]]);
  assert.deepEqual(merged([epochOf(5)], [epochOf(4)]), [
    ["fleet", 5, 86_400],
    ["fleet", 4, 3_600],
  ]);
});

test("EQ4: a group that is not given any more is forgotten", () => {
  assert.deepEqual(merged([epochOf(1, day, "other"), epochOf(2)], [epochOf(2)]), [["fleet", 2, 86_400]]);
  assert.deepEqual(merged([epochOf(2)], []), []);
});
