import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodes } from "@sealane/wire";
import { removeTree } from "../remove-tree.ts";
import { allFixtures, checkOutEarlier, type Fixture } from "../upgrade/fixture.ts";
import { LeftBehind } from "../upgrade/left-behind.ts";
import { onEnd } from "./clean-up.ts";
import { type CrashResult, crashEverywhere, type Victim } from "./crash-everywhere.ts";
import type { DumpedRow } from "./database-rows.ts";
import { demand } from "./failure.ts";
import { EffectFolder } from "./hooks.ts";
import { type Commands, outsidePath, root, succeeded, workingCopy } from "./installation.ts";
import { type CommandRun, eventOf, Processes, said } from "./processes.ts";
import { table } from "./table.ts";

const postgres = process.env["SEALANE_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

/**
 * What earlier versions left goes on with this one: their folders and databases are migrated, on SQLite and PostgreSQL, whatever the
 * migration is killed at and while their own server runs; their terminals and servers work with ours, or say which version they need.
 */
export async function runUpgrade({ quick, only }: { readonly quick: boolean; readonly only: string }): Promise<void> {
  const rows: string[][] = [];
  for (const fixture of allFixtures()) {
    for (const { name, run } of casesOf(fixture, quick)) if (name.includes(only)) rows.push([name, await run()]);
  }
  process.stdout.write(`${table(["what", "result"], rows)}\n`);
}

interface UpgradeCase {
  readonly name: string;
  /** Gives what came out. */
  readonly run: () => Promise<string>;
}

function casesOf(fixture: Fixture, quick: boolean): readonly UpgradeCase[] {
  const { commit } = fixture;
  const before = earlierCommands(fixture);
  const withBefore = (run: (commands: Commands) => Promise<string>): UpgradeCase["run"] =>
    before === null ? async () => "SKIPPED: this copy has no history; `git fetch --unshallow` brings it" : async () => await run(before);
  const onEach = ([null, postgres] as const).flatMap((database) => {
    const what = `${commit} on ${database === null ? "SQLite" : "PostgreSQL"}`;
    return [
      { name: what, run: async () => await goOn(fixture, database) },
      { name: `${what}: migration`, run: async () => killsOf(await killMigration(fixture, database, quick ? quickShare : 1)) },
      {
        name: `${what}: its server runs meanwhile`,
        run: withBefore(async (commands) => await migrateBeside(fixture, database, commands)),
      },
    ];
  });
  return [
    ...onEach,
    { name: `${commit}: its terminal, our server`, run: withBefore(async (commands) => await oldTerminal(fixture, commands)) },
    { name: `${commit}: what its \`up\` made`, run: withBefore(upAgain) },
    { name: `${commit}: our terminal, its server`, run: withBefore(async (commands) => await oldServer(fixture, commands)) },
  ];
}

function killsOf({ effects, kills }: CrashResult): string {
  return `killed at each of ${effects} effects (${kills} kills), ended by the next one`;
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

async function killMigration(fixture: Fixture, database: string | null, every: number): Promise<CrashResult> {
  let left: LeftBehind | null = null;
  let before: readonly DumpedRow[] = [];
  const effects = new EffectFolder(temporaryFolder());
  const current = (): LeftBehind => {
    if (left === null) throw new Error("nothing was prepared");
    return left;
  };
  const victim: Victim = {
    name: "server migrate",
    // What it does to files it does on SQLite too.
    ...(database === null ? {} : { isTarget: ({ name }) => name === "postgres" }),
    async prepare() {
      await left?.[Symbol.asyncDispose]();
      left = LeftBehind.unpack(fixture, database);
      before = await left.rows();
    },
    async run(plan) {
      effects.plan(plan);
      const run = await current().operator(workingCopy, ["server", "migrate"], { effects, statements: true });
      return { run, killed: run.signal !== null, seen: effects.seen() };
    },
    async checkAfterKill() {},
    async complete() {
      succeeded(await current().operator(workingCopy, ["server", "migrate"]));
      demandKept(before, await current().rows());
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

/** Fails unless every row of every other table is there as it was, in columns of its own or beside new ones. */
function demandKept(before: readonly DumpedRow[], after: readonly DumpedRow[]): void {
  const isSame = (row: DumpedRow, other: DumpedRow): boolean =>
    row.table === other.table && Object.entries(row.columns).every(([column, value]) => other.columns[column] === value);
  for (const row of before) {
    if (row.table.startsWith("kysely") || row.table.startsWith("sqlite") || row.table === startedAnew) continue;
    demand(
      after.some((other) => isSame(row, other)),
      `A row of the table ${row.table} is lost or was changed.`,
    );
  }
}

function earlierCommands({ commit }: Fixture): Commands | null {
  const folder = join(temporaryFolder(), "checkout");
  if (!checkOutEarlier(root, commit, folder)) return null;
  const command = (app: string): readonly string[] => [process.execPath, join(folder, `apps/${app}/bin/${app}.js`)];
  return { operator: command("sealane"), terminal: command("sealane-terminal") };
}

/** Migrates while the earlier server serves: what it has accepted until it is stopped is there afterwards. */
async function migrateBeside(fixture: Fixture, database: string | null, before: Commands): Promise<string> {
  await using left = LeftBehind.unpack(fixture, database);
  const former = await left.rows();
  const old = await left.serve(before);
  succeeded(await left.operator(before, ["release", "list"])); // PostgreSQL prepares its statements for the former columns
  const made = await Promise.all([
    left.operator(workingCopy, ["server", "migrate"]),
    left.operator(before, ["group", "create", "meanwhile"]),
  ]);
  made.forEach(succeeded);
  const listed = await left.operator(before, ["release", "list"]);
  const asked = await left.terminal(before, ["fetch", "app"]);
  for (const run of [listed, asked])
    demand(
      run.exitCode === exitCodes.done || run.exitCode === exitCodes.retryLater,
      "The earlier server neither works nor fails.",
      said(run),
    );
  const accepted = await left.rows();
  demandKept(
    former.filter(({ table: name }) => !rewritten.includes(name)),
    accepted,
  );
  demand(
    accepted.some((row) => row.table === "groups" && row.columns["name"] === "meanwhile"),
    "What the earlier server took during the migration is lost.",
  );
  await left.processes.stop(old);
  demandKept(accepted, await left.rows());
  const server = await left.serve(workingCopy);
  await renewAll(left);
  demandPrints(await left.terminal(workingCopy, ["exec", "app"]), "this is app 1.0");
  succeeded(await left.terminal(workingCopy, ["fetch", "offered"]));
  await left.processes.stop(server);
  return `migrated; meanwhile it gave exit code ${listed.exitCode} to its operator and ${asked.exitCode} to its terminal`;
}

/** Tables whose rows a server that runs changes by itself. */
const rewritten: readonly string[] = [
  "terminals",
  "inbox_messages",
  "challenges",
  "replay_entries",
  "replay_floor",
  "links",
  "pending_links",
];

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

/** `up` takes up what an earlier one made, with its server's keys and its terminals. */
async function upAgain(before: Commands): Promise<string> {
  const folder = temporaryFolder();
  const file = join(folder, "software");
  writeFileSync(file, "#!/bin/sh\necho works\n", { mode: 0o755 });
  const processes = new Processes({ PATH: outsidePath(), HOME: folder });
  onEnd(() => processes.stopAll());
  const up = async ({ operator }: Commands): Promise<CommandRun> =>
    await processes.run([...operator, "up", file, "--once", "--state", join(folder, "state"), "--json"]);
  succeeded(await up(before));
  succeeded(await up(workingCopy));
  return "migrates it and delivers again";
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
