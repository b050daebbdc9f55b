import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { ages, differences, publishedDependencies, readPublications, summaryOfAges } from "../../dependency-ages.ts";
import { readManifest, readWorkspaces, root } from "../../workspaces.ts";

test("the file of days knows the version of every dependency of the published packages, and no other", () => {
  const declared = publishedDependencies();
  assert.ok("fastify" in declared && "pkcs11js" in declared && !("typescript" in declared));
  assert.deepEqual(differences(declared, readPublications()), []);
});

test("a changed, a new and a removed dependency are told", () => {
  const known = { a: { version: "1.0.0", published: "2026-01-01" }, b: { version: "1.0.0", published: "2026-01-01" } };
  assert.deepEqual(differences({ a: "2.0.0", c: "1.0.0" }, known), ["a", "c", "b"]);
});

test("ages are whole days, oldest first", () => {
  const known = { a: { version: "1.0.0", published: "2026-01-09" }, b: { version: "2.0.0", published: "2026-01-01" } };
  const now = Date.UTC(2026, 0, 11, 23);
  assert.deepEqual(ages(known, now), [
    ["b", "2.0.0", 10],
    ["a", "1.0.0", 2],
  ]);
  assert.match(summaryOfAges(known, now), /^2 .* b 2\.0\.0, 10 days$/);
});

test("the changes of the present version stand first in the list of changes", () => {
  const versions = new Set(readWorkspaces().map(({ manifest }) => manifest.version));
  assert.deepEqual([...versions], [readManifest(root).version]);
  const [, first] = /^## (\S+)/m.exec(readFileSync(resolve(root, "CHANGELOG.md"), "utf8")) ?? [];
  assert.equal(first, readManifest(root).version);
});
