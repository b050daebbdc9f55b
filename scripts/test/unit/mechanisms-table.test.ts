import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { documentsWithTable, withMechanisms } from "../../mechanisms-table.ts";
import { root } from "../../workspaces.ts";

test("README and protocol show the mechanisms that the code has", () => {
  for (const document of documentsWithTable) {
    const text = readFileSync(resolve(root, document), "utf8");
    assert.equal(text, withMechanisms(text), document);
  }
});

test("a document without the marks is refused", () => {
  assert.throws(() => withMechanisms("# Sealane"));
});
