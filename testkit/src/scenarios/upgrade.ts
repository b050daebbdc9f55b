import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodes } from "@sealane/wire";
import { removeTree } from "../remove-tree.ts";
import { allFixtures, checkOutEarlier, type Fixture } from "../upgrade/fixture.ts";
import { LeftBehind } from "../upgrade/left-behind.ts";
import { onEnd } from "./clean-up.ts";
import { type CrashResult, crashEverywhere, type Victim } from "./crash-everywhere.ts";
import { type DumpedRow, dumpRows } from "./database-rows.ts";
import { demand } from "./failure.ts";
import { EffectFolder } from "./hooks.ts";
import { type Commands, root, succeeded, workingCopy } from "./installation.ts";
import { type CommandRun, eventOf, said } from "./processes.ts";
import { table } from "./table.ts";

const postgres = process.env["SEALANE_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

/**
 * What earlier versions left goes on with this one: their folders and databases are migrated, on SQLite and PostgreSQL, whatever the
 * migration is killed at and while their own server runs; their terminals and servers work with ours, or say which version they need.
 */
export async function runUpgrade({ quick }: { readonly quick: boolean }): Promise<void> {
  const rows: string[][] = [];
  for (const fixture of allFixtures()) {
    for (const database of [null, postgres])
      rows.push([`${fixture.commit} on ${database === null ? "SQLite" : "PostgreSQL"}`, await goOn(fixture, database)]);
    const { effects, kills } = await killMigration(fixture, quick ? quickShare : 1);
    rows.push([`${fixture.commit}: migration`, `killed at each of ${effects} effects (${kills} kills), ended by the next one`]);
    const before = earlierCommands(fixture);
    if (before === null) {
      rows.push([`${fixture.commit}: its commands`, "SKIPPED: this copy has no history; `git fetch --unshallow` brings it"]);
      continue;
    }
    rows.push([`${fixture.commit}: its server runs meanwhile`, await migrateBeside(fixture, before)]);
    rows.push([`${fixture.commit}: its terminal, our server`, await oldTerminal(fixture, before)]);
    rows.push([`${fixture.commit}: our terminal, its server`, await oldServer(fixture, before)]);
  }
  process.stdout.write(`${table(["what", "result"], rows)}\n`);
}

/** Migrates, and goes on with everything that was begun. */
async function goOn(fixture: Fixture, database: string | null): Promise<string> {
  await using left = LeftBehind.unpack(fixture, database);
  const early = await left.operator(workingCopy, ["server", "run"]);
  demand(early.exitCode === exitCodes.configuration, "A server runs on what was not migrated.", said(early));
  succeeded(await left.operator(workingCopy, ["server", "migrate"]));
  const server = await left.serve(workingCopy);
  demandPrints(await left.terminal(workingCopy, ["exec", "app"]), "this is app 1.0");
  const unreleased = await left.terminal(workingCopy, ["install", "tool"]);
  await renewAll(left);
  demand(eventOf(unreleased, "error")["code"] === "TERMINAL_RELEASE_MISSING", "What nobody released is installed.", said(unreleased));
  for (const [module, version] of [
    ["tool", "1.0"],
    ["app", "2.0"],
    ["offered", "1.0"],
  ] as const) {
    succeeded(await left.terminal(workingCopy, ["fetch", module]));
    succeeded(await left.terminal(workingCopy, ["install", module]));
    demandPrints(await left.terminal(workingCopy, ["exec", module]), `this is ${module} ${version}`);
  }
  await left.processes.stop(server);
  return "runs what is installed, fetches what was begun and offered, asks anew who released it";
}

/** Signs anew what the fixture's publisher released, whose own records say what that is (make-fixture.ts). */
async function renewAll(left: LeftBehind): Promise<void> {
  const names = releasedBefore.map(({ module, version, sequence }) => {
    const digest = createHash("sha256").update(`#!/bin/sh\necho "this is ${module} ${version}"\n`).digest("hex");
    return `${module}@${sequence}:${digest}`;
  });
  succeeded(await left.operator(workingCopy, ["release", "renew", ...names, "--floor", "0"]));
}

const releasedBefore = [
  { module: "app", version: "1.0", sequence: 1 },
  { module: "app", version: "2.0", sequence: 2 },
  { module: "tool", version: "1.0", sequence: 1 },
  { module: "film", version: "1.0", sequence: 1 },
  { module: "pump", version: "1.0", sequence: 1 },
  { module: "offered", version: "1.0", sequence: 1 },
];

function demandPrints(run: CommandRun, text: string): void {
  demand(run.exitCode === 0 && run.stdout.includes(text), `"${text}" is not printed.`, said(run));
}

/** Of the effects of a migration a quick run kills at one in so many. */
const quickShare = 8;

async function killMigration(fixture: Fixture, every: number): Promise<CrashResult> {
  let left: LeftBehind | null = null;
  let before: readonly DumpedRow[] = [];
  const effects = new EffectFolder(temporaryFolder());
  const current = (): LeftBehind => {
    if (left === null) throw new Error("nothing was prepared");
    return left;
  };
  const rowsNow = (): readonly DumpedRow[] => dumpRows(join(current().serverState, "server", "data.sqlite"));
  const victim: Victim = {
    name: "server migrate",
    async prepare() {
      await left?.[Symbol.asyncDispose]();
      left = LeftBehind.unpack(fixture, null);
      before = rowsNow();
    },
    async run(plan) {
      effects.plan(plan);
      const run = await current().operator(workingCopy, ["server", "migrate"], { effects });
      return { run, killed: run.signal !== null, seen: effects.seen() };
    },
    async checkAfterKill() {},
    async complete() {
      succeeded(await current().operator(workingCopy, ["server", "migrate"]));
      demandKept(before, rowsNow());
      const server = await current().serve(workingCopy);
      demandPrints(await current().terminal(workingCopy, ["exec", "app"]), "this is app 1.0");
      await current().processes.stop(server);
    },
  };
  const result = await crashEverywhere(victim, every);
  await current()[Symbol.asyncDispose]();
  return result;
}

/** Broadcasts are started anew once their releases are signed anew (ADR 19). */
const startedAnew = "broadcasts";

/** Fails unless every other table that was there has as many rows as before. */
function demandKept(before: readonly DumpedRow[], after: readonly DumpedRow[]): void {
  const counted = (rows: readonly DumpedRow[]) => Object.groupBy(rows, (row) => row.table);
  const [old, now] = [counted(before), counted(after)];
  for (const [name, rows = []] of Object.entries(old)) {
    if (name.startsWith("kysely") || name.startsWith("sqlite") || name === startedAnew) continue;
    const found = now[name]?.length ?? 0;
    demand(found >= rows.length, `Of ${rows.length} rows of the table ${name}, ${found} are left.`);
  }
}

function earlierCommands({ commit }: Fixture): Commands | null {
  const folder = join(temporaryFolder(), "checkout");
  if (!checkOutEarlier(root, commit, folder)) return null;
  const command = (app: string): readonly string[] => [process.execPath, join(folder, `apps/${app}/bin/${app}.js`)];
  return { operator: command("sealane"), terminal: command("sealane-terminal") };
}

/** Migrates while the earlier server serves: what it has accepted until it is stopped is there afterwards. */
async function migrateBeside(fixture: Fixture, before: Commands): Promise<string> {
  await using left = LeftBehind.unpack(fixture, null);
  const old = await left.serve(before);
  succeeded(await left.operator(workingCopy, ["server", "migrate"]));
  const asked = await left.terminal(before, ["fetch", "app"]);
  await left.processes.stop(old);
  const server = await left.serve(workingCopy);
  await renewAll(left);
  demandPrints(await left.terminal(workingCopy, ["exec", "app"]), "this is app 1.0");
  succeeded(await left.terminal(workingCopy, ["fetch", "offered"]));
  await left.processes.stop(server);
  return `migrated; to its terminal it gave exit code ${asked.exitCode} meanwhile`;
}

async function oldTerminal(fixture: Fixture, before: Commands): Promise<string> {
  await using left = LeftBehind.unpack(fixture, null);
  succeeded(await left.operator(workingCopy, ["server", "migrate"]));
  const server = await left.serve(workingCopy);
  await renewAll(left);
  const outcome = worksOrNamesVersion(await left.terminal(before, ["fetch", "offered"]));
  await left.processes.stop(server);
  return outcome;
}

async function oldServer(fixture: Fixture, before: Commands): Promise<string> {
  await using left = LeftBehind.unpack(fixture, null);
  const server = await left.serve(before);
  const outcome = worksOrNamesVersion(await left.terminal(workingCopy, ["fetch", "offered"]));
  demandPrints(await left.terminal(workingCopy, ["exec", "app"]), "this is app 1.0");
  await left.processes.stop(server);
  return outcome;
}

/** An earlier version knows no code of this one; what it is told must lead its user to the version all the same. */
function worksOrNamesVersion(run: CommandRun): string {
  if (run.exitCode === 0) return "works";
  const { code, advice } = eventOf(run, "error");
  demand(/\bversion\b|[Uu]pgrade/.test(String(advice)), "A version that does not fit is not named.", said(run));
  return `names the version (${String(code)})`;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sealane-upgrade-"));
  onEnd(() => removeTree(folder));
  return folder;
}
