import { readFile } from "node:fs/promises";
import { outputOf, parseWholeNumber, stateFolder } from "@sealane/cli";
import { type OrderAction, signOrder, writeFileAtomic } from "@sealane/software";
import { parseName } from "@sealane/wire";
import type { Command } from "commander";
import { commandErrors } from "../errors.ts";
import { operatorFolder, operatorKeyId } from "../profile.ts";
import { signerOf } from "../signer.ts";
import { anyNumber } from "./publish.ts";

interface OrderOptions {
  readonly terminal?: readonly string[];
  readonly all?: boolean;
  readonly to?: string;
  readonly days: string;
  readonly out: string;
  readonly state?: string;
  readonly input?: boolean;
}

/** `sealane order reset-clock --out FILE`: lets terminals begin anew with the time of now. Errors: those of {@link writeOrder}. */
export async function runResetClock(command: Command): Promise<void> {
  await writeOrder(command, (nowSeconds) => ({ kind: "reset-clock", toSeconds: nowSeconds }));
}

/** `sealane order reset-sequence MODULE --to N --out FILE`: lets what is above N be installed. Errors: those of {@link writeOrder}. */
export async function runResetSequence(module: string, command: Command): Promise<void> {
  const { to = "" } = command.opts<OrderOptions>();
  const toSequence = anyNumber("--to", to);
  await writeOrder(command, () => ({ kind: "reset-sequence", module, toSequence }));
}

/**
 * Signs an order with the operator's key and writes it to a file; no server is asked, and none could sign it.
 * Errors: ORDER_RECIPIENT_MISSING, ORDER_KEY_MISSING, KEYSTORE_TOKEN_*, WIRE_*, STATEMENT_CONTENT_WRONG, FILE_WRITE_FAILED.
 */
async function writeOrder(command: Command, actionAt: (nowSeconds: number) => OrderAction): Promise<void> {
  const { terminal, all, days, out, state, input } = command.opts<OrderOptions>();
  if ((terminal === undefined) === (all === undefined)) throw commandErrors.error("ORDER_RECIPIENT_MISSING");
  const lifeDays = parseWholeNumber({ option: "--days", text: days, min: 1, max: 14 });
  const folder = operatorFolder(stateFolder("sealane", state));
  // In milliseconds, so that two orders of one second have two numbers.
  const number = Date.now();
  const issuedAtSeconds = Math.floor(number / 1000);
  await using opened = new AsyncDisposableStack();
  const uri = await readFile(folder.operatorToken, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
  const place = { folder: folder.keys, uri, id: operatorKeyId, chain: folder.operatorChain };
  const signer = await signerOf(place, { input, opened, missing: "ORDER_KEY_MISSING" });
  const action = actionAt(issuedAtSeconds);
  const order = {
    issuer: parseName(operatorKeyId),
    number,
    issuedAtSeconds,
    expiresAtSeconds: issuedAtSeconds + lifeDays * 86_400,
    recipients: terminal === undefined ? ("*" as const) : terminal.map(parseName),
    actions: [action],
  };
  await writeFileAtomic(out, await signOrder({ ...signer, order }));
  const whom = terminal === undefined ? "every terminal" : terminal.join(", ");
  const words = `Wrote an order to ${whom}: ${action.kind}. Bring the file there within ${lifeDays} days, and run \`sealane-terminal order ${out}\`.`;
  outputOf(command).event("ordered", { ...order, file: out }, words);
}
