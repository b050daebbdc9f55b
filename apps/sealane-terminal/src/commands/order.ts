import { outputOf, readSmallFile } from "@sealane/cli";
import { maxOrderBytes, obey, obeyWaiting } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal order [FILE]`: with a file it needs no server; without one it asks the server, and every order is an event of its own. */
export async function runOrder(file: string | undefined, command: Command): Promise<void> {
  const { terminal } = openTerminal(command);
  if (file === undefined) {
    const followed = (await obeyWaiting(terminal)).map(({ number }) => number);
    const words = followed.length === 0 ? "There was no order to follow." : `Followed ${followed.length} of the operator's orders.`;
    return outputOf(command).event("orders-asked", { followed }, words);
  }
  const { input } = command.opts<{ input?: boolean }>();
  const encoded = await readSmallFile(file, { maxBytes: maxOrderBytes, mayAsk: input !== false, what: "the order" });
  const { number, actions, wasDone } = await obey(terminal, encoded);
  const what = actions.map(({ kind }) => kind).join(", ");
  const words = wasDone
    ? `Order ${number} had been done before (${what}); nothing was changed.`
    : `Did what order ${number} says: ${what}.`;
  outputOf(command).event("order-done", { number, actions, wasDone }, words);
}
