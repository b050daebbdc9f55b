import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { exec, install, type RunningSoftware } from "../../src/index.ts";
import { tarOf } from "../double/archives.ts";
import { code } from "../double/codes.ts";
import { HeldClock } from "../double/fake-clock.ts";
import { ProgramOutput } from "../double/program-output.ts";
import { type TestSoftware, TestTerminal } from "../double/test-terminal.ts";

const encoder = new TextEncoder();

async function installed(
  t: TestContext,
  script: string,
  software: TestSoftware = {},
): Promise<TestTerminal & { readonly clock: HeldClock }> {
  const clock = new HeldClock();
  const world = await TestTerminal.create(t, clock);
  await world.stage({ content: encoder.encode(`#!/bin/sh\n${script}\n`), ...software });
  await install(world.terminal);
  return Object.assign(world, { clock });
}

const run = async (world: TestTerminal, args: readonly string[] = []): Promise<RunningSoftware> =>
  await exec(world.terminal, { module: "hmi", args, stdio: "ignore" });

test("PERMIT LIC: a permitted program runs with its arguments, and its status comes back", async (t) => {
  const world = await installed(t, "exit $(($1 + $2))");
  const running = await run(world, ["3", "4"]);
  assert.equal(running.software.module, "hmi");
  assert.deepEqual(await running.ended, { status: 7, signal: null });
});

test("PERMIT: a program of an archive runs where it is installed", async (t) => {
  const content = await tarOf([
    { name: "bin/run", mode: 0o644, content: '#!/bin/sh\nexit "$(cat "$(dirname "$0")/../status")"\n' },
    { name: "status", content: "42" },
  ]);
  const world = await installed(t, "", { format: "tar", entry: "bin/run", content });
  assert.equal((await (await run(world)).ended).status, 42);
});

test("a program that dies of a signal gives 128 and its number; signals to this process are passed on", async (t) => {
  const world = await installed(t, "kill -KILL $$");
  assert.deepEqual(await (await run(world)).ended, { status: 137, signal: "SIGKILL" });
  const waiting = await installed(t, 'trap "exit 5" HUP; echo ready; while :; do sleep 0.01; done');
  using output = new ProgramOutput();
  const before = process.listenerCount("SIGHUP");
  const running = await exec(waiting.terminal, { module: "hmi", stdio: output.stdio });
  assert.equal(await output.line(), "ready");
  assert.equal(process.listenerCount("SIGHUP"), before + 1);
  process.kill(process.pid, "SIGHUP");
  assert.equal((await running.ended).status, 5);
  assert.equal(process.listenerCount("SIGHUP"), before);
});

test("LIC PERMIT: under a licence that has ended, or has not begun, nothing is started", async (t) => {
  const world = await installed(t, "exit 0");
  world.clock.now += 86_400 + 60;
  await assert.rejects(run(world), code("LICENCE_EXPIRED"));
  world.clock.now -= 2 * 86_400;
  await assert.rejects(run(world), code("LICENCE_NOT_YET_VALID"));
});

test("LIC PERMIT: a program is stopped when its licence ends", async (t) => {
  const world = await installed(t, "sleep 600");
  const running = await run(world);
  world.clock.pass(86_399);
  world.clock.pass(61);
  await assert.rejects(passing(world.clock, running.ended), code("LICENCE_EXPIRED"));
  assert.throws(() => process.kill(running.pid, 0), { code: "ESRCH" });
});

test("LIC PERMIT: a program that will not stop is made to, with everything that it started", async (t) => {
  const world = await installed(t, 'trap "" TERM; sh -c \'trap "" TERM; echo ready; sleep 600\' & wait; while :; do sleep 1; done');
  using output = new ProgramOutput();
  const running = await exec(world.terminal, { module: "hmi", stdio: output.stdio });
  assert.equal(await output.line(), "ready");
  world.clock.pass(86_460);
  await assert.rejects(passing(world.clock, running.ended), code("LICENCE_EXPIRED"));
  await output.end();
});

test("PERMIT: software that was changed on this machine is not started", async (t) => {
  const world = await installed(t, "exit 0");
  const file = join(world.terminal.folder.module("hmi").slot(1).software, "hmi");
  await chmod(file, 0o755);
  await writeFile(file, "#!/bin/sh\nexit 1\n");
  await chmod(file, 0o555);
  await assert.rejects(run(world), code("TERMINAL_SOFTWARE_CHANGED"));
});

test("what is not installed, is no program, or cannot be started has a code of its own", async (t) => {
  const world = await installed(t, "exit 0");
  await assert.rejects(exec(world.terminal, { module: "other" }), code("TERMINAL_MODULE_UNKNOWN"));
  await assert.rejects(exec(world.terminal, { module: "../hmi" }), code("TERMINAL_MODULE_UNKNOWN"));
  await world.stage({ module: "film", entry: null });
  await install(world.terminal);
  await assert.rejects(exec(world.terminal, { module: "film" }), code("TERMINAL_NOT_A_PROGRAM"));
  await world.stage({ module: "broken", content: encoder.encode("#!/nowhere/sh\n") });
  await install(world.terminal);
  await assert.rejects(exec(world.terminal, { module: "broken", stdio: "ignore" }), code("TERMINAL_START_FAILED"));
});

const patienceMilliseconds = 600_000;

/** Lets time pass, a minute at a time, until the work has ended. */
async function passing<T>(clock: HeldClock, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  work.then(over, over);
  const deadline = performance.now() + patienceMilliseconds;
  while (!isOver) {
    assert.ok(performance.now() < deadline, "the work does not end");
    clock.pass(60);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return await work;
}
