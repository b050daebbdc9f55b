import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { removeTree } from "@sealane/testkit/remove-tree";
import { freePort, programPath, run, start } from "./command.ts";

let folder = "";
let url = "";
let server: ChildProcess;
const state = (): string[] => ["--state", join(folder, "state")];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-outputs-"));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  assert.equal((await run("sealane", ["init", "--url", url, ...state()])).exitCode, 0);
  server = start("sealane", ["server", "run", "--port", String(port), "--log-level", "debug", "--json", ...state()]);
  await once(server.stdout ?? assert.fail(), "data");
  for (const stream of [server.stdout, server.stderr]) stream?.destroy();
});
after(async () => {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  removeTree(folder);
});

/** Runs a command whose standard output has no reader, and whose standard error has none where that is told. */
async function unread(args: readonly string[], streams: readonly ("stdout" | "stderr")[]): Promise<readonly [number | null, string]> {
  const child = start("sealane", args);
  for (const name of streams) child[name]?.destroy();
  let errors = "";
  child.stderr?.on("data", (piece: Buffer) => (errors += piece.toString("utf8")));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return [exitCode, errors];
}

test("a command whose output nobody reads does its work, and a server whose log nobody reads serves", async () => {
  const file = join(folder, "file");
  await writeFile(file, "content");
  const publish = (version: string): string[] => ["publish", file, "--name", "app", "--version", version, "--json", ...state()];
  assert.deepEqual(await unread(publish("1"), ["stdout"]), [0, ""]);
  assert.deepEqual((await unread(publish("2"), ["stdout", "stderr"]))[0], 0);
  const listed = await run("sealane", ["release", "list", "--json", ...state()]);
  assert.equal(listed.exitCode, 0);
  const { releases = [] } = (listed.events[0] ?? {}) as { readonly releases?: readonly { readonly version: string }[] };
  assert.deepEqual(releases.map(({ version }) => version).sort(), ["1", "2"]);
  assert.deepEqual(await unread(["release", "list", ...state()], ["stdout"]), [0, ""]);
  assert.deepEqual(await unread(["--help"], ["stdout"]), [0, ""]);
  assert.equal((await unread(["publish", "--no-such-option"], ["stderr"]))[0], 2);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.equal(server.exitCode, null);
});

test("a command whose output has no room says so on standard error, after its work", { skip: !existsSync("/dev/full") }, async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [programPath("sealane"), "release", "list", "--json", ...state()], {
    stdio: ["ignore", full, "pipe"],
  });
  let errors = "";
  child.stderr?.on("data", (piece: Buffer) => (errors += piece.toString("utf8")));
  const [exitCode] = (await once(child, "close")) as [number | null];
  assert.equal(exitCode, 4);
  assert.match(errors, /^error CLI_OUTPUT_FAILED: [^\n]*ENOSPC[^\n]*\n[^\n]*\n$/);
});
