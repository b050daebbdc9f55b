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

/** The lines of one part of a help. */
function partOf(help: string, heading: string): readonly string[] {
  const [, rest = ""] = help.split(`\n${heading}:\n`);
  const [part = ""] = rest.split("\n\n");
  return part.split("\n").filter((line) => line.startsWith("  "));
}

/** Names of the commands below one, by its help. */
function commandsOf(help: string): readonly string[] {
  return partOf(help, "Commands").flatMap((line) => /^ {2}([a-z-]+)/.exec(line)?.[1] ?? []);
}

async function helpsOf(program: ProgramName, words: readonly string[] = []): Promise<ReadonlyMap<string, string>> {
  const { stdout, exitCode } = await run(program, [...words, "--help"]);
  assert.equal(exitCode, 0, words.join(" "));
  const below = commandsOf(stdout).filter((name) => name !== "help");
  if (below.length === 0) return new Map([[[program, ...words].join(" "), stdout]]);
  const found = new Map<string, string>();
  for (const name of below) for (const [line, help] of await helpsOf(program, [...words, name])) found.set(line, help);
  return found;
}

for (const program of ["sealane", "sealane-terminal"] as const) {
  test(`every command of ${program} has examples in its help, with options that it has and all that it requires`, async () => {
    const helps = await helpsOf(program);
    assert.ok(helps.size > 8);
    for (const [line, help] of helps) {
      const options = partOf(help, "Options").join("\n");
      const required = options
        .split(/\n(?= {2}-)/)
        .filter((each) => each.includes("(required)"))
        .map((each) => /--[a-z-]+/.exec(each)?.[0]);
      const examples = partOf(help, "Examples");
      assert.ok(examples.length > 0, `${line}: no example`);
      assert.match(help, /\nExit codes:\n/);
      for (const example of examples.map((each) => each.trim())) {
        assert.ok(`${example} `.startsWith(`${line} `), example);
        const [own = ""] = example.split(" -- ");
        const given = own.split(" ").filter((word) => /^--?[a-z]/.test(word));
        for (const option of given) assert.match(options, new RegExp(`(^|[ ,])${option}([ ,]|$)`, "m"), `${example}: ${option}`);
        assert.deepEqual(
          required.filter((option) => option === undefined || !given.includes(option)),
          [],
          `${example}: what is required`,
        );
      }
    }
  });
}

test("the folder of state may be named by a variable", async () => {
  const missing = { ...process.env, SEALANE_STATE: "/nonexistent/of-a-variable" };
  const listed = await run("sealane", ["terminal", "list", "--json"], "", missing);
  const details = listed.events.at(-1)?.["details"] as { readonly folder?: string } | undefined;
  assert.equal(details?.folder, "/nonexistent/of-a-variable/operator");
});
