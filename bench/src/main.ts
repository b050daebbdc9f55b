/** `npm run bench [-- --json] [--only NAME]`: what is fast, beside a peer in the same run. Figures compare within one run only. */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchArtefact } from "./artefact.ts";
import { CannotRun } from "./cannot-run.ts";
import { benchGroups } from "./groups.ts";
import { benchLinks } from "./links.ts";
import type { LoadRow } from "./load/figures.ts";
import { benchLoad, maxLoadSeconds } from "./load.ts";
import type { Rate } from "./rounds.ts";
import { benchServer } from "./server.ts";
import { benchStart } from "./start.ts";
import { benchSuites } from "./suites.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    only: { type: "string" },
    rounds: { type: "string", default: "7" },
    size: { type: "string", default: "512" },
    seconds: { type: "string", default: "30" },
  },
});

/** What every benchmark gives: operations a second, a size where it has one, and the median against the peer's. */
interface Row {
  readonly what: string;
  readonly perSecond: Rate;
  readonly bytes: number | null;
  readonly messageBytes?: readonly number[];
  readonly serverPerSecond?: number | null;
  readonly ratio: number | null;
  readonly unit?: string;
}

const rounds = Number(values.rounds);
const sizeBytes = Number(values.size) * 1024 * 1024;
const seconds = Number(values.seconds);
if (!Number.isInteger(seconds) || seconds < 1 || seconds > maxLoadSeconds)
  refuse(`--seconds takes 1 to ${maxLoadSeconds}, not "${values.seconds}".`);

/** `lost`: what a benchmark under load did not get back as it must. */
interface Report {
  readonly rows: readonly (Row | LoadRow)[];
  readonly lost?: readonly string[];
}

const benches: Readonly<Record<string, () => Promise<Report>>> = {
  links: async () => ({ rows: await benchLinks({ rounds, secondsEach: 1 }) }),
  suites: async () => ({ rows: await benchSuites({ rounds, secondsEach: 0.25 }) }),
  groups: async () => ({ rows: await benchGroups({ rounds, secondsEach: 0.25 }) }),
  artefact: async () => ({ rows: await benchArtefact({ rounds, sizeBytes }) }),
  server: async () => ({ rows: await benchServer({ rounds, sizeBytes }) }),
  start: async () => ({ rows: await benchStart({ rounds }) }),
  load: async () => await benchLoad({ seconds }),
};
const chosen = Object.entries(benches).filter(([name]) => values.only === undefined || values.only === name);
if (chosen.length === 0) refuse(`There is no benchmark "${values.only}". They are: ${Object.keys(benches).join(", ")}.`);

try {
  for (const [name, bench] of chosen) show(name, await bench());
} catch (error) {
  if (!(error instanceof CannotRun)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

function show(name: string, { rows, lost = [] }: Report): void {
  process.stdout.write(
    values.json === true
      ? `${JSON.stringify({ bench: name, node: process.versions.node, processor: cpus()[0]?.model, cores: cpus().length, rows, lost })}\n`
      : `${name}\n${rows.map(asLine).join("\n")}\n`,
  );
  for (const what of lost) process.stderr.write(`Lost: ${what}.\n`);
  if (lost.length > 0) process.exitCode = 1;
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}

function asLine(row: Row | LoadRow): string {
  return "values" in row ? asValues(row) : asRate(row);
}

function asValues({ what, unit, values: named }: LoadRow): string {
  const parts = Object.entries(named).map(
    ([name, value]) => `${name} ${Number.isInteger(value) || value >= 1_000 ? value.toFixed(0) : value.toFixed(2)}`,
  );
  return `  ${what.padEnd(48)} ${parts.join(", ")}${unit === "" ? "" : ` ${unit}`}`;
}

function asRate({ what, perSecond, bytes, messageBytes = [], serverPerSecond = null, ratio, unit = "/s" }: Row): string {
  const { median, min, max } = perSecond;
  const digits = median < 10 ? 2 : 0;
  const rate = `${median.toFixed(digits)} ${unit} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
  const parts = [
    ...(bytes === null ? [] : [`${messageBytes.length > 1 ? `${messageBytes.join(" + ")} = ` : ""}${bytes} bytes`]),
    ...(serverPerSecond === null ? [] : [`server alone ${serverPerSecond.toFixed(serverPerSecond < 10 ? 2 : 0)} ${unit}`]),
    ...(ratio === null ? [] : [`${ratio.toFixed(2)} x`]),
  ];
  return `  ${what.padEnd(40)} ${rate.padEnd(26)} ${parts.join(", ")}`;
}
