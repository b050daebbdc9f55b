/**
 * Loads every fast test file into this one process; `scripts/test.ts` hands it to node:test as one file beside the slow ones, so
 * that fast and slow tests end in one summary with one total.
 */
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { findTests } from "./test-files.ts";

const root = resolve(import.meta.dirname, "..");

for (const file of findTests(root, process.env["SEALANE_TEST_ONLY"]).fast) {
  try {
    await import(pathToFileURL(resolve(root, file)).href);
  } catch (cause) {
    test(`${file} can be loaded`, () => {
      throw cause;
    });
  }
}
