import { outputOf, readSmallFile } from "@sealane/cli";
import { maxOrderBytes, obey } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal order FILE`: needs no server. */
export async function runOrder(file: string, command: Command): Promise<void> {
  const { terminal } = openTerminal(command);
  const { input } = command.opts<{ input?: boolean }>();
  const encoded = await readSmallFile(file, { maxBytes: maxOrderBytes, mayAsk: input !== false });
  const { number, actions, wasDone } = await obey(terminal, encoded);
  const what = actions.map(({ kind }) => kind).join(", ");
  const words = wasDone
    ? `Order ${number} had been done before (${what}); nothing was changed.`
    : `Did what order ${number} says: ${what}.`;
  outputOf(command).event("order-done", { number, actions, wasDone }, words);
}
