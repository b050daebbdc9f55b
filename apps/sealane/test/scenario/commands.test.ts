import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { tarOf } from "@sealane/testkit/archives";
import { removeTree } from "@sealane/testkit/remove-tree";
import { encode } from "@sealane/wire";
import { codeOf, type Ended, freePort, run, start } from "./command.ts";

/** One server for all tests of this file; each test has a terminal of its own. */
let folder = "";
let server: ChildProcess;
const state = (): string[] => ["--state", join(folder, "state"), "--json"];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-commands-"));
  const port = await freePort();
  const made = ["--name", "server.test", "--url", `http://127.0.0.1:${port}`, "--allow", "anonymous-transport"];
  await succeed("sealane", ["init", ...made, ...state()]);
  server = start("sealane", ["server", "run", "--port", String(port), ...state()]);
  server.stderr?.resume();
  await once(server.stdout ?? assert.fail(), "data");
});
after(async () => {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  removeTree(folder);
});

test("PERMIT KREP: software runs through exec, ends with its own status, and rolls back to the version before", async () => {
  const terminal = await enrol("runner");
  for (const version of ["1.0", "2.0"]) {
    await publishScript("greet", version, `echo greet ${version} "$1"; exit 42`);
    await succeed("sealane-terminal", ["fetch", "greet", ...terminal]);
    await succeed("sealane-terminal", ["install", "greet", ...terminal]);
  }
  const ran = await run("sealane-terminal", ["exec", "greet", ...terminal.slice(0, 2), "--", "--flag"]);
  assert.deepEqual([ran.exitCode, ran.stdout], [42, "greet 2.0 --flag\n"]);
  await succeed("sealane-terminal", ["rollback", "greet", ...terminal]);
  assert.match((await run("sealane-terminal", ["exec", "greet", ...terminal.slice(0, 2)])).stdout, /^greet 1\.0/);
  const again = await run("sealane-terminal", ["fetch", "greet", ...terminal]);
  assert.deepEqual([again.exitCode, codeOf(again)], [8, "TERMINAL_NOTHING_NEW"]);
  const [shown] = (await succeed("sealane", ["terminal", "show", "runner", ...state()])).events;
  assert.equal(shown?.["status"], "active");
});

test("WHO: a publisher signs a release anew; terminals that have the version have it, and see who released it", async () => {
  const terminal = await enrol("renewed");
  const published = await publishScript("lasting", "1.0", "exit 7");
  const name = `lasting@1:${published.findLast(({ event }) => event === "published")?.["sha256"]}`;
  await succeed("sealane-terminal", ["fetch", "lasting", ...terminal]);
  await succeed("sealane-terminal", ["install", "lasting", ...terminal]);
  const [renewed] = (await succeed("sealane", ["release", "renew", name, "--floor", "1", ...state()])).events;
  assert.deepEqual([renewed?.["event"], renewed?.["sequence"], renewed?.["floorSequence"]], ["renewed", 1, 1]);
  const again = await run("sealane-terminal", ["fetch", "lasting", ...terminal]);
  assert.deepEqual([again.exitCode, codeOf(again)], [8, "TERMINAL_NOTHING_NEW"]);
  const [status] = (await succeed("sealane-terminal", ["status", ...terminal])).events;
  const modules = status?.["modules"] as readonly { readonly current: { readonly publisher: string } }[];
  assert.equal(modules[0]?.current.publisher, "publisher");
  const none = await run("sealane", ["release", "renew", name.replace("lasting", "no-such-module"), "--floor", "1", ...state()]);
  assert.deepEqual([none.exitCode, codeOf(none)], [2, "RELEASE_UNKNOWN"]);
  const above = await run("sealane", ["release", "renew", name, "--floor", "2", ...state()]);
  assert.deepEqual([above.exitCode, codeOf(above)], [2, "STATEMENT_CONTENT_WRONG"]);
});

test("NEWEST: an operator's order lets a lower version of a module be installed again, and is followed once", async () => {
  const terminal = await enrol("mended");
  const order = join(folder, "back.order");
  await publishScript("returning", "1.0", "exit 0");
  await succeed("sealane-terminal", ["fetch", "returning", ...terminal]);
  await succeed("sealane-terminal", ["install", "returning", ...terminal]);
  assert.equal(codeOf(await run("sealane-terminal", ["fetch", "returning", ...terminal])), "TERMINAL_NOTHING_NEW");
  const back = ["order", "reset-sequence", "returning", "--to", "0", "--out", order, ...state()];
  assert.equal(codeOf(await run("sealane", back)), "ORDER_RECIPIENT_MISSING");
  await succeed("sealane", [...back, "--terminal", "mended"]);
  for (const wasDone of [false, true])
    assert.equal((await succeed("sealane-terminal", ["order", order, ...terminal])).events.at(-1)?.["wasDone"], wasDone);
  await succeed("sealane-terminal", ["fetch", "returning", ...terminal]);
  await succeed("sealane", ["order", "reset-clock", "--terminal", "another", "--out", order, ...state()]);
  assert.equal(codeOf(await run("sealane-terminal", ["order", order, ...terminal])), "ORDER_RECIPIENT_WRONG");
  await succeed("sealane", ["order", "reset-clock", "--all", "--out", order, ...state()]);
  await succeed("sealane-terminal", ["order", order, ...terminal]);
  const [status] = (await succeed("sealane-terminal", ["status", ...terminal])).events;
  const last = status?.["order"] as { readonly stage: string; readonly actions: readonly { readonly kind: string }[] };
  assert.deepEqual([last.stage, last.actions.map(({ kind }) => kind)], ["done", ["reset-clock"]]);
});

test("NEWEST: an order goes to the server, at once or from a file, and is listed until it is over", async () => {
  const file = join(folder, "sent.order");
  const words = ["order", "reset-suite", "--suite"];
  assert.equal(codeOf(await run("sealane", [...words, "no-suite", "--all", ...state()])), "CRYPTO_SUITE_UNKNOWN");
  await succeed("sealane", [...words, "x25519", "--terminal", "nobody", "--out", file, ...state()]);
  await succeed("sealane", ["order", "send", file, ...state()]);
  await succeed("sealane", ["order", "reset-sequence", "app", "--to", "3", "--terminal", "nobody", ...state()]);
  await succeed("sealane", ["order", "send", file, ...state()]);
  const [list] = (await succeed("sealane", ["order", "list", ...state()])).events;
  const orders = list?.["orders"] as readonly { readonly recipients: unknown; readonly actions: readonly unknown[] }[];
  assert.deepEqual(
    orders.map(({ recipients, actions }) => [recipients, actions]),
    [
      [["nobody"], [{ kind: "reset-suite", suite: "x25519" }]],
      [["nobody"], [{ kind: "reset-sequence", module: "app", toSequence: 3 }]],
    ],
  );
  await writeFile(file, "no order");
  assert.equal(codeOf(await run("sealane", ["order", "send", file, ...state()])), "ORDER_MALFORMED");
});

test("FCLOCK: a terminal whose floor is years ahead is mended by an order over a link, and then fetches", async () => {
  const terminal = await enrol("ahead");
  const clockFile = join(terminal[1] ?? assert.fail(), "clock.cbor");
  const yearsAhead = encode([1, Math.floor(Date.now() / 1000) + 5 * 365 * 86_400]);
  await publishScript("timely", "1.0", "echo timely");
  await writeFile(clockFile, yearsAhead);
  assert.equal(codeOf(await run("sealane-terminal", ["fetch", "timely", ...terminal])), "PKI_CERTIFICATE_EXPIRED");
  assert.equal((await succeed("sealane-terminal", ["order", ...terminal])).events.at(-1)?.["event"], "orders-asked");
  assert.deepEqual(new Uint8Array(await readFile(clockFile)), yearsAhead);
  await succeed("sealane", ["order", "reset-clock", "--terminal", "ahead", ...state()]);
  const { events } = await succeed("sealane-terminal", ["fetch", "timely", ...terminal]);
  assert.equal(events.filter(({ event }) => event === "order-followed").length, 1);
  await succeed("sealane-terminal", ["install", "timely", ...terminal]);
  await writeFile(clockFile, yearsAhead);
  await succeed("sealane", ["order", "reset-clock", "--all", ...state()]);
  const asked = (await succeed("sealane-terminal", ["order", ...terminal])).events;
  assert.equal(asked.filter(({ event }) => event === "order-followed").length, 1);
  assert.notDeepEqual(new Uint8Array(await readFile(clockFile)), yearsAhead);
});

test("EQ1 NEWEST: a terminal that waits for its server is called when an order comes", async () => {
  const terminal = await enrol("called");
  await publishScript("lowered", "1.0", "echo lowered");
  await succeed("sealane-terminal", ["fetch", "lowered", ...terminal]);
  await succeed("sealane-terminal", ["install", "lowered", ...terminal]);
  const fetching = run("sealane-terminal", ["fetch", "lowered", "--originator", "server", "--wait", "300", ...terminal]);
  await untilWaiting(fetching);
  await succeed("sealane", ["order", "reset-sequence", "lowered", "--to", "0", "--terminal", "called", ...state()]);
  await succeed("sealane", ["release", "offer", "lowered", "--to", "called", ...state()]);
  const fetched = await fetching;
  assert.equal(fetched.exitCode, 0, fetched.stdout);
  assert.deepEqual(
    fetched.events.filter(({ event }) => event === "order-followed").map(({ actions }) => actions),
    [[{ kind: "reset-sequence", module: "lowered", toSequence: 0 }]],
  );
});

test("EQ1 DIR UNI: a terminal that waits fetches what an operator offers to it meanwhile", async () => {
  const terminal = await enrol("waiter");
  await publishScript("awaited", "1.0", "echo awaited");
  const fetching = run("sealane-terminal", ["fetch", "awaited", "--originator", "server", "--wait", "300", ...terminal]);
  await untilWaiting(fetching);
  await succeed("sealane", ["release", "offer", "awaited", "--to", "waiter", ...state()]);
  const { exitCode, events } = await fetching;
  assert.deepEqual([exitCode, events.findLast(({ event }) => event === "fetched")?.["originator"]], [0, "server"]);
});

test("PERMIT: changed software does not run", async () => {
  const terminal = await enrol("changed");
  await publishScript("brittle", "1", "echo brittle");
  await succeed("sealane-terminal", ["fetch", "brittle", ...terminal]);
  const installed = await succeed("sealane-terminal", ["install", "brittle", ...terminal]);
  const path = String(installed.events.findLast(({ event }) => event === "installed")?.["path"]);
  await chmod(path, 0o755);
  await writeFile(path, (await readFile(path, "utf8")).replace("brittle", "forged!"));
  const ran = await run("sealane-terminal", ["exec", "brittle", ...terminal]);
  assert.deepEqual([ran.exitCode, codeOf(ran)], [3, "TERMINAL_SOFTWARE_CHANGED"]);
  assert.ok(!ran.stdout.includes("forged!"));
});

test("LIC: inspect and verify tell a sealed artefact and a licence, and what is neither", async () => {
  const terminal = await enrol("inspector");
  await publishScript("seen", "1", "echo seen");
  await succeed("sealane-terminal", ["fetch", "seen", ...terminal]);
  const { events } = await succeed("sealane", ["release", "list", ...state()]);
  const releases = events[0]?.["releases"] as readonly Record<string, string>[];
  const id = releases.find(({ module }) => module === "seen")?.["artefactId"] ?? assert.fail();
  const sealed = join(folder, "state", "server", "artefacts", `${id}.sealed`);
  const [inspected] = (await succeed("sealane", ["inspect", sealed, "--json"])).events;
  assert.deepEqual([inspected?.["kind"], inspected?.["artefact"], inspected?.["verified"]], ["artefact", id, false]);
  const [verified] = (await succeed("sealane", ["verify", sealed, ...state()])).events;
  assert.equal(verified?.["verified"], true);
  const changed = join(folder, "changed.sealed");
  const bytes = await readFile(sealed);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(changed, bytes);
  const refused = await run("sealane", ["verify", changed, ...state()]);
  assert.deepEqual([refused.exitCode, codeOf(refused)], [3, "ARTEFACT_BODY_WRONG"]);
  const other = join(folder, "other.txt");
  await writeFile(other, "something else");
  const unknown = await run("sealane", ["verify", other, ...state()]);
  assert.deepEqual([unknown.exitCode, codeOf(unknown)], [2, "VERIFY_KIND_UNKNOWN"]);
});

test("a token is good for one terminal; a used, damaged or foreign one is refused", async () => {
  const token = await tokenFor("single");
  await succeed("sealane-terminal", ["enroll", "--token-file", token, "--state", join(folder, "single"), "--json"]);
  const used = await run("sealane-terminal", ["enroll", "--token-file", token, "--state", join(folder, "other"), "--json"]);
  assert.deepEqual([used.exitCode, codeOf(used)], [3, "ENROL_REFUSED"]);
  const word = (await readFile(token, "utf8")).trim();
  const damaged = await run("sealane-terminal", ["enroll", "--state", join(folder, "other"), "--json"], word.slice(0, -3));
  assert.deepEqual([damaged.exitCode, codeOf(damaged)], [2, "ENROL_TOKEN_MALFORMED"]);
  assert.ok(![used, damaged].some(({ stdout, stderr }) => (stdout + stderr).includes(word.slice(20, 60))));
});

test("a sequence that is taken, a wrong operator token and a missing server end with their codes", async () => {
  await publishScript("taken", "1", "echo");
  const script = join(folder, "taken.sh");
  const taken = await run("sealane", ["publish", script, "--name", "taken", "--version", "2", "--sequence", "1", ...state()]);
  assert.deepEqual([taken.exitCode, codeOf(taken)], [2, "PUBLISH_SEQUENCE_TAKEN"]);
  const url = (JSON.parse(await readFile(join(folder, "state", "operator", "profile.json"), "utf8")) as { url: string }).url;
  const elsewhere = ["--state", join(folder, "elsewhere"), "--json"];
  const wrong = await run("sealane", ["login", "--url", url, ...elsewhere], "A".repeat(43));
  assert.deepEqual([wrong.exitCode, codeOf(wrong)], [3, "API_TOKEN_WRONG"]);
  const nobody = await run("sealane", ["login", "--url", `http://127.0.0.1:${await freePort()}`, ...elsewhere], "A".repeat(43));
  assert.deepEqual([nobody.exitCode, codeOf(nobody)], [4, "API_SERVER_UNREACHABLE"]);
  const exposed = await run("sealane", ["login", "--url", "http://192.0.2.1", ...elsewhere], "A".repeat(43));
  assert.deepEqual([exposed.exitCode, codeOf(exposed)], [10, "PROFILE_URL_EXPOSED"]);
});

test("options that cannot be meant are the user's fault, before anything is made or sent", async () => {
  const path = join(folder, "text.tar");
  await writeFile(path, "no archive");
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "CLI_USAGE_WRONG"],
    [["init", "--url", "nonsense", "--state", join(folder, "none")], "CLI_USAGE_WRONG"],
    [["init", "--name", "Not A Name", "--state", join(folder, "none")], "CLI_USAGE_WRONG"],
    [["login", "--url", "ftp://127.0.0.1"], "CLI_USAGE_WRONG"],
    [["server", "run", "--public-url", "nonsense"], "CLI_USAGE_WRONG"],
    [["terminal", "token", "Not A Name", "--model", "m", ...state()], "CLI_USAGE_WRONG"],
    [["terminal", "token", "name", "--model", "m", "--life", "1e3", ...state()], "CLI_USAGE_WRONG"],
    [["publish", path, "--name", "text", "--version", "1", ...state()], "PUBLISH_ARCHIVE_WRONG"],
    [["publish", path, "--format", "file", "--entry", "run", "--name", "text", "--version", "1", ...state()], "CLI_USAGE_WRONG"],
  ];
  for (const [args, code] of cases) {
    const ended = await run("sealane", [...args, "--json"]);
    const got = args.length === 0 ? "CLI_USAGE_WRONG" : codeOf(ended);
    assert.deepEqual([ended.exitCode, got], [2, code], args.join(" "));
  }
  await assert.rejects(readFile(join(folder, "none", "operator", "profile.json")), { code: "ENOENT" });
});

test("ANY PERMIT: what no terminal could install is refused by publish with the terminal's own code, before anything is sent", async () => {
  const program = { name: "bin/run", mode: 0o755, content: "#!/bin/sh\necho ran\n" };
  const alias = { name: "bin/alias", type: "link", linkname: "bin/run" } as const;
  const artefacts = join(folder, "state", "server", "artefacts");
  const before = await readdir(artefacts);
  const cases = [
    [[program], "bin/none", "ARCHIVE_ENTRY_MISSING"],
    [[program], "bin", "ARCHIVE_ENTRY_MISSING"],
    [[program, { name: "out", type: "symlink", linkname: "../x" }], "bin/run", "ARCHIVE_UNSAFE"],
    [[program, { name: "lost", type: "symlink", linkname: "bin/none" }], "lost", "ARCHIVE_ENTRY_MISSING"],
    [[alias, program], "bin/run", "ARCHIVE_UNSAFE"],
    [[program, { name: "pipe", type: "fifo" }], "bin/run", "ARCHIVE_UNSAFE"],
  ] as const;
  for (const [i, [parts, entry, code]] of cases.entries()) {
    const path = join(folder, `refused-${i}.tar`);
    await writeFile(path, await tarOf(parts));
    const ended = await run("sealane", ["publish", path, "--name", "refused", "--version", "1", "--entry", entry, ...state()]);
    assert.equal(codeOf(ended), code, JSON.stringify(parts));
  }
  const path = join(folder, "linked.tar");
  await writeFile(path, await tarOf([program, alias]));
  for (const name of [".", ".."]) {
    const ended = await run("sealane", ["publish", path, "--name", name, "--version", "1", ...state()]);
    assert.notEqual(ended.exitCode, 0, name);
  }
  assert.deepEqual(await readdir(artefacts), before);
  await succeed("sealane", ["publish", path, "--name", "linked", "--version", "1", "--entry", "bin/alias", ...state()]);
  assert.equal((await readdir(artefacts)).length, before.length + 1);
});

test("an unknown mechanism of an offer is told by its own code; a machine that only logged in cannot publish", async () => {
  await publishScript("offered", "1", "echo");
  await enrol("offered");
  const wish = ["release", "offer", "offered", "--to", "offered", "--mechanism", "none", ...state()];
  assert.equal(codeOf(await run("sealane", wish)), "LINK_MECHANISM_UNKNOWN");
  const profile = JSON.parse(await readFile(join(folder, "state", "operator", "profile.json"), "utf8")) as { url: string };
  const elsewhere = ["--state", join(folder, "login"), "--json"];
  await succeed("sealane", [
    "login",
    "--url",
    profile.url,
    "--token-file",
    join(folder, "state", "operator", "operator.token"),
    ...elsewhere,
  ]);
  const published = await run("sealane", ["publish", join(folder, "offered.sh"), "--name", "offered", "--version", "2", ...elsewhere]);
  assert.deepEqual([published.exitCode, codeOf(published)], [10, "PUBLISH_KEY_MISSING"]);
});

test("POLICY ANON: a policy lets applications go to anonymous terminals and no system software, which is exit code 9", async () => {
  const terminal = await enrol("unnamed");
  await publishScript("app", "1", "echo app");
  await publishScript("system", "1", "echo system", ["--class", "system"]);
  const fetched = async (...args: readonly string[]): Promise<readonly unknown[]> => {
    const ended = await run("sealane-terminal", ["fetch", ...args, ...terminal]);
    return [ended.exitCode, codeOf(ended) ?? ended.events.findLast(({ event }) => event === "fetched")?.["mechanism"]];
  };
  assert.deepEqual(await fetched("--mechanism", "anonymous-transport"), [2, "TERMINAL_MODULE_NEEDED"]);
  assert.deepEqual(await fetched("app", "--mechanism", "anonymous-transport"), [0, "anonymous-transport"]);
  assert.deepEqual(await fetched("system", "--mechanism", "anonymous-transport"), [9, "POLICY_REFUSED"]);
  assert.deepEqual(await fetched("system", "--mechanism", "anonymous-agreement"), [3, "LINK_REFUSED"]); // allowed for nothing at all
  assert.deepEqual(await fetched("system", "--mechanism", "mutual-nonce"), [0, "mutual-nonce"]);
  const offered = await run("sealane", ["release", "offer", "system", "--to", "unnamed", "--mechanism", "anonymous-agreement", ...state()]);
  assert.deepEqual([offered.exitCode, codeOf(offered)], [9, "POLICY_REFUSED"]);
});

async function succeed(program: "sealane" | "sealane-terminal", args: readonly string[]): Promise<Ended> {
  const ended = await run(program, args);
  assert.equal(ended.exitCode, 0, `${program} ${args.join(" ")}: ${ended.stdout}${ended.stderr}`);
  return ended;
}

async function tokenFor(name: string): Promise<string> {
  const token = join(folder, `${name}.token`);
  await succeed("sealane", ["terminal", "token", name, "--model", "test", "--out", token, ...state()]);
  return token;
}

/** Enrols a terminal and gives the options that name it. */
async function enrol(name: string): Promise<string[]> {
  const options = ["--state", join(folder, name), "--json"];
  await succeed("sealane-terminal", ["enroll", "--token-file", await tokenFor(name), ...options]);
  return options;
}

async function publishScript(module: string, version: string, body: string, options: readonly string[] = []): Promise<Ended["events"]> {
  const path = join(folder, `${module}.sh`);
  await writeFile(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return (await succeed("sealane", ["publish", path, "--name", module, "--version", version, ...options, ...state()])).events;
}

/** Comes back when the command waits for the server. */
async function untilWaiting(fetching: Promise<Ended>): Promise<void> {
  const { url } = JSON.parse(await readFile(join(folder, "state", "operator", "profile.json"), "utf8")) as { url: string };
  while (!(await (await fetch(`${url}/metrics`)).text()).includes("\nsealane_inbox_waiting 1\n")) {
    assert.equal(await Promise.race([fetching, "waits"]), "waits");
    await new Promise((resolve) => setTimeout(resolve, 100)); // below the server's rate limit
  }
}

test("fetch says how its link was made with -v only; a rollback names the version that it leaves", async () => {
  const terminal = await enrol("talkative");
  const words = terminal.filter((word) => word !== "--json");
  await publishScript("told", "1.0", "exit 0");
  const quiet = await run("sealane-terminal", ["fetch", "told", ...words]);
  await succeed("sealane-terminal", ["install", "told", ...terminal]);
  await publishScript("told", "2.0", "exit 3");
  const verbose = await run("sealane-terminal", ["fetch", "told", "-v", ...words]);
  assert.deepEqual(
    [quiet, verbose].map(({ exitCode, stderr }) => [exitCode, stderr.includes("signed-transport")]),
    [
      [0, false],
      [0, true],
    ],
  );
  await succeed("sealane-terminal", ["install", "told", ...terminal]);
  const [back] = (await succeed("sealane-terminal", ["rollback", "told", ...terminal])).events.filter(
    ({ event }) => event === "rolled-back",
  );
  assert.deepEqual([back?.["version"], back?.["replaced"], back?.["replacedVersion"]], ["1.0", 2, "2.0"]);
});
