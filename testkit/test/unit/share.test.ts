import assert from "node:assert/strict";
import { test } from "node:test";
import { shareOf } from "../../src/scenarios/share.ts";

const cases = ["a", "b", "c", "d", "e", "f", "g"];

test("a quick run takes every nth case, and runs of other seeds take the others", () => {
  assert.deepEqual(shareOf(cases, 3, 4), ["b", "e"]);
  assert.deepEqual([3, 4, 5].flatMap((seed) => shareOf(cases, 3, seed)).sort(), cases);
});

test("a run that is not quick takes all", () => {
  assert.deepEqual(shareOf(cases, 1), cases);
});
