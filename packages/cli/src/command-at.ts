import type { Command, Option } from "commander";

/** The command that words name, as deep as they name one, and the option whose value comes next. */
export function commandAt(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly valued: Option | undefined; readonly depth: number } {
  let command = program;
  let valued: Option | undefined;
  let depth = 0;
  for (const word of words) {
    if (valued !== undefined) {
      valued = undefined;
      continue;
    }
    const option = command.options.find(({ long, short }) => long === word || short === word);
    if (option !== undefined) {
      valued = option.required || option.optional ? option : undefined;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) continue;
    command = next;
    depth++;
  }
  return { command, valued, depth };
}
