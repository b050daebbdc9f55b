import { rollback } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal rollback MODULE`. */
export async function runRollback(module: string, command: Command): Promise<void> {
  const { terminal, output, quiesce } = openTerminal(command);
  try {
    const { software, replaced, replacedVersion } = await rollback(terminal, { module });
    quiesce();
    const { module: name, version, sequence } = software;
    const left = replacedVersion ?? (replaced === null ? "what cannot be read" : `sequence ${replaced}`);
    const words = `${name} is back at ${version} (sequence ${sequence}) from ${left}; another rollback returns to that.`;
    output.event("rolled-back", { module: name, version, sequence, replaced, replacedVersion }, words);
  } finally {
    quiesce();
  }
}
