import { rollback } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal rollback MODULE`. */
export async function runRollback(module: string, command: Command): Promise<void> {
  const { terminal, output, quiesce } = openTerminal(command);
  try {
    const { software, replaced } = await rollback(terminal, { module });
    quiesce();
    const fields = { module: software.module, version: software.version, sequence: software.sequence, replaced };
    output.event("rolled-back", fields, `Back to ${software.module} ${software.version} (sequence ${software.sequence}).`);
  } finally {
    quiesce();
  }
}
