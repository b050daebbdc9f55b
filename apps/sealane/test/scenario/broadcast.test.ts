import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { removeTree } from "@sealane/testkit/remove-tree";
import { exitCodes } from "@sealane/wire";
import { codeOf, type Ended, freePort, run, start } from "./command.ts";

let folder = "";
let server: ChildProcess;
let url = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-broadcast-"));
  url = `http://127.0.0.1:${await freePort()}`;
  assert.equal((await operator("init", "--url", url, "--allow", "open-broadcast", "group-broadcast")).exitCode, 0);
  server = start("sealane", ["server", "run", "--json", "--state", join(folder, "operator")]);
  server.stderr?.resume();
  await once(server.stdout ?? assert.fail(), "data");
  await writeFile(join(folder, "film"), "a film");
});
after(async () => {
  server.kill("SIGTERM");
  await once(server, "exit");
  removeTree(folder);
});

async function operator(...args: readonly string[]): Promise<Ended> {
  return await run("sealane", [...args, "--state", join(folder, "operator"), "--json"]);
}

async function listen(state: string, ...args: readonly string[]): Promise<Ended> {
  return await run("sealane-terminal", ["listen", "--once", "--wait", "1", ...args, "--state", join(folder, state), "--json"]);
}

function eventIn({ events }: Ended, name: string): Readonly<Record<string, unknown>> {
  return events.findLast(({ event }) => event === name) ?? assert.fail(`no event ${name}`);
}

const publish = ["--name", "film", "--class", "content", "--version"] as const;

test("EQ3 POLICY: what is published for a broadcast says so, and what is not is refused with exit code 9", async () => {
  await operator("publish", join(folder, "film"), ...publish, "1");
  const refused = await operator("broadcast", "start", "film");
  assert.deepEqual([refused.exitCode, codeOf(refused)], [9, "RELEASE_NOT_PUBLIC"]);
  assert.equal(eventIn(await operator("publish", join(folder, "film"), ...publish, "2", "--public"), "published")["grade"], "public");
  const { releases } = (await operator("release", "list")).events[0] as { releases: { grade: string }[] };
  assert.deepEqual(
    releases.map(({ grade }) => grade),
    ["public", "confidential"],
  );
});

test("EQ3 BCAST TRUST: a broadcast is started, heard by whoever has the CA certificate or its fingerprint, listed and stopped", async () => {
  const started = eventIn(await operator("broadcast", "start", "film", "--suite", "x25519", "--life", "3600"), "broadcast-started");
  const id = String(started["id"]);
  const listed = (await operator("broadcast", "list")).events[0] as { broadcasts: { id: string; module: string }[] };
  assert.deepEqual(
    listed.broadcasts.map((each) => [each.id, each.module]),
    [[id, "film"]],
  );
  const der = join(folder, "operator", "operator", "authority.der");
  const pem = join(folder, "authority.pem");
  const lines = (await readFile(der)).toString("base64").replaceAll(/.{64}/g, "$&\n");
  await writeFile(pem, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`);
  for (const [state, file] of [
    ["pem", pem],
    ["der", der],
  ] as const) {
    const heard = await listen(state, "--url", url, "--trust", file);
    assert.equal(heard.exitCode, 0, heard.stdout + heard.stderr);
    assert.match(String(eventIn(heard, "broadcast")["trust"]), /^Signed by sealane-server/);
    assert.equal(eventIn(heard, "fetched")["version"], "2");
  }
  const { fingerprint } = JSON.parse(await readFile(join(folder, "operator", "operator", "profile.json"), "utf8")) as {
    fingerprint: string;
  };
  assert.equal((await listen("fingerprint", "--url", url, "--fingerprint", fingerprint.toUpperCase())).exitCode, 0);
  assert.equal((await listen("suite", "--url", url, "--trust", der, "--suite", "x25519")).exitCode, 0);
  const onOther = await listen("other-suite", "--url", url, "--trust", der, "--suite", "hybrid");
  assert.deepEqual([onOther.exitCode, codeOf(onOther)], [8, "TERMINAL_NOTHING_WAITING"]);
  const onNone = await listen("no-suite", "--url", url, "--trust", der, "--suite", "rot13");
  assert.deepEqual([onNone.exitCode, codeOf(onNone)], [exitCodes.incompatible, "CRYPTO_SUITE_UNKNOWN"]);
  const other = await listen("other", "--url", url, "--fingerprint", "0".repeat(64));
  assert.deepEqual([other.exitCode, codeOf(other)], [3, "PKI_FINGERPRINT_WRONG"]);
  const noCertificate = await listen("none", "--url", url, "--trust", join(folder, "film"));
  assert.deepEqual([noCertificate.exitCode, codeOf(noCertificate)], [2, "CLI_USAGE_WRONG"]);
  const untold = await listen("none");
  assert.deepEqual([untold.exitCode, codeOf(untold)], [2, "TERMINAL_TRUST_NEEDED"]);
  assert.equal((await operator("broadcast", "stop", id)).exitCode, 0);
  const again = await operator("broadcast", "stop", id);
  assert.deepEqual([again.exitCode, codeOf(again)], [2, "BROADCAST_UNKNOWN"]);
  const late = await listen("late", "--url", url, "--trust", der);
  assert.deepEqual([late.exitCode, codeOf(late)], [8, "TERMINAL_NOTHING_WAITING"]);
});

test("EQ4: a group is made, changed, rotated and listed", async () => {
  assert.equal((await operator("group", "create", "fleet")).exitCode, 0);
  const unknown = await operator("group", "add", "fleet", "gate-1");
  assert.deepEqual([unknown.exitCode, codeOf(unknown)], [2, "TERMINAL_UNKNOWN"]);
  assert.equal(eventIn(await operator("group", "rotate", "fleet"), "group-rotated")["epoch"], 1);
  const taken = await operator("group", "create", "fleet");
  assert.deepEqual([taken.exitCode, codeOf(taken)], [2, "SERVER_GROUP_TAKEN"]);
  assert.equal((await operator("group", "remove", "fleet", "gate-1")).exitCode, 0);
  const { groups } = (await operator("group", "list")).events[0] as { groups: { name: string; epoch: number; members: string[] }[] };
  assert.deepEqual(
    groups.map(({ name, epoch, members }) => [name, epoch, members]),
    [["fleet", 1, []]],
  );
  const missing = await operator("broadcast", "start", "film", "--mechanism", "group-broadcast");
  assert.deepEqual([missing.exitCode, codeOf(missing)], [2, "API_REQUEST_WRONG"]);
});
