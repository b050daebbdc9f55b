import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { allowedTriples } from "@sealane/link";
import { removeTree } from "@sealane/testkit/remove-tree";
import { codeOf, type Ended, freePort, run } from "./command.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-up-"));
});
after(async () => {
  removeTree(folder);
});

test("EQ1 EQ5 DIR UNI ANY: a file reaches two terminals, begun by either side, and the installed bytes are the file's", async () => {
  const file = join(folder, "Some File.bin");
  const content = Buffer.alloc(3_000_000, "sealane");
  await writeFile(file, content);
  const state = join(folder, "two");
  const ended = await run("sealane", ["up", file, "--once", "--json", "--terminals", "2", "--state", state]);
  assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  const summary = ended.events.at(-1);
  assert.equal(summary?.["event"], "summary");
  assert.equal(summary?.["ok"], true);
  const deliveries = deliveriesOf(ended);
  const sha256 = createHash("sha256").update(content).digest("hex");
  assert.deepEqual(
    deliveries.map(({ terminal, mechanism, suite, originator, bytes }) => [terminal, mechanism, suite, originator, bytes]),
    ["server", "terminal"].flatMap((originator) =>
      ["terminal-1", "terminal-2"].map((terminal) => [terminal, "signed-transport", "hybrid", originator, content.length]),
    ),
  );
  for (const delivery of deliveries) {
    assert.equal(delivery["sha256"], sha256);
    assert.equal(typeof delivery["seconds"], "number");
  }
  // The second delivery brought the same software, which took the place of the first.
  for (const { installed } of deliveries.slice(2)) assert.ok(content.equals(await readFile(String(installed))));
});

test("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR UNI: every mechanism delivers, begun by either side for which that makes sense", async () => {
  const file = join(folder, "all.txt");
  await writeFile(file, "all");
  const ended = await run("sealane", [
    "up",
    file,
    "--once",
    "--json",
    "--mechanism",
    "all",
    "--suite",
    "x25519",
    "--state",
    join(folder, "all"),
  ]);
  assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  const ways = deliveriesOf(ended).map(({ mechanism, suite, originator }) => `${mechanism} ${suite} ${originator}`);
  const onSuite = allowedTriples().filter(({ suite }) => suite.name === "x25519");
  const expected = onSuite.map(({ mechanism, suite, originator }) => `${mechanism.name} ${suite.name} ${originator}`);
  assert.deepEqual(ways, expected);
  assert.equal(ways.length, 18);
});

test("UNI: a state folder is taken up again, and the next delivery is a newer sequence", async () => {
  const file = join(folder, "again.txt");
  const state = join(folder, "again");
  const again = ["up", file, "--once", "--json", "--originator", "terminal", "--state", state];
  for (const [text, slot] of [
    ["one", /slots\/1\//],
    ["two", /slots\/2\//],
  ] as const) {
    await writeFile(file, text);
    const ended = await run("sealane", again);
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    const installed = String(deliveriesOf(ended)[0]?.["installed"]);
    assert.match(installed, slot);
    assert.equal(await readFile(installed, "utf8"), text);
  }
});

test("TRUST: a terminal that expects another CA refuses, with exit code 3 and nothing enrolled", async () => {
  const state = join(folder, "refused");
  const ended = await run("sealane", ["up", "--once", "--json", "--trust-fingerprint", "0".repeat(64), "--state", state]);
  assert.equal(ended.exitCode, 3);
  assert.equal(codeOf(ended), "PKI_FINGERPRINT_WRONG");
  await assert.rejects(readFile(join(state, "terminals", "terminal-1", "identity.cbor")), { code: "ENOENT" });
});

test("wrong options end with exit code 2 and touch nothing", async () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["--suite", "none"], "UP_OPTION_WRONG"],
    [["--mechanism", "none"], "UP_OPTION_WRONG"],
    [["--terminals", "0"], "CLI_USAGE_WRONG"],
    [["--terminals", "1e3"], "CLI_USAGE_WRONG"],
    [["--port", "70000"], "CLI_USAGE_WRONG"],
    [["--trust-fingerprint", "abc"], "CLI_USAGE_WRONG"],
    [["--file", "a", "b"], "CLI_USAGE_WRONG"],
    [["--file", join(folder, "missing")], "CLI_FILE_MISSING"],
    [["--originator", "nobody"], "CLI_USAGE_WRONG"],
    [["--unknown"], "CLI_USAGE_WRONG"],
  ];
  for (const [args, code] of cases) {
    const ended = await run("sealane", ["up", "--once", "--json", "--state", join(folder, "untouched"), ...args]);
    assert.deepEqual([ended.exitCode, codeOf(ended)], [2, code], args.join(" "));
  }
  await assert.rejects(readFile(join(folder, "untouched", "sealane-up.json")), { code: "ENOENT" });
});

test("the first thing that is done is to say what is done, before anything else is loaded or checked", async () => {
  const ended = await run("sealane", ["up", "--once", "--terminals", "0", "--state", join(folder, "untouched")]);
  assert.equal(ended.exitCode, 2);
  assert.ok(ended.stderr.indexOf("error CLI_USAGE_WRONG") > ended.stderr.indexOf("\n"), ended.stderr);
});

test("a state folder that holds something else is refused, and left as it was", async () => {
  const state = await mkdtemp(join(folder, "foreign-"));
  await writeFile(join(state, "letter.txt"), "mine");
  const ended = await run("sealane", ["up", "--once", "--json", "--state", state]);
  assert.deepEqual([ended.exitCode, codeOf(ended)], [2, "UP_OPTION_WRONG"]);
  assert.deepEqual(await readdir(state), ["letter.txt"]);
});

test("a first run that was cut during init is taken up; another port than the terminals know is refused", async () => {
  const file = join(folder, "cut.txt");
  await writeFile(file, "cut");
  const state = join(folder, "cut");
  await mkdir(join(state, "server", "keys"), { recursive: true });
  await writeFile(join(state, "sealane-up.json"), JSON.stringify({ port: await freePort() }));
  const args = ["up", file, "--once", "--json", "--originator", "terminal", "--state", state];
  const ended = await run("sealane", args);
  assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  const moved = await run("sealane", [...args, "--port", "1"]);
  assert.deepEqual([moved.exitCode, codeOf(moved)], [2, "UP_OPTION_WRONG"]);
});

function deliveriesOf({ events }: Ended): readonly Record<string, unknown>[] {
  const deliveries = events.at(-1)?.["deliveries"];
  return Array.isArray(deliveries) ? deliveries : assert.fail("no deliveries");
}
