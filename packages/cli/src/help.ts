import { exitCodes } from "@sealane/wire";
import type { Command } from "commander";
import { commandAt } from "./command-at.ts";
import { cliErrors } from "./errors.ts";

/** What each exit code means, in a few words; docs/exit-codes.md says more. */
const words: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: "done",
  internal: "a defect of Sealane",
  usage: "wrong use",
  notTrusted: "not trusted",
  retryLater: "not now, retry later",
  expired: "expired or revoked",
  incompatible: "incompatible",
  needsActivation: "needs activation",
  nothingToDo: "nothing to do",
  refused: "refused by policy",
  configuration: "configuration",
};

/** The lines about exit codes that end every help, within 80 columns. */
export const exitCodeText: string = linesOf(
  Object.entries(exitCodes).map(([name, code]) => `${code} ${words[name as keyof typeof exitCodes]}`),
);

/** Examples of commands, by the words of the command: `terminal token`. */
export type Examples = Readonly<Record<string, readonly string[]>>;

/**
 * Adds examples to the help of the commands that they are of, and `help [command...]`, which prints the help of a command at any depth.
 * Error of `help`: CLI_USAGE_WRONG, with the commands that there are.
 */
export function addHelp(program: Command, examples: Examples): void {
  for (const [name, lines] of Object.entries(examples)) {
    const { command } = commandAt(program, name.split(" "));
    command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`);
  }
  program
    .command("help")
    .description("show the help of a command")
    .argument("[command...]", "the words of the command")
    .action((given: readonly string[]) => {
      const { command, depth } = commandAt(program, given);
      const unknown = given[depth];
      if (unknown === undefined) return command.outputHelp();
      throw cliErrors.error("CLI_USAGE_WRONG", { reason: `unknown command '${unknown}'`, expected: subcommandsOf(command) });
    });
}

/** The names of the commands below one that are shown, for people. */
export function subcommandsOf(command: Command): string {
  const names = command.createHelp().visibleCommands(command);
  const own = names.map((each) => each.name()).filter((name) => command.parent === null || name !== "help");
  return own.length === 0 ? "no further command" : own.join(", ");
}

function linesOf(parts: readonly string[]): string {
  const lines = [""];
  for (const [index, part] of parts.entries()) {
    const text = index === parts.length - 1 ? part : `${part}, `;
    const last = lines.length - 1;
    if ((lines[last] + text).trimEnd().length > 78) lines.push(text);
    else lines[last] += text;
  }
  return `Exit codes:\n${lines.map((line) => `  ${line.trimEnd()}`).join("\n")}`;
}
