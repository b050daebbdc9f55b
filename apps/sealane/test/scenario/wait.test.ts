import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { removeTree } from "@sealane/testkit/remove-tree";
import { codeOf, type Ended, freePort, type ProgramName, run, start } from "./command.ts";

let folder = "";
let server: ChildProcess;
const state = (): string[] => ["--state", join(folder, "state"), "--json"];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-wait-"));
  const port = await freePort();
  await succeed("sealane", ["init", "--name", "server.test", "--url", `http://127.0.0.1:${port}`, ...state()]);
  server = start("sealane", ["server", "run", "--port", String(port), ...state()]);
  server.stderr?.resume();
  await once(server.stdout ?? assert.fail(), "data");
});
after(async () => {
  await stopServer();
  removeTree(folder);
});

test("WAIT TRUST: key and licence first, the software on a stick when the server is gone", async () => {
  const terminal = ["--state", join(folder, "waiting")];
  const token = join(folder, "waiting.token");
  await succeed("sealane", ["terminal", "token", "waiting", "--model", "m", "--out", token, ...state()]);
  await succeed("sealane-terminal", ["enroll", "--token-file", token, ...terminal, "--json"]);
  const script = join(folder, "tide.sh");
  await writeFile(script, "#!/bin/sh\necho the tide\n", { mode: 0o755 });
  await succeed("sealane", ["publish", script, "--name", "tide", "--version", "1.0", "--format", "file", ...state()]);

  const both = await run("sealane-terminal", ["fetch", "tide", "--key-only", "--source", script, ...terminal, "--json"]);
  assert.equal(both.exitCode, 2);
  const key = await succeed("sealane-terminal", ["fetch", "tide", "--key-only", ...terminal, "--json"]);
  const told = key.events.findLast(({ event }) => event === "key-fetched");
  assert.deepEqual([told?.["there"], told?.["awaited"]], [["licence", "content key"], ["software"]]);
  const server = "operator's server server.test, proven by its certificate";
  assert.deepEqual([told?.["trust"], told?.["server"]], ["operator", server]);
  const link = key.events.find(({ event }) => event === "link");
  assert.deepEqual([link?.["trust"], link?.["server"]], ["operator", server]);

  const artefacts = join(folder, "state", "server", "artefacts");
  const sealed = (await readdir(artefacts, { recursive: true })).find((name) => name.includes(String(told?.["artefactId"])));
  const stick = join(folder, "stick.sealed");
  await copyFile(join(artefacts, sealed ?? assert.fail()), stick);
  const words = await run("sealane-terminal", ["fetch", "tide", "--key-only", ...terminal]);
  assert.equal(words.exitCode, 0, words.stderr);
  for (const part of ["Here: the licence and the content key of tide 1.0", "Awaited, by any way: the software", "--source FILE"]) {
    assert.ok(words.stderr.includes(part), words.stderr);
  }
  await stopServer();

  assert.ok((await run("sealane-terminal", ["status", ...terminal])).stdout.includes("licence and content key are here"));
  const [waiting] = downloadsOf(await succeed("sealane-terminal", ["status", ...terminal, "--json"]));
  assert.deepEqual([waiting?.["module"], waiting?.["awaits"]], ["tide", "software"]);

  const fetched = await succeed("sealane-terminal", ["fetch", "tide", "--source", stick, ...terminal, "--json"]);
  assert.equal(fetched.events.findLast(({ event }) => event === "fetched")?.["trust"], "operator");
  const installed = await succeed("sealane-terminal", ["install", "tide", ...terminal, "--json"]);
  const path = String(installed.events.findLast(({ event }) => event === "installed")?.["path"]);
  assert.equal(await readFile(path, "utf8"), "#!/bin/sh\necho the tide\n");
  const shown = await run("sealane-terminal", ["exec", "tide", ...terminal]);
  assert.deepEqual([shown.exitCode, shown.stdout, codeOf(shown)], [0, "the tide\n", undefined]);
});

async function succeed(program: ProgramName, args: readonly string[]): Promise<Ended> {
  const ended = await run(program, args);
  assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  return ended;
}

async function stopServer(): Promise<void> {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
}

function downloadsOf({ events }: Ended): readonly Readonly<Record<string, unknown>>[] {
  const downloads = events[0]?.["downloads"];
  return Array.isArray(downloads) ? downloads : assert.fail();
}
