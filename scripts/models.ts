/**
 * Checks the models of `models/` with spin: `npm run models [-- --only MODEL] [--json]`.
 *
 * Exit code 0 when every expected attack was found, nothing was found in the repaired forms, and those searches were complete; 1 when not;
 * 2 for wrong use; 10 when spin or a C compiler is missing, in CI too. models/README.md tells how to read the table.
 */
import { parseArgs } from "node:util";
import { checks } from "./models/checks.ts";
import { missingPrograms, runCheck, temporaryFolder } from "./models/spin.ts";
import { asRow, heading, summary, type Verdict, widthsOf } from "./models/verdict.ts";

const { values } = parseArgs({ options: { only: { type: "string" }, json: { type: "boolean", default: false } } });
const chosen = checks.filter(({ model }) => values.only === undefined || model === values.only);
if (chosen.length === 0) {
  stop(2, `There is no model "${values.only}". The models are: ${[...new Set(checks.map(({ model }) => model))].join(", ")}.`);
}
const missing = await missingPrograms();
if (missing.length > 0) {
  const packages = "apt-get install spin gcc libc6-dev";
  stop(10, `The models are checked by spin and a C compiler; this machine lacks ${missing.join(" and ")}. On Debian: ${packages}`);
}

try {
  await main();
} catch (error) {
  stop(1, error instanceof Error ? error.message : String(error));
}

async function main(): Promise<void> {
  const began = performance.now();
  const widths = widthsOf(chosen);
  const verdicts: Verdict[] = [];
  using folder = temporaryFolder();
  if (!values.json) process.stdout.write(`${heading(widths)}\n`);
  for (const check of chosen) {
    const verdict = await runCheck(check, folder.path);
    verdicts.push(verdict);
    if (!values.json) process.stdout.write(`${asRow(widths, verdict)}\n`);
  }
  const seconds = (performance.now() - began) / 1000;
  const asExpected = verdicts.every(({ problem }) => problem === null);
  process.stdout.write(values.json ? `${JSON.stringify({ asExpected, seconds, verdicts })}\n` : `\n${summary(verdicts, seconds)}\n`);
  process.exitCode = asExpected ? 0 : 1;
}

function stop(code: number, sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(code);
}
