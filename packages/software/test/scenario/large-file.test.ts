import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const program = fileURLToPath(import.meta.resolve("./seal-large.ts"));

/** Resident memory of a terminal or a publisher for software of any size (docs: requirement FAST). */
const maxResidentKib = 150 * 1024;

test("FAST, ANY: 256 MiB are sealed, verified, opened and hashed in less than 150 MiB of memory", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-large-"));
  try {
    await makeSparse(join(folder, "software"), 256 * 2 ** 20 + 1);
    const { stdout } = await promisify(execFile)(process.execPath, [program, folder]);
    assert.ok(Number(stdout) < maxResidentKib, `${stdout.trim()} KiB`);
    assert.deepEqual((await readdir(folder)).sort(), ["opened", "software", "software.sealane"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a publisher that is killed while sealing leaves the earlier artefact as it was", {
  skip: process.platform === "win32" && "Windows has no such files",
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-killed-"));
  try {
    await makeSparse(join(folder, "software"), 2 ** 33);
    await writeFile(join(folder, "software.sealane"), "earlier");
    const child = spawn(process.execPath, [program, folder], { stdio: "ignore" });
    while (!(await readdir(folder)).some((name) => name.endsWith(".tmp"))) {
      assert.equal(child.exitCode, null, "the publisher ended before it wrote anything");
      await new Promise(setImmediate);
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    const names = await readdir(folder);
    assert.ok(names.includes("software.sealane"));
    const handle = await open(join(folder, "software.sealane"));
    assert.equal((await handle.readFile("utf8")).slice(0, 10), "earlier");
    await handle.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function makeSparse(path: string, bytes: number): Promise<void> {
  const handle = await open(path, "w");
  await handle.truncate(bytes);
  await handle.close();
}
