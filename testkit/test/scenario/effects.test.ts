import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { ScenarioFailure } from "../../src/scenarios/failure.ts";
import { EffectFolder, type EffectPlan, type Hooks, hookEnvironment } from "../../src/scenarios/hooks.ts";
import { Processes } from "../../src/scenarios/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "sealane-effects-"));
const work = join(folder, "work");
const effects = new EffectFolder(join(folder, "plan"));
after(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(work, { recursive: true, force: true }));

/** Twelve effects, by each of Node's interfaces; what it was able to catch it prints. */
const program = join(folder, "program.mjs");
writeFileSync(
  program,
  `
  import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
  import { open, rename } from "node:fs/promises";
  import { DatabaseSync } from "node:sqlite";
  import { finished } from "node:stream/promises";
  const at = (name) => ${JSON.stringify(work)} + "/" + name;
  try {
    mkdirSync(at(""), { recursive: true });
    const file = await open(at("new"), "wx");
    await file.write(Buffer.from("0123456789"), 2, 8, 0);
    await file.sync();
    await file.close();
    await rename(at("new"), at("old"));
    readFileSync(at("old"));
    await finished(createWriteStream(at("stream")).end("text"));
    const database = new DatabaseSync(at("database"));
    database.exec("create table numbers (number)");
    database.exec("begin");
    database.prepare("insert into numbers values (?)").run(1);
    database.exec("commit");
    database.close();
  } catch (error) {
    console.log(error.code, error.errcode ?? "");
  }
`,
);

const names = [
  "mkdir",
  "open",
  "write",
  "sync",
  "rename",
  "open",
  "write",
  "sqlite open",
  "sqlite change",
  "sqlite commit",
  "sqlite close",
];

function run(hooks: Hooks, script: readonly string[] = [program]): { readonly signal: string | null; readonly stdout: string } {
  const { signal, stdout } = spawnSync(process.execPath, script, { env: { ...process.env, ...hookEnvironment(hooks) }, encoding: "utf8" });
  return { signal, stdout };
}

function runPlan(plan: EffectPlan): ReturnType<typeof run> {
  effects.plan(plan);
  return run({ effects });
}

test("every effect is seen once, by whichever interface it is made, and reading is none", () => {
  assert.deepEqual(runPlan("count"), { signal: null, stdout: "" });
  assert.deepEqual(
    effects.seen().map(({ name }) => name),
    names,
  );
  assert.equal(effects.seen()[4]?.target, `${join(work, "new")} ${join(work, "old")}`);
});

test("a kill ends the process before its effect and behind the one before", () => {
  assert.equal(runPlan("kill 3").signal, "SIGKILL");
  assert.equal(readFileSync(join(work, "new"), "utf8"), "");
  rmSync(work, { recursive: true });
  assert.equal(runPlan("kill 5").signal, "SIGKILL");
  assert.equal(readFileSync(join(work, "new"), "utf8"), "23456789");
  rmSync(work, { recursive: true });
  assert.equal(runPlan("kill 1").signal, "SIGKILL");
  assert.ok(!existsSync(work));
});

/** A process that stays; at SIGUSR1 it makes a folder, and lets no other signal in before. */
const staying = join(folder, "staying.mjs");
writeFileSync(
  staying,
  `
  import { mkdirSync } from "node:fs";
  let times = 0;
  process.on("SIGUSR1", () => {
    console.log('{"event":"busy","times":' + ++times + '}');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    mkdirSync(${JSON.stringify(join(folder, "made"))}, { recursive: true });
    console.log('{"event":"made"}');
  });
  setInterval(() => {}, 1000);
  console.log('{"event":"ready"}');
`,
);

test("a plan for a process that stays can be ended: what it has not killed by then it never kills", async () => {
  effects.plan("kill 1");
  const processes = new Processes({});
  const child = processes.stay([process.execPath, staying], { environment: hookEnvironment({ effects }) });
  try {
    await child.awaited("ready");
    assert.deepEqual(await effects.disarm(child), { killed: false, seen: [] });
    process.kill(child.pid, "SIGUSR1");
    await child.awaited("made");
    await effects.rearm("kill 1", child);
    process.kill(child.pid, "SIGUSR1");
    await child.awaited("busy", ({ times }) => times === 2);
    const { killed, seen } = await effects.disarm(child); // the kill comes half a second later, and counts
    assert.deepEqual([killed, seen.map(({ name }) => name)], [true, ["mkdir"]]);
    assert.equal((await child.ended).signal, "SIGKILL");
    await assert.rejects(effects.rearm("count", child), ScenarioFailure);
  } finally {
    await processes.stopAll();
  }
});

test("a torn write leaves half", () => {
  assert.equal(runPlan("torn 3").signal, "SIGKILL");
  assert.equal(readFileSync(join(work, "new"), "utf8"), "2345");
});

test("a full disk refuses what needs space and lets the rest through", () => {
  assert.match(runPlan("full 3").stdout, /^ENOSPC/);
  rmSync(work, { recursive: true });
  assert.match(runPlan("full 4").stdout, /^ENOSPC/); // sync and rename pass, the stream's file is refused
  assert.ok(existsSync(join(work, "old")));
  rmSync(work, { recursive: true });
  assert.match(runPlan("full 10").stdout, /^ERR_SQLITE_ERROR 13/);
});

test("the clock of a process can be wrong", () => {
  const { stdout } = run({ clockSeconds: -86_400 }, [
    "-p",
    "[Date.now(), new Date().getTime(), new Date(5).getTime(), Date.UTC(1970)].join()",
  ]);
  const [now = 0, made = 0, given, fixed] = stdout.trim().split(",").map(Number);
  assert.ok(Math.abs(now + 86_400_000 - Date.now()) < 60_000);
  assert.ok(made >= now && made - now < 1000);
  assert.deepEqual([given, fixed], [5, 0]);
});

test("the peak of resident memory is the process's own", () => {
  const peakMemory = join(folder, "peak");
  run({ peakMemory }, ["-e", "const held = Buffer.alloc(100 * 1024 * 1024, 1)"]);
  const bytes = Number(readFileSync(peakMemory, "utf8"));
  assert.ok(bytes > 100 * 1024 * 1024 && bytes < 400 * 1024 * 1024);
});
