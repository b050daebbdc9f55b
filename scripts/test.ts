/**
 * Runs the tests: `node scripts/test.ts unit|all [--only PATH-PREFIX]`.
 *
 * `unit` runs the fast ones, `all` also those that spawn processes. The fast ones share one process (800 tests: 0.4 s, against
 * 7 s with a process for each file); the others get one each, two at a time. All are one run of node:test, whose summary is the
 * end of the output. Exit code: 0 all passed, 1 a test failed, 2 usage or nothing found.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { findTests } from "./test-files.ts";

/** After this a test, or a file of tests, counts as hanging: the slowest file takes less than a minute. */
const limitMilliseconds = 300_000;

const root = resolve(import.meta.dirname, "..");
const { positionals, values } = parseArgs({ allowPositionals: true, options: { only: { type: "string", default: "" } } });
const [which] = positionals;
if ((which !== "unit" && which !== "all") || positionals.length > 1) stop("Usage: node scripts/test.ts unit|all [--only PATH-PREFIX]");

const found = findTests(root, values.only);
const files = [...(found.fast.length > 0 ? ["scripts/fast-tests.ts"] : []), ...(which === "all" ? found.slow : [])];
if (files.length === 0) {
  const where = values.only === "" ? "in the workspace" : `whose path starts with "${values.only}"`;
  stop(`No ${which === "unit" ? "fast " : ""}test file was found ${where}: nothing has been tested.`);
}

// SEALANE_TEST_SEED, if set, reaches the property tests with the rest of the environment.
const { error, status, signal } = spawnSync(
  process.execPath,
  ["--test", `--test-timeout=${limitMilliseconds}`, "--test-reporter=spec", "--test-concurrency=2", ...files],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, SEALANE_TEST_ONLY: values.only, NODE_COMPILE_CACHE: resolve(root, "node_modules/.cache/node-compile") },
  },
);
if (error !== undefined) throw error;
if (signal !== null) stop(`The tests were ended by ${signal}.`);
process.exitCode = status ?? 1;

function stop(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}
