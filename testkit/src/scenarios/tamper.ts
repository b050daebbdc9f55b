import { eventually } from "../eventually.ts";
import { contentKeyOf } from "./content-key.ts";
import { ScenarioFailure } from "./failure.ts";
import { shareOf } from "./share.ts";
import { table } from "./table.ts";
import { codesOf, demandExpected, TamperBench, type TamperCase, victim } from "./tamper-bench.ts";
import { fileCases } from "./tamper-files.ts";
import { forgedCases } from "./tamper-forged.ts";
import { linkCases } from "./tamper-links.ts";
import { machineCases } from "./tamper-machines.ts";
import { timeCases } from "./tamper-times.ts";

/** A quick run meets every fourth fault. */
const quickShare = 4;

/** Meets each fault on the real processes and checks exit code, error code, that nothing was harmed, and that all goes on after it. */
export async function runTamper({ only, quick }: { readonly only: string; readonly quick: boolean }): Promise<void> {
  const named = [...linkCases, ...forgedCases, ...timeCases, ...fileCases, ...machineCases].filter(({ name }) => name.includes(only));
  const cases = shareOf(named, quick ? quickShare : 1);
  await using bench = await TamperBench.make();
  const rows: string[][] = [];
  const wrong: string[] = [];
  for (const each of cases) {
    const { row, failure } = await meet(bench, each);
    rows.push(row);
    if (failure !== null) wrong.push(`${each.name}: ${failure}`);
  }
  process.stdout.write(`${table(["fault", "exit", "code", "seconds", ""], rows)}\n`);
  if (wrong.length > 0)
    throw new ScenarioFailure(`${wrong.length} of ${cases.length} faults were not met as expected.`, wrong.join("\n\n"));
  await bench.reset();
  await bench.fetch();
  bench.installation.keepSecret(await contentKeyOf(bench.installation.terminalState(victim)));
  bench.installation.demandNoSecretPrinted();
}

async function meet(bench: TamperBench, each: TamperCase): Promise<{ readonly row: string[]; readonly failure: string | null }> {
  const began = performance.now();
  let said: readonly string[] = ["", ""];
  try {
    await bench.reset();
    const mark = bench.installation.serverLog().length;
    const run = await each.meet(bench);
    said = [String(run.signal ?? run.exitCode), [...new Set(codesOf(run))].join(", ")];
    demandExpected(run, each);
    await demandLogged(bench, each, mark);
    bench.proxy.fault = null;
    await each.mend?.(bench);
    await bench.demandUnharmed();
    await bench.demandDeliverable();
    return { row: [each.name, ...said, seconds(began), "as expected"], failure: null };
  } catch (error) {
    const failure = error instanceof ScenarioFailure ? error.message : String(error instanceof Error ? error.stack : error);
    return { row: [each.name, ...said, seconds(began), "WRONG"], failure };
  }
}

async function demandLogged(bench: TamperBench, { logged }: TamperCase, mark: number): Promise<void> {
  if (logged === undefined) return;
  const log = (): string => bench.installation.serverLog().slice(mark);
  await eventually(
    () => log().includes(`"${logged}"`),
    () => `The server's log has no ${logged}:\n${log()}`,
  ); // it may come behind the reply
}

function seconds(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(1);
}
