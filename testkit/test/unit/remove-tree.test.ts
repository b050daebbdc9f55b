import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeTree } from "../../src/remove-tree.ts";

test("a tree of read-only folders is removed by whoever owns it, a link in it and not what it leads to", () => {
  const folder = mkdtempSync(join(tmpdir(), "sealane-remove-"));
  const kept = join(folder, "kept");
  const tree = join(folder, "tree");
  mkdirSync(kept);
  mkdirSync(join(tree, "installed"), { recursive: true });
  writeFileSync(join(tree, "installed/file"), "");
  symlinkSync(kept, join(tree, "installed/link"));
  for (const each of [join(tree, "installed"), tree]) chmodSync(each, 0o555);
  removeTree(tree);
  assert.deepEqual([existsSync(tree), existsSync(kept)], [false, true]);
  removeTree(folder);
  removeTree(folder); // what is gone is no error
});
