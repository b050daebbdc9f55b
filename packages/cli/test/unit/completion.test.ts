import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Option } from "commander";
import { candidates } from "../../src/completion.ts";
import { makeProgram } from "../../src/index.ts";

const program = makeProgram("sample").version("1.0");
program
  .command("up")
  .option("--once")
  .addOption(new Option("--party <name>").choices(["server", "terminal"]));
program.command("server").command("run").option("--port <port>");
program.command("secret", { hidden: true });

const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
  [[""], ["server", "up"]],
  [["u"], ["up"]],
  [["server", ""], ["run"]],
  [["server", "run", "--po"], ["--port"]],
  [["server", "run", "--port", ""], []],
  [["up", "--party", "t"], ["terminal"]],
  [["up", "--party", "server", "--o"], ["--once"]],
  [["--v"], ["--version"]],
  [["up", "--v"], []],
  [["nothing", "x"], []],
];

describe("completion", () => {
  for (const [words, expected] of cases) {
    test(words.join(" ") || "an empty line", () => assert.deepEqual(candidates(program, words), expected));
  }
});
