/**
 * The whole gate, and the only list of it: `npm run verify [-- --only NAME | --except NAME]`.
 *
 * First the steps that use the whole machine, one after the other, then two at a time those that mostly wait for processes of their own;
 * what these print comes when they have ended. Begins no step after one that failed, and ends with its exit code.
 */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { readPublications, summaryOfAges } from "./dependency-ages.ts";
import { root } from "./workspaces.ts";

interface Step {
  readonly name: string;
  readonly command: string;
  /** Runs beside another one. */
  readonly beside?: boolean;
}

const steps: readonly Step[] = [
  { name: "types", command: "npm run --silent types" },
  { name: "lint", command: "npm run --silent lint" },
  { name: "requirements", command: "npm run --silent requirements" },
  { name: "api", command: "npm run --silent api-report -- --check" },
  { name: "ages", command: "npm run --silent ages" },
  { name: "test", command: "npm test --silent" },
  scenario("crash", "--quick"),
  scenario("tamper", "--quick"),
  {
    name: "postgres",
    command: "SEALANE_TEST_DATABASE=postgres npm run --silent test -- --only packages/server/test/scenario",
    beside: true,
  },
  scenario("token"),
  scenario("pack"),
  { name: "models", command: "npm run --silent models", beside: true },
  scenario("broadcast"),
  scenario("large", "--size 1GiB"),
  scenario("anonymous"),
  scenario("two-servers"),
  scenario("upgrade", "--quick"),
];

function scenario(name: string, options = ""): Step {
  return { name, command: `npm run --silent scenario -- ${name} ${options}`.trimEnd(), beside: true };
}

interface Result {
  readonly name: string;
  readonly seconds: number;
  readonly status: number;
}

const { values } = parseArgs({ options: { only: { type: "string" }, except: { type: "string" } } });
const named = values.only ?? values.except;
const chosen = steps.filter((step) => (values.only === undefined || step.name === values.only) && step.name !== values.except);
if (named !== undefined && !steps.some((step) => step.name === named)) {
  process.stderr.write(`There is no step "${named}". The steps are: ${steps.map((step) => step.name).join(", ")}.\n`);
  process.exit(2);
}

const results: Result[] = [];
const alone = chosen.filter((step) => step.beside !== true);
const beside = chosen.filter((step) => step.beside === true);
await lane(alone);
await Promise.all([lane(beside), lane(beside)]);
process.stdout.write(`\n${chosen.map((step) => asRow(step, results)).join("\n")}\n`);
process.stdout.write(`${"dependencies".padEnd(14)} ${summaryOfAges(readPublications(), Date.now())}\n`);
process.exitCode = results.find(({ status }) => status !== 0)?.status ?? (results.length === chosen.length ? 0 : 1);

/** Takes step after step from a list, which it may share with another lane, until one has failed in any. */
async function lane(waiting: Step[]): Promise<void> {
  while (results.every(({ status }) => status === 0)) {
    const step = waiting.shift();
    if (step === undefined) return;
    results.push(await run(step));
  }
}

async function run({ name, command, beside: isBeside = false }: Step): Promise<Result> {
  if (!isBeside) process.stdout.write(`\n== ${name}: ${command}\n`);
  const began = performance.now();
  const child = spawn(command, {
    cwd: root,
    shell: true,
    stdio: ["ignore", ...(isBeside ? (["pipe", "pipe"] as const) : (["inherit", "inherit"] as const))],
  });
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece: Buffer) => printed.push(piece));
  const status = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 1))); // null: ended by a signal
  const seconds = (performance.now() - began) / 1000;
  if (isBeside) process.stdout.write(`\n== ${name}: ${command}\n${Buffer.concat(printed).toString("utf8")}`);
  process.stdout.write(`== ${name}: ${seconds.toFixed(1)} s\n`);
  return { name, seconds, status };
}

function asRow({ name }: Step, done: readonly Result[]): string {
  const result = done.find((each) => each.name === name);
  if (result === undefined) return `${name.padEnd(14)} not run`;
  return `${name.padEnd(14)} ${result.status === 0 ? "passed " : "FAILED "} ${result.seconds.toFixed(1).padStart(7)} s`;
}
