import { type ExitCode, exitCodes, permissionDenied, SealaneError } from "@sealane/wire";
import { Command, CommanderError, Help, type Option } from "commander";
import { commandAt } from "./command-at.ts";
import { cliErrors } from "./errors.ts";
import { exitCodeText, subcommandsOf } from "./help.ts";
import { Output } from "./output.ts";
import { safeText } from "./safe-text.ts";
import { outliveReaders, settleOutput } from "./standard-streams.ts";

/** Help that marks the options that must be given. */
class MarkingHelp extends Help {
  override optionDescription(option: Option): string {
    return `${super.optionDescription(option)}${option.mandatory ? " (required)" : ""}`;
  }
}

/** A command whose subcommands, at every depth, have the options that all of ours have. */
class CommonCommand extends Command {
  override createHelp(): Help {
    return Object.assign(new MarkingHelp(), this.configureHelp());
  }

  override createCommand(name: string): Command {
    return new CommonCommand(name)
      .option("--json", "print one JSON object or event a line")
      .option("--quiet", "print results and errors only")
      .option("--no-input", "never ask; fail instead");
  }
}

/** Begins a program; its options and those of its subcommands do not mix. */
export function makeProgram(name: string): Command {
  return new CommonCommand(name)
    .enablePositionalOptions()
    .helpCommand(false)
    .showHelpAfterError(false)
    .addHelpText("afterAll", `\n${exitCodeText}`)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
}

/** The output that the common options of a command ask for. */
export function outputOf(command: Command): Output {
  const { json, quiet } = command.opts<{ json?: boolean; quiet?: boolean }>();
  return new Output({ json: json === true, quiet: quiet === true });
}

/**
 * Runs a command line to its end and gives the exit code; every failure is printed once, with its code and what to do.
 * A command may set `process.exitCode` itself (a program it ran, or "nothing to do"). Standard output that is closed or full stops no
 * command; where it is full, a command that did its work ends with CLI_OUTPUT_FAILED.
 */
export async function runProgram(program: Command, args: readonly string[]): Promise<number> {
  outliveReaders();
  try {
    await parse(program, args);
    await settleOutput();
    return typeof process.exitCode === "number" ? process.exitCode : exitCodes.done;
  } catch (error) {
    const output = outputAsked(args);
    if (error instanceof CommanderError) return endOfCommander(output, { error, program, args });
    const known = asSealaneError(error);
    (known.code === "CLI_OUTPUT_FAILED" ? onStandardError : output).error(known);
    if (process.env["SEALANE_DEBUG"] !== undefined)
      process.stderr.write(`${safeText(String(error instanceof Error ? error.stack : error))}\n`);
    return known.entry.exit;
  }
}

/** Runs the command that the words name; `--help` and `--version` are done when they have written. */
async function parse(program: Command, args: readonly string[]): Promise<void> {
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error;
  }
}

/** Any thrown thing as an error with a code: full disks and missing files are told apart from defects. */
export function asSealaneError(error: unknown): SealaneError {
  if (error instanceof SealaneError) return error;
  const failure = systemErrorOf(error);
  const code = failure?.code ?? null;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") return cliErrors.error("CLI_DISK_FULL", {}, error);
  if (code === "ENOENT") return cliErrors.error("CLI_FILE_MISSING", pathOf(failure), error);
  const denied = permissionDenied(failure, failure?.path ?? "");
  if (denied !== null) return denied;
  if (code === "EISDIR") return cliErrors.error("CLI_FILE_UNREADABLE", pathOf(failure), error);
  return cliErrors.error("CLI_INTERNAL", { failure: error instanceof Error ? error.message : String(error) }, error);
}

const onStandardError = new Output({ json: false, quiet: true });

/** The output that a command line asks for, also when it could not be parsed. */
function outputAsked(args: readonly string[]): Output {
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  return new Output({ json: own.includes("--json"), quiet: own.includes("--quiet") });
}

function endOfCommander(
  output: Output,
  ended: { readonly error: CommanderError; readonly program: Command; readonly args: readonly string[] },
): ExitCode {
  const { error, program, args } = ended;
  const reason = error.message.replace(/^error: /, "");
  const told =
    error.code === "commander.unknownCommand" ? { reason, expected: subcommandsOf(commandAt(program, args).command) } : { reason };
  output.error(cliErrors.error("CLI_USAGE_WRONG", reason === "(outputHelp)" ? { reason: "a command is missing" } : told));
  return exitCodes.usage;
}

/** What the system said, however deep it lies. */
function systemErrorOf(error: unknown): (NodeJS.ErrnoException & { readonly code: string }) | null {
  if (!(error instanceof Error)) return null;
  if ("code" in error && typeof error.code === "string") return error as NodeJS.ErrnoException & { readonly code: string };
  return error.cause === undefined ? null : systemErrorOf(error.cause);
}

function pathOf(failure: NodeJS.ErrnoException | null): { readonly path: string } | Record<string, never> {
  return failure?.path === undefined ? {} : { path: failure.path };
}
