import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorEntry, errorTable, exitCodes, hasCode, SealaneError, wireErrors } from "../../src/index.ts";

const entry: ErrorEntry = {
  blame: "peer",
  retry: "never",
  http: 418,
  exit: exitCodes.refused,
  sentence: "It does not brew",
  advice: "Take another pot",
};
const table = errorTable<"TEST_POT_WRONG">({ TEST_POT_WRONG: entry });

test("an error carries its code, row and details", () => {
  const cause = new Error("inside");
  const error = table.error("TEST_POT_WRONG", { pot: "tea", litres: 2 }, cause);
  assert.ok(error instanceof SealaneError && error instanceof Error);
  assert.deepEqual([error.code, error.entry, error.details, error.cause], ["TEST_POT_WRONG", entry, { pot: "tea", litres: 2 }, cause]);
  assert.ok(hasCode(error, "TEST_POT_WRONG"));
  assert.ok(!hasCode(error, "TEST_POT_RIGHT") && !hasCode(cause, "TEST_POT_WRONG") && !hasCode(undefined, "TEST_POT_WRONG"));
});

test("an error as JSON has no cause and no stack", () => {
  const json: unknown = JSON.parse(JSON.stringify(table.error("TEST_POT_WRONG", { pot: "tea" }, new Error("inside"))));
  assert.deepEqual(Object.keys(json as object).sort(), ["advice", "code", "details", "exitCode", "message"]);
});

test("an error without a cause has none", () => {
  assert.equal("cause" in table.error("TEST_POT_WRONG"), false);
  assert.deepEqual(table.error("TEST_POT_WRONG").details, {});
});

test("every row of the table has words for people", () => {
  for (const [code, row] of Object.entries<ErrorEntry>(wireErrors.entries)) {
    assert.match(code, /^WIRE(_[A-Z]+)+$/);
    for (const words of [row.sentence, row.advice]) assert.match(words, /^[A-Z].*[^.\s]$/);
    assert.ok(row.http >= 400 && row.http < 600);
  }
});
