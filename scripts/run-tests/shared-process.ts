import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { findTests } from "../test-files.ts";
import { root } from "../workspaces.ts";

/** What the processes that tests share run: node:test starts a process for each file that it is given. */
export const sharedProcesses: readonly string[] = ["scripts/run-tests/share-0.ts", "scripts/run-tests/share-1.ts"];

/** Every second file, so that both processes get about the same. */
export function shareOf(files: readonly string[], share: number): string[] {
  return files.filter((_, index) => index % sharedProcesses.length === share);
}

/**
 * Loads a share of the fast tests into this process, and of the sweeps where `SEALANE_TEST_WHICH` is `all`. Its own test comes first:
 * the others begin when everything is loaded, so that their durations are theirs.
 */
export function loadShare(share: number): void {
  const { fast, sweeps } = findTests(root, process.env["SEALANE_TEST_ONLY"]);
  const files = shareOf(process.env["SEALANE_TEST_WHICH"] === "all" ? [...fast, ...sweeps] : fast, share);
  const loading = load(files); // begun outside the test: what is declared in it would be a part of it
  test(`${files.length} test files are loaded`, async () => {
    const failures = await loading;
    if (failures.length > 0) throw new AggregateError(failures, "Test files cannot be loaded.");
  });
}

async function load(files: readonly string[]): Promise<Error[]> {
  const failures: Error[] = [];
  for (const file of files) {
    try {
      await import(pathToFileURL(resolve(root, file)).href);
    } catch (cause) {
      failures.push(new Error(`${file} cannot be loaded.`, { cause }));
    }
  }
  return failures;
}
