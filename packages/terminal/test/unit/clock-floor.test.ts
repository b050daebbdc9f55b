import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FloorClock } from "../../src/clock-floor.ts";
import type { Clock } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { FakeClock } from "../double/fake-clock.ts";

async function clockAt(t: TestContext, now: number): Promise<{ readonly machine: FakeClock; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-clock-"));
  t.after(async () => await rm(folder, { recursive: true, force: true }));
  return { machine: new FakeClock(now), path: join(folder, "clock.cbor") };
}

/** The floor's clock with its files beside each other. */
function floorClock(machine: Clock, path: string): FloorClock {
  return new FloorClock(machine, { floor: path, rise: `${path}.rise` });
}

/** A time that a link proves whose key may be used for another day. */
function said(nowSeconds: number): { readonly nowSeconds: number; readonly endsAtSeconds: number } {
  return { nowSeconds, endsAtSeconds: nowSeconds + 86_400 };
}

test("FCLOCK: the time is the machine's, and never before what the server proved, also after a restart", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = floorClock(machine, path);
  assert.equal(clock.nowSeconds(), 1_000_000);
  assert.equal(await clock.learn(said(1_050_000)), 50_000);
  assert.equal(clock.nowSeconds(), 1_050_000);
  assert.equal(floorClock(machine, path).nowSeconds(), 1_050_000);
  machine.now = 1_060_000;
  assert.equal(clock.nowSeconds(), 1_060_000);
  machine.now = 0;
  assert.equal(clock.nowSeconds(), 1_050_000);
});

test("FCLOCK: a command that began before another one raised the floor does not lower it, nor raises what was lowered", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const [early, other] = [floorClock(machine, path), floorClock(machine, path)];
  assert.deepEqual([early.floorSeconds(), other.floorSeconds()], [0, 0]);
  await other.learn(said(1_050_000));
  await early.learn(said(1_040_000));
  assert.equal(early.nowSeconds(), 1_050_000);
  assert.equal(floorClock(machine, path).floorSeconds(), 1_050_000);
  await other.restart(1_020_000);
  await early.learn(said(1_010_000));
  assert.equal(floorClock(machine, path).floorSeconds(), 1_020_000);
});

test("FCLOCK: how far a clock is off is told from a minute on, and a clock that is ahead is used as it is", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = floorClock(machine, path);
  assert.equal(await clock.learn(said(1_000_060)), 0);
  assert.equal(await clock.learn(said(1_000_061)), 61);
  assert.equal(await clock.learn(said(999_940)), 0);
  assert.equal(await clock.learn(said(999_939)), -61);
  assert.equal(clock.nowSeconds(), 1_000_061);
  machine.now = 2_000_000;
  assert.equal(await clock.learn(said(1_000_100)), -999_900);
  assert.equal(clock.nowSeconds(), 2_000_000);
});

test("FCLOCK: while the clock runs, the floor is written once an hour; nothing lowers it but an enrolment", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = floorClock(machine, path);
  await clock.learn(said(1_000_000));
  const first = await readFile(path);
  machine.now = 1_003_000;
  await clock.learn(said(1_003_000));
  assert.deepEqual(await readFile(path), first);
  machine.now = 1_003_700;
  await clock.learn(said(1_003_700));
  assert.notDeepEqual(await readFile(path), first);
  await clock.learn(said(900_000));
  machine.now = 0;
  assert.equal(clock.nowSeconds(), 1_003_700);
  await clock.restart(500_000);
  assert.equal(clock.nowSeconds(), 500_000);
});

test("FCLOCK: a file that is damaged is told, and no time is made up", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  await writeFile(path, "damaged");
  assert.throws(() => floorClock(machine, path).nowSeconds(), code("TERMINAL_STATE_DAMAGED"));
});

const daySeconds = 86_400;
const start = 1_800_000_000;

/** A terminal whose floor is `start`, and whose own clock says 1970: what it thinks is its floor alone. */
async function withoutClock(
  t: TestContext,
): Promise<{ readonly machine: FakeClock; readonly clock: FloorClock; readonly restarted: () => FloorClock }> {
  const { machine, path } = await clockAt(t, 0);
  machine.up = { boot: "one", seconds: 100 };
  const clock = floorClock(machine, path);
  await clock.restart(start);
  return { machine, clock, restarted: () => floorClock(machine, path) };
}

test("FCLOCK: a far time that was said once, or often within the hour, does not move the floor; an hour later it does", async (t) => {
  const { machine, clock, restarted } = await withoutClock(t);
  const far = start + 31 * daySeconds;
  for (const after of [0, 1, 1_800, 3_599]) {
    machine.up = { boot: "one", seconds: 100 + after };
    await restarted().learn(said(far + after));
    assert.equal(restarted().nowSeconds(), start, `after ${after} s`);
  }
  machine.up = { boot: "one", seconds: 100 + 3_600 };
  await restarted().learn(said(far + 3_600));
  assert.equal(restarted().nowSeconds(), far + 3_600);
  assert.equal(clock.uptime().seconds, 3_700);
});

test("FCLOCK: a far time counts as said twice only where nothing else was said in between, by one start of the machine", async (t) => {
  const far = start + 400 * daySeconds;
  const between: readonly (readonly [string, (clock: FloorClock, machine: FakeClock) => Promise<unknown>])[] = [
    ["the right time", async (clock) => await clock.learn(said(start + 7_200))],
    ["another far time", async (clock) => await clock.learn(said(far + 50 * daySeconds))],
    ["a restart of the machine", async (_clock, machine) => (machine.up = { boot: "two", seconds: 5_000 })],
    ["a clock that began anew under the same id", async (_clock, machine) => (machine.up = { boot: "one", seconds: 50 })],
  ];
  for (const [what, happens] of between) {
    const { machine, restarted } = await withoutClock(t);
    await restarted().learn(said(far));
    await happens(restarted(), machine);
    machine.up = { boot: machine.uptime().boot, seconds: machine.uptime().seconds === 50 ? 60 : 100 + 3_600 };
    const before = restarted().nowSeconds();
    await restarted().learn(said(far + 3_600));
    assert.equal(restarted().nowSeconds(), before, what);
  }
});

test("FCLOCK: many small steps do not go further than one: 30 days from where the floor was an hour ago", async (t) => {
  const { machine, restarted } = await withoutClock(t);
  for (let days = 10; days <= 100; days += 10) await restarted().learn(said(start + days * daySeconds));
  assert.equal(restarted().nowSeconds(), start + 30 * daySeconds);
  machine.up = { boot: "one", seconds: 100 + 3_600 };
  await restarted().learn(said(start + 55 * daySeconds));
  assert.equal(restarted().nowSeconds(), start + 55 * daySeconds);
});

test("FCLOCK: no time counts at which the link that proves it is over", async (t) => {
  const { machine, restarted } = await withoutClock(t);
  const ends = start + daySeconds;
  for (const seconds of [100, 100 + 3_600, 100 + 7_200]) {
    machine.up = { boot: "one", seconds };
    await restarted().learn({ nowSeconds: ends + 1 + seconds, endsAtSeconds: ends });
    assert.equal(restarted().nowSeconds(), start);
  }
  await restarted().learn({ nowSeconds: ends, endsAtSeconds: ends });
  assert.equal(restarted().nowSeconds(), ends);
});

test("FCLOCK: a rise that cannot be written down raises nothing: else many kills would go further than one step", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = new FloorClock(machine, { floor: path, rise: join(path, "..", "not here", "rise") });
  await assert.rejects(clock.learn(said(1_050_000)), code("FILE_WRITE_FAILED"));
  assert.equal(clock.floorSeconds(), 0);
  await assert.rejects(readFile(path), { code: "ENOENT" });
});

test("FCLOCK: the clock that judges a link for orders stands on its own floor, and learns nothing", async (t) => {
  const { machine, path } = await clockAt(t, 1_000_000);
  const clock = floorClock(machine, path);
  await clock.restart(9_000_000);
  const over = clock.over(900_000);
  assert.equal(over.nowSeconds(), 1_000_000);
  assert.equal(await over.learn(said(1_050_000)), 0);
  assert.deepEqual([over.floorSeconds(), clock.floorSeconds(), floorClock(machine, path).floorSeconds()], [900_000, 9_000_000, 9_000_000]);
  machine.now = 0;
  assert.deepEqual([over.nowSeconds(), over.isBehind], [900_000, true]);
});
