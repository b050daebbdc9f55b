import { exec } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal exec MODULE -- ARGS`: ends as the program does, or with exit code 5 when its licence ends meanwhile. */
export async function runExec(module: string, args: readonly string[], command: Command): Promise<void> {
  const { terminal, quiesce } = openTerminal(command);
  try {
    const running = await exec(terminal, { module, args });
    quiesce();
    const { status } = await running.ended;
    process.exitCode = status;
  } finally {
    quiesce();
  }
}
