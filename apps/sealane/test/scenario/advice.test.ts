import assert from "node:assert/strict";
import { test } from "node:test";
import { allErrors } from "../../../../scripts/error-tables.ts";
import { type ProgramName, run } from "./command.ts";

/** The commands that advice names in backticks: their words up to the first operand, and their options. */
function commandsIn(
  advice: string,
): readonly { readonly program: ProgramName; readonly words: readonly string[]; readonly options: readonly string[] }[] {
  return [...advice.matchAll(/`(sealane(?:-terminal)?)((?: [^`]+)?)`/g)].map(([, program, rest = ""]) => {
    const all = rest.split(" ").filter((word) => word !== "");
    const end = all.findIndex((word) => !/^[a-z-]+$/.test(word) || word.startsWith("-"));
    return {
      program: program === "sealane" ? "sealane" : "sealane-terminal",
      words: end === -1 ? all : all.slice(0, end),
      options: all.filter((word) => word.startsWith("--") && word !== "--"),
    };
  });
}

test("every command that an error's advice names exists, with the options that it names", async () => {
  const named = new Map([...allErrors().values()].flatMap(({ advice }) => commandsIn(advice)).map((each) => [JSON.stringify(each), each]));
  assert.ok(named.size > 10);
  for (const { program, words, options } of named.values()) {
    const shown = await run(program, [...words, "--help"]);
    const line = [program, ...words].join(" ");
    assert.equal(shown.exitCode, 0, line);
    assert.ok(shown.stdout.startsWith(`Usage: ${line} `), `${line}: ${shown.stdout.slice(0, 80)}`);
    for (const option of options) assert.match(shown.stdout, new RegExp(`(^|[ ,])${option}[ ,\\n]`, "m"), `${line} ${option}`);
  }
});
