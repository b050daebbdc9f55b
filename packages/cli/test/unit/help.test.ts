import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { exitCodes } from "@sealane/wire";
import { Option } from "commander";
import { addHelp, formatTable, givenBy, makeProgram, parseLife, runProgram } from "../../src/index.ts";

function program() {
  const made = makeProgram("tool");
  const group = made.command("group");
  group
    .command("add")
    .requiredOption("--name <name>", "the name")
    .addOption(new Option("--port <port>", "the port").env("TOOL_PORT"))
    .action(() => undefined);
  group.command("list").action(() => undefined);
  addHelp(made, { "group add": ["tool group add --name x"] });
  return made;
}

/** Runs a command line and gives what it wrote, and how it ended. */
async function ended(t: TestContext, args: readonly string[]) {
  const pieces: string[] = [];
  const original = process.stdout.write.bind(process.stdout);
  const write = t.mock.method(process.stdout, "write", (text: string | Uint8Array, written?: () => void) => {
    if (typeof text !== "string") return original(text); // the test runner's own
    pieces.push(text);
    written?.();
    return true;
  });
  const exitCode = await runProgram(program(), args);
  write.mock.restore();
  return { exitCode, text: pieces.join("") };
}

test("`help` with the words of a command is that command's --help, at any depth", async (t) => {
  for (const words of [[], ["group"], ["group", "add"], ["help"]]) {
    const asked = await ended(t, ["help", ...words]);
    const shown = await ended(t, [...words, "--help"]);
    assert.deepEqual([asked.exitCode, asked.text], [0, shown.text], words.join(" "));
    assert.ok(shown.text.startsWith(`Usage: ${["tool", ...words].join(" ")} `));
  }
});

test("help has what must be given, examples and every exit code", async (t) => {
  const { text } = await ended(t, ["group", "add", "--help"]);
  assert.match(text, /--name <name>\s+the name \(required\)/);
  assert.match(text, /\n {2}tool group add --name x\n/);
  const told = [...text.slice(text.indexOf("Exit codes:")).matchAll(/(\d+) [a-z]/g)].map(([, code]) => Number(code));
  assert.deepEqual(told, Object.values(exitCodes));
  const documented = await readFile(new URL("../../../../docs/exit-codes.md", import.meta.url), "utf8");
  assert.deepEqual(
    [...documented.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code)),
    told,
  );
  assert.deepEqual(
    text.split("\n").filter((line) => line.length > 80),
    [],
  );
});

test("an unknown command is answered with those that there are", async (t) => {
  for (const [words, expected] of [
    [["group", "ad", "--json"], "add, list"],
    [["grou", "--json"], "group, help"],
    [["help", "--json", "group", "ad"], "add, list"],
  ] as const) {
    const { exitCode, text } = await ended(t, words);
    const { code, details } = JSON.parse(text) as { code: string; details: { expected: string } };
    assert.deepEqual([exitCode, code, details.expected], [2, "CLI_USAGE_WRONG", expected], words.join(" "));
  }
});

test("a value is named by what gave it", async () => {
  const given = async (args: readonly string[], variable?: string) => {
    const made = makeProgram("tool");
    let name = "";
    made
      .command("run")
      .addOption(new Option("--port <port>").env("TOOL_PORT"))
      .action((_options, command) => {
        name = givenBy(command, "port");
      });
    if (variable !== undefined) process.env["TOOL_PORT"] = variable;
    await runProgram(made, ["run", ...args]);
    delete process.env["TOOL_PORT"];
    return name;
  };
  assert.equal(await given(["--port", "1"]), "--port");
  assert.equal(await given([], "1"), "TOOL_PORT");
  assert.equal(await given(["--port", "2"], "1"), "--port");
});

test("a life is read as people write it", () => {
  const read = (text: string) => parseLife({ option: "--life", text });
  assert.deepEqual(["90", "90s", "30m", "12h", "1d"].map(read), [90, 90, 1800, 43_200, 86_400]);
  for (const wrong of ["", "0", "0d", "d", "1w", "-1", "1.5h", "1 d", "12345678901"]) assert.throws(() => read(wrong), wrong);
});

test("a table keeps to 80 columns: what does not fit stands below its row, with its name", () => {
  const digest = "a".repeat(64);
  const table = formatTable(
    ["module", "version", "sha256", "note"],
    [
      ["app", "1", digest, "word ".repeat(30).trim()],
      ["b", "2", digest, ""],
    ],
  );
  const lines = table.split("\n");
  assert.deepEqual(lines.slice(0, 3), ["module  version", "app     1", `  sha256  ${digest}`]);
  assert.deepEqual(lines.slice(-2), ["b       2", `  sha256  ${digest}`]);
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
  const pair = formatTable(["what", ""], [["a long name of a value", digest]]);
  assert.equal(pair.split("\n").length, 2);
});
