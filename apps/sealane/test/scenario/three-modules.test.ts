import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { removeTree } from "@sealane/testkit/remove-tree";
import { codeOf, type Ended, freePort, type ProgramName, run, start } from "./command.ts";

/** The guide for terminals, where three modules are published. */

const guide = fileURLToPath(new URL("../../../../docs/guides/terminal.md", import.meta.url));
const modules = ["film", "pump", "valve"];
let folder = "";
let server: ChildProcess;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-three-"));
  const port = await freePort();
  await succeed("sealane", ["init", "--url", `http://127.0.0.1:${port}`]);
  server = start("sealane", ["server", "run", "--port", String(port), "--state", stateOf("sealane"), "--json"]);
  server.stderr?.resume();
  await once(server.stdout ?? assert.fail(), "data");
});
after(async () => {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  removeTree(folder);
});

function stateOf(program: ProgramName): string {
  return join(folder, program);
}

async function command(program: ProgramName, args: readonly string[]): Promise<Ended> {
  return await run(program, [...args, "--state", stateOf(program)]);
}

async function succeed(program: ProgramName, args: readonly string[]): Promise<Ended> {
  const ended = await command(program, args);
  assert.equal(ended.exitCode, 0, `${args.join(" ")}: ${ended.stdout}${ended.stderr}`);
  return ended;
}

async function publish(version: string): Promise<void> {
  for (const module of modules) {
    const path = join(folder, module);
    await writeFile(path, `#!/bin/sh\necho ${module} ${version}\n`, { mode: 0o755 });
    await succeed("sealane", ["publish", path, "--name", module, "--version", version]);
  }
}

function summaryOf({ events }: Ended): unknown {
  const { command: _, ...summary } = events.findLast(({ event }) => event === "summary") ?? assert.fail();
  return summary;
}

test("the commands of the terminal's guide bring three modules, each run by its name", async () => {
  await publish("1.0");
  const token = join(folder, "token");
  await succeed("sealane", ["terminal", "token", "gate", "--model", "m", "--out", token]);
  const block = /```sh\n(?<lines>[^`]*)```/.exec(await readFile(guide, "utf8"))?.groups?.["lines"] ?? assert.fail();
  for (const line of block.trim().split("\n")) {
    const [program, ...args] = line.replace("FILE", token).split(" ");
    assert.equal(program, "sealane-terminal");
    if (args.at(-1) !== "MODULE") {
      const { stderr } = await succeed("sealane-terminal", args);
      if (args[0] !== "enroll") assert.match(stderr, /^module +version +result\nfilm +1\.0 .*\npump +1\.0 .*\nvalve +1\.0 .*$/m);
      continue;
    }
    for (const module of modules)
      assert.equal((await succeed("sealane-terminal", [...args.slice(0, -1), module])).stdout, `${module} 1.0\n`);
  }
});

test("nothing new is no error: nothing is said with --quiet, the exit code is 8, or 0 with --exit-zero", async () => {
  for (const [args, expected] of [
    [["fetch"], "TERMINAL_NOTHING_NEW"],
    [["fetch", "pump"], "TERMINAL_NOTHING_NEW"],
    [["install"], "TERMINAL_NOTHING_FETCHED"],
    [["install", "pump"], "TERMINAL_NOTHING_FETCHED"],
    [["discard", "pump"], "TERMINAL_NOTHING_FETCHED"],
  ] as const) {
    const data = await command("sealane-terminal", [...args, "--json"]);
    assert.deepEqual([data.exitCode, codeOf(data), data.events.at(-1)?.["event"]], [8, expected, "nothing"], args.join(" "));
    const zero = await command("sealane-terminal", [...args, "--json", "--exit-zero"]);
    assert.deepEqual([zero.exitCode, zero.events.at(-1)?.["exitCode"]], [0, 0]);
    const quiet = await command("sealane-terminal", [...args, "--quiet"]);
    assert.deepEqual([quiet.exitCode, quiet.stdout, quiet.stderr], [8, "", ""]);
    assert.doesNotMatch((await command("sealane-terminal", args)).stderr, /error/i);
  }
  const unpublished = await command("sealane-terminal", ["fetch", "pumps", "--exit-zero", "--json"]);
  assert.deepEqual([unpublished.exitCode, codeOf(unpublished)], [2, "TERMINAL_MODULE_UNPUBLISHED"]);
});

test("a module that fails stops no other; the summary names it and the exit code is its", async () => {
  await publish("2.0");
  const fetched = await succeed("sealane-terminal", ["fetch", "--json"]);
  assert.deepEqual(summaryOf(fetched), {
    event: "summary",
    done: 3,
    failed: 0,
    modules: modules.map((module) => ({ module, version: "2.0", sequence: 2, result: "fetched", code: null })),
  });
  const status = await succeed("sealane-terminal", ["status", "--json"]);
  const { downloads } = status.events.at(-1) as { readonly downloads: readonly { readonly module: string; readonly artefactId: string }[] };
  const pump = downloads.find(({ module }) => module === "pump") ?? assert.fail(status.stdout);
  await writeFile(join(stateOf("sealane-terminal"), "downloads", pump.artefactId, "software"), "changed");
  const installed = await command("sealane-terminal", ["install", "--json"]);
  assert.deepEqual([installed.exitCode, codeOf(installed)], [4, "TERMINAL_STAGED_CHANGED"]);
  assert.deepEqual(summaryOf(installed), {
    event: "summary",
    done: 2,
    failed: 1,
    modules: modules.map((module) => {
      if (module === "pump") return { module, version: null, sequence: null, result: "failed", code: "TERMINAL_STAGED_CHANGED" };
      return { module, version: "2.0", sequence: 2, result: "installed", code: null };
    }),
  });
});
