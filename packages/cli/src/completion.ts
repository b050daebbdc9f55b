import type { Command } from "commander";
import { commandAt } from "./command-at.ts";
import { cliErrors } from "./errors.ts";

/** Completion of command lines in shells: a small script for each, which asks the command itself what may come next. */

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** Adds `completion SHELL`, and the hidden command that its script asks. */
export function addCompletion(program: Command): void {
  const name = program.name();
  program
    .command("completion")
    .description("print a script that completes this command in a shell")
    .argument("<shell>", shells.join(", "))
    .action((text: string) => {
      const shell = shells.find((known) => known === text);
      if (shell === undefined) throw cliErrors.error("CLI_USAGE_WRONG", { option: "completion", value: text, expected: shells.join(", ") });
      process.stdout.write(scripts[shell](name));
    });
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .allowUnknownOption()
    .action((words: readonly string[]) => {
      for (const word of candidates(program, words))
        process.stdout.write(`${word}
`);
    });
}

/** What may stand in place of the last word, which may be begun; nothing where it is for the shell to say (a file, a value). */
export function candidates(program: Command, words: readonly string[]): readonly string[] {
  const last = words.at(-1) ?? "";
  const { command, valued } = commandAt(program, words.slice(0, -1));
  const offered = valued === undefined ? wordsOf(command, last) : (valued.argChoices ?? []);
  return offered.filter((word) => word.startsWith(last)).toSorted();
}

function wordsOf(command: Command, last: string): readonly string[] {
  if (!last.startsWith("-")) {
    const visible = command.createHelp().visibleCommands(command);
    return visible.map((each) => each.name()).filter((name) => command.parent === null || name !== "help");
  }
  const hasVersion = command.parent === null && command.version() !== undefined;
  const long = command.options.flatMap((option) => (option.hidden || option.long === undefined ? [] : [option.long]));
  return [...new Set([...long, "--help", ...(hasVersion ? ["--version"] : [])])];
}

const scripts: Readonly<Record<Shell, (name: string) => string>> = {
  bash: (name) => `_${functionName(name)}() {
  local IFS=$'\\n'
  COMPREPLY=($(${name} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _${functionName(name)} ${name}
`,
  zsh: (name) => `#compdef ${name}
_${functionName(name)}() {
  local -a found
  found=("\${(@f)$(${name} complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -a found; else _files; fi
}
compdef _${functionName(name)} ${name}
`,
  fish: (name) => `complete -c ${name} -a '(${name} complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};

function functionName(name: string): string {
  return name.replaceAll("-", "_");
}
