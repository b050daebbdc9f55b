import { discard } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal discard MODULE`. */
export async function runDiscard(module: string, command: Command): Promise<void> {
  const { terminal, output } = openTerminal(command);
  const downloads = await discard(terminal, { module });
  const versions = downloads.map(({ version, wasComplete }) => `${version} (${wasComplete ? "complete" : "begun"})`);
  const what = versions.length === 0 ? "the request for its licence" : versions.join(", ");
  output.event("discarded", { module, downloads }, `Gave up ${module}: ${what}. The next fetch begins anew.`);
}
