import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FloorClock } from "../../src/clock-floor.ts";
import { code } from "../double/codes.ts";
import { FakeClock } from "../double/fake-clock.ts";

async function clockAt(t: TestContext, now: number): Promise<{ readonly machine: FakeClock; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-clock-"));
  t.after(async () => await rm(folder, { recursive: true, force: true }));
  return { machine: new FakeClock(now), path: join(folder, "clock.cbor") };
}

test("FCLOCK: the time is the machine's, and never before what the server proved, also after a restart", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = new FloorClock(machine, path);
  assert.equal(clock.nowSeconds(), 1_000_000);
  assert.equal(await clock.learn(1_050_000), 50_000);
  assert.equal(clock.nowSeconds(), 1_050_000);
  assert.equal(new FloorClock(machine, path).nowSeconds(), 1_050_000);
  machine.now = 1_060_000;
  assert.equal(clock.nowSeconds(), 1_060_000);
  machine.now = 0;
  assert.equal(clock.nowSeconds(), 1_050_000);
});

test("FCLOCK: how far a clock is off is told from a minute on, and a clock that is ahead is used as it is", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = new FloorClock(machine, path);
  assert.equal(await clock.learn(1_000_060), 0);
  assert.equal(await clock.learn(1_000_061), 61);
  assert.equal(await clock.learn(999_940), 0);
  assert.equal(await clock.learn(999_939), -61);
  assert.equal(clock.nowSeconds(), 1_000_061);
  machine.now = 2_000_000;
  assert.equal(await clock.learn(1_000_100), -999_900);
  assert.equal(clock.nowSeconds(), 2_000_000);
});

test("FCLOCK: while the clock runs, the floor is written once an hour; nothing lowers it but an enrolment", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = new FloorClock(machine, path);
  await clock.learn(1_000_000);
  const first = await readFile(path);
  machine.now = 1_003_000;
  await clock.learn(1_003_000);
  assert.deepEqual(await readFile(path), first);
  machine.now = 1_003_700;
  await clock.learn(1_003_700);
  assert.notDeepEqual(await readFile(path), first);
  await clock.learn(900_000);
  machine.now = 0;
  assert.equal(clock.nowSeconds(), 1_003_700);
  await clock.restart(500_000);
  assert.equal(clock.nowSeconds(), 500_000);
});

test("FCLOCK: a file that is damaged is told, and no time is made up", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  await writeFile(path, "damaged");
  assert.throws(() => new FloorClock(machine, path).nowSeconds(), code("TERMINAL_STATE_DAMAGED"));
});
