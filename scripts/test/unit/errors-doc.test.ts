import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { allErrors, errorsDocument } from "../../error-tables.ts";
import { root } from "../../workspaces.ts";

test("docs/errors.md is what the error tables say", () => {
  assert.equal(readFileSync(resolve(root, "docs/errors.md"), "utf8"), errorsDocument());
});

test("every code of a table is thrown or asked for somewhere", () => {
  const files = globSync(["packages/*/src/**/*.ts", "apps/*/src/**/*.ts"], { cwd: root });
  assert.ok(files.length > 0);
  const words = new Set<string>();
  for (const path of files) {
    const source = readFileSync(resolve(root, path), "utf8").replaceAll(/\/\*.*?\*\//gs, "");
    const uses = path.endsWith("errors.ts") ? /(?<=\.error\(")[A-Z0-9_]+/g : /[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+/g;
    for (const word of source.match(uses) ?? []) words.add(word);
  }
  assert.deepEqual(
    [...allErrors().keys()].filter((code) => !words.has(code)),
    [],
  );
});

test("every code has the form AREA_THING_WRONG, one table, and a sentence and advice without a full stop", () => {
  for (const [code, { sentence, advice }] of allErrors()) {
    assert.match(code, /^[A-Z0-9]+(_[A-Z0-9]+)+$/);
    for (const text of [sentence, advice]) assert.match(text, /^[A-Z`].*[^.]$/s, code);
  }
});
