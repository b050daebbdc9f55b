import { exec, terminalErrors } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

interface ExecOptions {
  readonly user?: string;
  readonly env: readonly string[];
}

/** `sealane-terminal exec MODULE -- ARGS`: ends as the program does, or with exit code 5 when its licence ends meanwhile. */
export async function runExec(module: string, args: readonly string[], command: Command): Promise<void> {
  const { user, env } = command.opts<ExecOptions>();
  const environment = Object.fromEntries(env.map(parseVariable));
  const { terminal, quiesce } = openTerminal(command);
  try {
    const running = await exec(terminal, { module, args, environment, ...(user === undefined ? {} : { user }) });
    quiesce();
    const { status } = await running.ended;
    process.exitCode = status;
  } finally {
    quiesce();
  }
}

/** NAME=VALUE, or NAME for the value that this process has. Error: TERMINAL_VARIABLE_WRONG when it has none. */
function parseVariable(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  const name = at === -1 ? text : text.slice(0, at);
  const value = at === -1 ? process.env[name] : text.slice(at + 1);
  if (value === undefined) throw terminalErrors.error("TERMINAL_VARIABLE_WRONG", { name: name.slice(0, 64) });
  return [name, value];
}
