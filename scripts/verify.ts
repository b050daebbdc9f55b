/**
 * The whole gate, and the only list of it: `npm run verify [-- --only NAME]`.
 *
 * Runs the steps in order, stops at the first that fails and ends with that step's exit code.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { root } from "./workspaces.ts";

interface Step {
  readonly name: string;
  readonly command: string;
}

const steps: readonly Step[] = [
  { name: "types", command: "npm run --silent types" },
  { name: "lint", command: "npm run --silent lint" },
  { name: "test", command: "npm test --silent" },
  { name: "requirements", command: "npm run --silent requirements" },
  { name: "pack", command: "npm run --silent scenario -- pack" },
  { name: "crash", command: "npm run --silent scenario -- crash" },
  { name: "tamper", command: "npm run --silent scenario -- tamper" },
  { name: "large", command: "npm run --silent scenario -- large --size 1GiB" },
];

interface Result {
  readonly name: string;
  readonly seconds: number;
  readonly status: number;
}

const { values } = parseArgs({ options: { only: { type: "string" } } });
const chosen = steps.filter((step) => values.only === undefined || step.name === values.only);
if (chosen.length === 0) {
  process.stderr.write(`There is no step "${values.only}". The steps are: ${steps.map((step) => step.name).join(", ")}.\n`);
  process.exit(2);
}

const results: Result[] = [];
for (const step of chosen) {
  const result = run(step);
  results.push(result);
  if (result.status !== 0) break;
}
process.stdout.write(`\n${chosen.map((step) => asRow(step, results)).join("\n")}\n`);
process.exitCode = results.at(-1)?.status ?? 1;

function run({ name, command }: Step): Result {
  process.stdout.write(`\n== ${name}: ${command}\n`);
  const began = performance.now();
  const { status } = spawnSync(command, { cwd: root, shell: true, stdio: "inherit" });
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`== ${name}: ${seconds.toFixed(1)} s\n`);
  return { name, seconds, status: status ?? 1 }; // null: ended by a signal
}

function asRow({ name }: Step, done: readonly Result[]): string {
  const result = done.find((each) => each.name === name);
  if (result === undefined) return `${name.padEnd(14)} not run`;
  return `${name.padEnd(14)} ${result.status === 0 ? "passed " : "FAILED "} ${result.seconds.toFixed(1).padStart(7)} s`;
}
