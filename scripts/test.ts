/**
 * Runs the tests: `node scripts/test.ts unit|all [--only PATH-PREFIX]`.
 *
 * `unit` runs the fast ones; `all` also the sweeps, and those that spawn processes, which get a process each. The others share two (one
 * for each file took ten times as long). All are one run of node:test, whose summary is the end of the output; before it stands
 * what was skipped. Exit code: 0 all passed, 1 a test failed, 2 usage or nothing found.
 */
import { resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { RunNotes, withNotes } from "./run-tests/notes.ts";
import { sharedProcesses, shareOf } from "./run-tests/shared-process.ts";
import { findTests } from "./test-files.ts";

/** After this a test, or a file of tests, counts as hanging. The slowest takes a minute; ten times that on a slow machine with other work. */
const limitMilliseconds = 1_800_000;

const root = resolve(import.meta.dirname, "..");
const { positionals, values } = parseArgs({ allowPositionals: true, options: { only: { type: "string", default: "" } } });
const [which] = positionals;
if ((which !== "unit" && which !== "all") || positionals.length > 1) stop("Usage: node scripts/test.ts unit|all [--only PATH-PREFIX]");

const { fast, sweeps, slow } = findTests(root, values.only);
const shared = which === "all" ? [...fast, ...sweeps] : fast;
const files = [...sharedProcesses.filter((_, share) => shareOf(shared, share).length > 0), ...(which === "all" ? slow : [])];
if (files.length === 0) {
  const where = values.only === "" ? "in the workspace" : `whose path starts with "${values.only}"`;
  stop(`No ${which === "unit" ? "fast " : ""}test file was found ${where}: nothing has been tested.`);
}

const notes = new RunNotes(fast);
const events = run({
  cwd: root,
  files: [...files],
  concurrency: 2,
  timeout: limitMilliseconds,
  // SEALANE_TEST_SEED, if set, reaches the property tests with the rest of the environment.
  env: {
    ...process.env,
    SEALANE_TEST_ONLY: values.only,
    SEALANE_TEST_WHICH: which,
    NODE_COMPILE_CACHE: resolve(root, "node_modules/.cache/node-compile"),
  },
});
events.on("test:summary", ({ file, success }) => {
  if (file === undefined && !success) process.exitCode = 1;
});
events
  .compose((source: typeof events) => withNotes(source, notes))
  .compose(new spec())
  .pipe(process.stdout);

function stop(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}
