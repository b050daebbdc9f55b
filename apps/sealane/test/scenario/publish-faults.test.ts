import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { sealBytes } from "@sealane/software";
import { tarOf } from "@sealane/testkit/archives";
import { removeTree } from "@sealane/testkit/remove-tree";
import { codeOf, freePort, run, start } from "./command.ts";

/** Preloaded into `publish`: exchanges the file that was judged before it is sealed, or the sealed one before it is described. */
const exchange = `
  import fs, { copyFileSync } from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const { mkdir, rename } = fs.promises;
  const { JUDGED, SEALED, OTHER } = process.env;
  fs.promises.mkdir = async (path, options) => {
    if (JUDGED !== undefined && path.endsWith("sealing")) copyFileSync(OTHER, JUDGED);
    return await mkdir(path, options);
  };
  fs.promises.rename = async (from, to) => {
    await rename(from, to);
    if (SEALED !== undefined && to.endsWith(SEALED)) copyFileSync(OTHER, to);
  };
  syncBuiltinESMExports();
`;

test("ANY PERMIT: what was exchanged between its check and its release is found, and nothing is sent", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-publish-"));
  const port = await freePort();
  const state = ["--state", join(folder, "state"), "--json"];
  assert.equal((await run("sealane", ["init", "--url", `http://127.0.0.1:${port}`, ...state])).exitCode, 0);
  const server = start("sealane", ["server", "run", "--port", String(port), ...state]);
  t.after(async () => {
    server.kill("SIGTERM");
    if (server.exitCode === null) await once(server, "exit");
    removeTree(folder);
  });
  server.stderr?.resume();
  await once(server.stdout ?? assert.fail(), "data");
  const at = async (name: string, content: Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const program = { name: "bin/run", mode: 0o755, content: "#!/bin/sh\n" };
  const archive = await tarOf([program]);
  const judged = await at("judged.tar", archive);
  const hook = await at("exchange.mjs", new TextEncoder().encode(exchange));
  const publish = async (faults: Readonly<Record<string, string>>): Promise<unknown> => {
    const env = { ...process.env, NODE_OPTIONS: `--import ${pathToFileURL(hook).href}`, ...faults };
    return codeOf(await run("sealane", ["publish", judged, "--name", "app", "--version", "1", "--entry", "bin/run", ...state], "", env));
  };
  const otherArchive = await at("other.tar", await tarOf([{ ...program, name: "bin/other" }]));
  assert.equal(await publish({ JUDGED: judged, OTHER: otherArchive }), "ARTEFACT_SOURCE_CHANGED");
  await at("judged.tar", archive);
  const otherArtefact = await at("other.sealed", sealBytes(archive).artefact);
  assert.equal(await publish({ SEALED: "software.sealed", OTHER: otherArtefact }), "ARTEFACT_ID_WRONG");
  assert.deepEqual(await readdir(join(folder, "state", "server", "artefacts")), []);
  assert.equal(await publish({}), undefined);
});
