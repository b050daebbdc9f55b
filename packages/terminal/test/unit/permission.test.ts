import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { asOrdinaryUser } from "@sealane/testkit/ordinary-user";
import { FloorClock } from "../../src/clock-floor.ts";
import { loadState } from "../../src/disk.ts";
import { isFaultOfMessage } from "../../src/hear.ts";
import { loadEnrolment } from "../../src/identity.ts";
import { loadModule } from "../../src/module-record.ts";
import { describeSlot, proveSlot, slotFile } from "../../src/slot.ts";
import { ModuleFolder } from "../../src/state-folder.ts";
import { StateLock } from "../../src/state-lock.ts";
import { code } from "../double/codes.ts";
import { FakeClock } from "../double/fake-clock.ts";
import { temporaryFolder } from "../double/temporary-folder.ts";
import { TestTerminal } from "../double/test-terminal.ts";

const denied = code("SYSTEM_PERMISSION_DENIED");

test("what this user may not read is told as that, never as damage, absence or a change", async (t) => {
  const { terminal } = await TestTerminal.create(t);
  const trust = await loadEnrolment(terminal);
  const folder = await temporaryFolder(t);
  await chmod(folder, 0o755);
  const module = new ModuleFolder(join(folder, "app"));
  const slot = module.slot(1);
  await mkdir(slot.path, { recursive: true });
  const files = [slot.record, slot.release, slot.licence, module.record, join(folder, "clock")];
  for (const file of files) await writeFile(file, "x", { mode: 0o000 });
  await asOrdinaryUser(async () => {
    await assert.rejects(loadState(slot.record, slotFile), denied);
    await assert.rejects(loadModule(module), denied);
    await assert.rejects(describeSlot(slot, "app"), denied);
    await assert.rejects(proveSlot(slot, { terminal, trust, module: "app", sequence: 1 }), denied);
    assert.throws(
      () => new FloorClock(new FakeClock(1), { floor: join(folder, "clock"), rise: join(folder, "rise") }).nowSeconds(),
      denied,
    );
  });
  await chmod(slot.licence, 0o644);
  await writeFile(slot.licence, "x");
  assert.equal(await describeSlot(slot, "app"), null);
});

test("where this user may not write, a lock is refused as that, and no message is at fault", async (t) => {
  const { terminal } = await TestTerminal.create(t);
  const { folder } = terminal;
  {
    using _made = await StateLock.take(folder, "downloads");
  }
  await chmod(dirname(folder.path), 0o755);
  await chmod(folder.path, 0o555);
  try {
    await asOrdinaryUser(async () => {
      for (const area of ["downloads", "modules"] as const) {
        await assert.rejects(StateLock.take(folder, area), (error: unknown) => denied(error) && !isFaultOfMessage(error));
      }
    });
  } finally {
    await chmod(folder.path, 0o700);
  }
});
