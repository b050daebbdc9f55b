import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FileLock } from "@sealane/software";
import { removeTree } from "@sealane/testkit/remove-tree";
import { codeOf, type Ended, freePort, run, start } from "./command.ts";

/** Publications from one operator's folder: at once, tried again, and of a version that is there. */

let folder = "";
let server: ChildProcess;
const state = (): string[] => ["--state", join(folder, "state"), "--json"];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-publish-"));
  const port = await freePort();
  assert.equal((await run("sealane", ["init", "--url", `http://127.0.0.1:${port}`, ...state()])).exitCode, 0);
  server = start("sealane", ["server", "run", "--port", String(port), ...state()]);
  server.stderr?.resume();
  await once(server.stdout ?? assert.fail(), "data");
});
after(async () => {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  removeTree(folder);
});

async function publish(content: string, module: string, version: string, ...options: readonly string[]): Promise<Ended> {
  const path = join(folder, `${module}-${content}`);
  await writeFile(path, content);
  return await run("sealane", ["publish", path, "--name", module, "--version", version, ...options, ...state()]);
}

function publishedBy({ exitCode, events, stdout }: Ended): Readonly<Record<string, unknown>> {
  assert.equal(exitCode, 0, stdout);
  return events.findLast(({ event }) => event === "published") ?? assert.fail(stdout);
}

async function sequencesOf(module: string): Promise<readonly unknown[]> {
  const { events, stdout } = await run("sealane", ["release", "list", ...state()]);
  const { releases } = JSON.parse(stdout) as { readonly releases: readonly Readonly<Record<string, unknown>>[] };
  assert.ok(events.length > 0);
  return releases.filter((each) => each["module"] === module).map(({ sequence }) => sequence);
}

test("publications at once from one folder all succeed, also of one module", async () => {
  const versions = ["1", "2", "3"];
  const ended = await Promise.all([
    ...versions.map((version) => publish(`content ${version}`, "together", version)),
    publish("another", "apart", "1"),
  ]);
  const made = ended.map(publishedBy);
  assert.deepEqual(made.map(({ sequence }) => sequence).toSorted(), [1, 1, 2, 3]);
  assert.deepEqual(await sequencesOf("together"), [3, 2, 1]);
  const same = (await Promise.all(versions.map(() => publish("one", "twins", "1")))).map(publishedBy);
  assert.equal(new Set(same.map(({ artefactId }) => artefactId)).size, 1);
  assert.deepEqual(same.map((each) => each["before"]).toSorted(), [false, true, true]);
  assert.deepEqual(await sequencesOf("twins"), [1]);
});

test("what is published is recognised when the same job is tried again, and changes nothing", async () => {
  const options = ["--model", "b", "a", "--floor", "0"];
  const first = publishedBy(await publish("same", "retried", "1.0", ...options));
  for (const more of [[], ["--sequence", "1"]]) {
    const again = publishedBy(await publish("same", "retried", "1.0", ...options, ...more));
    const { before: _, fileBytes: __, overheadPercent: ___, ...made } = first;
    assert.deepEqual({ ...again, before: true }, { ...made, before: true });
  }
  assert.deepEqual(await sequencesOf("retried"), [1]);
});

test("another file, or other options, under a version that is published are refused; --again publishes the same under a new sequence", async () => {
  publishedBy(await publish("first", "fixed", "1.0", "--model", "a"));
  for (const [content, options, differs] of [
    ["second", ["--model", "a"], "sha256"],
    ["second", [], "sha256"],
    ["second", ["--again"], "sha256"],
    ["first", ["--model", "a", "b"], "models"],
    ["first", ["--model", "a", "--class", "system"], "softwareClass"],
    ["first", ["--model", "a", "--public"], "grade"],
    ["first", ["--model", "a", "--segment-bytes", "65536"], "segmentBytes"],
    ["first", ["--model", "a", "--sequence", "7"], "sequence"],
  ] as const) {
    const refused = await publish(content, "fixed", "1.0", ...options);
    assert.deepEqual([refused.exitCode, codeOf(refused)], [2, "PUBLISH_VERSION_TAKEN"], String(options));
    const { details } = refused.events.at(-1) as { readonly details: Readonly<Record<string, unknown>> };
    assert.equal(details["differs"], differs);
  }
  assert.deepEqual(await sequencesOf("fixed"), [1]);
  assert.equal(publishedBy(await publish("second", "fixed", "1.0", "--model", "c"))["sequence"], 2, "another model has its own 1.0");
  const again = publishedBy(await publish("first", "fixed", "1.0", "--model", "a", "--again"));
  assert.deepEqual([again["sequence"], again["before"]], [3, false]);
});

test("what a killed publication has left is removed by the next one, and nothing of one that is alive", async () => {
  const sealing = join(folder, "state", "operator", "sealing");
  for (const name of ["run-dead", "run-alive", "run-unlocked"]) {
    await mkdir(join(sealing, name), { recursive: true });
    await writeFile(join(sealing, name, "software.sealed"), "x");
  }
  await writeFile(join(sealing, "software.sealed"), "of an earlier version");
  FileLock.take(join(sealing, "run-dead.lock"))?.[Symbol.dispose]();
  using _alive = FileLock.take(join(sealing, "run-alive.lock"));
  publishedBy(await publish("x", "tidy", "1"));
  assert.deepEqual((await readdir(sealing)).toSorted(), ["lock", "run-alive", "run-alive.lock"]);
});
