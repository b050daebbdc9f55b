import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { removeTree } from "@sealane/testkit/remove-tree";
import { codeOf, freePort, run, start } from "./command.ts";

/** What whoever runs a server does, by its commands. */

async function newServer(t: TestContext): Promise<{ readonly folder: string; readonly state: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-administration-"));
  t.after(() => removeTree(folder));
  const state = ["--state", join(folder, "state"), "--json"];
  const port = await freePort();
  assert.equal((await run("sealane", ["init", "--url", `http://127.0.0.1:${port}`, ...state])).exitCode, 0);
  return { folder, state };
}

test("a server is backed up, restored and migrated by commands, and a wrong folder is refused", async (t) => {
  const { folder, state } = await newServer(t);
  const backup = join(folder, "backup");
  const made = await run("sealane", ["server", "backup", backup, "--artefacts", ...state]);
  assert.equal(made.exitCode, 0, made.stderr);
  assert.equal((await stat(backup)).mode & 0o077, 0);
  const other = ["--state", join(folder, "other"), "--json"];
  assert.equal((await run("sealane", ["server", "restore", backup, ...other])).exitCode, 0);
  const migrated = await run("sealane", ["server", "migrate", ...other]);
  assert.equal(migrated.exitCode, 0, migrated.stderr);
  const restored = await readdir(join(folder, "other", "server"));
  assert.deepEqual(restored.toSorted(), (await readdir(join(folder, "state", "server"))).toSorted());
  const twice = await run("sealane", ["server", "restore", backup, ...other]);
  assert.deepEqual([twice.exitCode, codeOf(twice)], [10, "SERVER_ALREADY_INITIALISED"]);
  const none = await run("sealane", ["server", "restore", folder, "--state", join(folder, "third"), "--json"]);
  assert.deepEqual([none.exitCode, codeOf(none)], [10, "SERVER_BACKUP_WRONG"]);
});

test("the path of a server's address is kept where the operator and the server have it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-path-"));
  t.after(() => removeTree(folder));
  const made = await run("sealane", ["init", "--url", "https://host.example/ota/", "--state", folder, "--json"]);
  assert.equal(made.exitCode, 0, made.stdout);
  for (const [kept, line] of [
    [join(folder, "operator", "profile.json"), /"url": "https:\/\/host\.example\/ota"/],
    [join(folder, "server", "server.yaml"), /public_url: ["']?https:\/\/host\.example\/ota["']?\n/],
  ] as const)
    assert.match(await readFile(kept, "utf8"), line);
});

test("a configuration is checked and its schema printed; a server does not start with a wrong one", async (t) => {
  const { folder, state } = await newServer(t);
  const config = join(folder, "state", "server", "server.yaml");
  assert.equal((await run("sealane", ["server", "config", config, "--json"])).exitCode, 0);
  const { events } = await run("sealane", ["server", "config", "--schema", "--json"]);
  assert.equal(events[0]?.["$schema"], "https://json-schema.org/draft/2020-12/schema");
  await appendFile(config, "lissten: {}\n");
  const wrong = await run("sealane", ["server", "run", ...state]);
  assert.deepEqual([wrong.exitCode, codeOf(wrong)], [10, "CONFIG_WRONG"]);
  assert.match(wrong.stdout + wrong.stderr, /"nearest":"listen"/);
});

test("SIGTERM ends a server in order with exit code 0, and a port from the environment counts less than an option", async (t) => {
  const { state } = await newServer(t);
  const [fromEnvironment, fromOption] = [await freePort(), await freePort()];
  process.env["SEALANE_LISTEN_PORT"] = String(fromEnvironment);
  try {
    for (const [options, port] of [
      [[], fromEnvironment],
      [["--port", String(fromOption)], fromOption],
    ] as const) {
      const server = start("sealane", ["server", "run", ...options, ...state]);
      server.stderr?.resume();
      const [line] = (await once(server.stdout ?? assert.fail(), "data")) as [Buffer];
      assert.equal((JSON.parse(line.toString()) as { readonly url: string }).url, `http://127.0.0.1:${port}`);
      server.kill("SIGTERM");
      assert.deepEqual(await once(server, "exit"), [0, null]);
    }
  } finally {
    delete process.env["SEALANE_LISTEN_PORT"];
  }
});

test("a support bundle has what helps and no secret", async (t) => {
  const { folder, state } = await newServer(t);
  const server = join(folder, "state", "server");
  const config = [
    "# hunter2-in-a-comment",
    "database:",
    "  url: postgres://someuser@db.example/sealane",
    "  password_file: /run/secrets/x",
    "",
  ];
  await writeFile(join(server, "server.yaml"), config.join("\n"));
  const bundle = join(folder, "bundle.tar.gz");
  const made = await run("sealane", ["doctor", "--bundle", bundle, ...state]);
  assert.equal(made.exitCode, 10, "the server does not run, which is a fault");
  assert.equal((await stat(bundle)).mode & 0o077, 0);
  const content = gunzipSync(await readFile(bundle)).toString("latin1");
  for (const name of ["findings.json", "versions.json", "files.json", "server.yaml"]) assert.ok(content.includes(`sealane-bundle/${name}`));
  assert.ok(content.includes("db.example") && content.includes("/run/secrets/x"));
  const secrets = [
    (await readFile(join(folder, "state", "operator", "operator.token"), "utf8")).trim(),
    (await readFile(join(server, "storage.key"))).toString("hex"),
    (await readFile(join(server, "storage.key"))).toString("base64"),
    (await readFile(join(server, "storage.key"))).toString("latin1"),
    "PRIVATE KEY",
    "hunter2",
    "someuser",
  ];
  for (const secret of secrets) assert.ok(!content.includes(secret), "a secret is in the bundle");
});

test("tokens for many terminals are made in one call: by count, by a file of names, with a life as people write it", async (t) => {
  const { folder, state } = await newServer(t);
  const server = start("sealane", ["server", "run", ...state]);
  t.after(async () => {
    server.kill("SIGTERM");
    await once(server, "exit");
  });
  assert.equal((await run("sealane", ["doctor", "--wait", "60", ...state])).exitCode, 0);
  const ask = async (...args: readonly string[]) => await run("sealane", ["terminal", "token", ...args, "--model", "gw", ...state]);
  const out = join(folder, "tokens");
  const counted = await ask("line", "--count", "3", "--life", "2d", "--out", out);
  assert.equal(counted.exitCode, 0, counted.stdout);
  assert.deepEqual((await readdir(out)).toSorted(), ["line-1.token", "line-2.token", "line-3.token"]);
  assert.equal((await stat(join(out, "line-2.token"))).mode & 0o077, 0);
  const hoursLeft = (Number(counted.events[0]?.["expiresAtSeconds"]) - Date.now() / 1000) / 3600;
  assert.ok(hoursLeft > 46 && hoursLeft <= 48.1, String(hoursLeft));
  const names = join(folder, "names.txt");
  await writeFile(names, "# first line\ngate-1\n\n gate-2 \r\n");
  const listed = await ask("--names-file", names);
  assert.deepEqual(
    listed.events.map(({ terminal }) => terminal),
    ["gate-1", "gate-2"],
  );
  const enrolled = await run(
    "sealane-terminal",
    ["enroll", "--json", "--state", join(folder, "gate-2")],
    String(listed.events[1]?.["token"]),
  );
  assert.equal(enrolled.exitCode, 0, enrolled.stdout);
  for (const wrong of [[], ["a", "a"], ["a", "b", "--count", "2"], ["a", "--life", "soon"], ["a", "--count", "0"], ["a", "b/c"]]) {
    const refused = await ask(...wrong);
    assert.deepEqual([refused.exitCode, codeOf(refused)], [2, "CLI_USAGE_WRONG"], wrong.join(" "));
  }
});

test("a wrong value is named by the variable that gave it", async (t) => {
  const { state } = await newServer(t);
  const asked = await run("sealane", ["server", "run", ...state], "", { ...process.env, SEALANE_LISTEN_PORT: "many" });
  const { details, exitCode } = asked.events.at(-1) as { details: { option: string }; exitCode: number };
  assert.deepEqual([exitCode, details.option], [2, "SEALANE_LISTEN_PORT"]);
});

test("standard input is refused as software, and a compressed archive is, unless it is published as a file", async (t) => {
  const { folder, state } = await newServer(t);
  const publish = async (file: string, ...more: readonly string[]) =>
    await run("sealane", ["publish", file, "--name", "app", "--version", "1", ...state, ...more]);
  assert.equal(codeOf(await publish("-")), "CLI_USAGE_WRONG");
  const archive = join(folder, "app.tgz");
  await writeFile(archive, Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3));
  const server = start("sealane", ["server", "run", ...state]);
  t.after(async () => {
    server.kill("SIGTERM");
    await once(server, "exit");
  });
  assert.equal((await run("sealane", ["doctor", "--wait", "60", ...state])).exitCode, 0);
  assert.equal(codeOf(await publish(archive)), "PUBLISH_ARCHIVE_WRONG");
  assert.equal((await publish(archive, "--format", "file")).exitCode, 0);
});
