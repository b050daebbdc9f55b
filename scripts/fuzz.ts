/**
 * Fuzzes longer than `npm test` does: `npm run fuzz [-- --seconds N] [--seed N] [--only PATH-PREFIX]`.
 *
 * Each target gets so many seconds (10 unless told); a failure prints the seed and the shortest input that shows it.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { parseArgs } from "node:util";
import { root } from "./workspaces.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, seed: { type: "string" }, only: { type: "string", default: "" } },
});
const files = globSync("{packages/*,testkit}/test/fuzz/*.test.ts", { cwd: root })
  .filter((path) => path.startsWith(values.only))
  .sort();
if (!(Number(values.seconds) > 0) || files.length === 0) {
  process.stderr.write("Usage: npm run fuzz -- [--seconds N] [--seed N] [--only PATH-PREFIX]\n");
  process.exit(2);
}

const seed = values.seed ?? String(Date.now() % 2_147_483_647);
process.stdout.write(`seed ${seed}, ${values.seconds} s for each target\n`);
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...files], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, SEALANE_FUZZ_SECONDS: values.seconds, SEALANE_TEST_SEED: seed },
});
process.exitCode = status ?? 1;
