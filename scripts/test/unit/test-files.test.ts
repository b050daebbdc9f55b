import assert from "node:assert/strict";
import { test } from "node:test";
import { findTests } from "../../test-files.ts";
import { root } from "../../workspaces.ts";

test("test files are found and parted into those that share a process and the others", () => {
  const { fast, slow } = findTests(root, "scripts/");
  assert.ok(fast.includes("scripts/test/unit/test-files.test.ts"));
  assert.ok(slow.includes("scripts/test/scenario/launcher.test.ts"));
  assert.ok(fast.every((path) => !slow.includes(path)));
});

test("no test file is found under a prefix that none has", () => {
  assert.deepEqual(findTests(root, "scripts/nothing"), { fast: [], slow: [] });
});
