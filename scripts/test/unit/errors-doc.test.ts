import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { allErrors, errorsDocument } from "../../error-tables.ts";
import { root } from "../../workspaces.ts";

test("docs/errors.md is what the error tables say", () => {
  assert.equal(readFileSync(resolve(root, "docs/errors.md"), "utf8"), errorsDocument());
});

test("every code has the form AREA_THING_WRONG, one table, and a sentence and advice without a full stop", () => {
  for (const [code, { sentence, advice }] of allErrors()) {
    assert.match(code, /^[A-Z0-9]+(_[A-Z0-9]+)+$/);
    for (const text of [sentence, advice]) assert.match(text, /^[A-Z`].*[^.]$/s, code);
  }
});
