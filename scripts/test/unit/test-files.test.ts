import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedProcesses, shareOf } from "../../run-tests/shared-process.ts";
import { findTests } from "../../test-files.ts";
import { root } from "../../workspaces.ts";

test("test files are found and parted into fast ones, sweeps and those that get a process each", () => {
  const { fast, sweeps, slow } = findTests(root);
  assert.ok(fast.includes("scripts/test/unit/test-files.test.ts"));
  assert.ok(sweeps.includes("packages/link/test/property/cross-matrix.test.ts"));
  assert.ok(slow.includes("scripts/test/scenario/launcher.test.ts"));
  const all = [...fast, ...sweeps, ...slow];
  assert.equal(new Set(all).size, all.length);
});

test("no test file is found under a prefix that none has", () => {
  assert.deepEqual(findTests(root, "scripts/nothing"), { fast: [], sweeps: [], slow: [] });
});

test("the processes that share the fast tests leave none out and run none twice", () => {
  const { fast } = findTests(root);
  const shares = sharedProcesses.map((_, share) => shareOf(fast, share));
  assert.deepEqual(shares.flat().sort(), [...fast]);
});
