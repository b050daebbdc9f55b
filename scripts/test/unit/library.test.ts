import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { libraryManifest } from "../../library.ts";
import { withExamples } from "../../library-readme.ts";
import { root } from "../../workspaces.ts";

test("the library's README shows every example as its file stands: else `npm run library-readme`", () => {
  const readme = readFileSync(resolve(root, "packages/library/README.md"), "utf8");
  const { text, names } = withExamples(readme);
  assert.equal(readme, text);
  assert.deepEqual([...names].sort(), readdirSync(resolve(root, "examples")).sort());
});

test("the published package.json of the library names no workspace, and types before code", () => {
  const manifest = { name: "@sealane/library", version: "1.2.3", dependencies: { "@sealane/wire": "0.1.0" } };
  const published = libraryManifest(manifest, { dependencies: { cborg: "1.0.0" } });
  const { name, dependencies, exports } = JSON.parse(JSON.stringify(published)) as Record<string, Record<string, object>>;
  assert.deepEqual([name, dependencies], ["@sealane/link", { cborg: "1.0.0" }]);
  assert.deepEqual(Object.keys(exports ?? {}), [".", "./identity", "./content", "./authorise"]);
  for (const each of Object.values(exports ?? {})) assert.deepEqual(Object.keys(each), ["types", "default"]);
});
