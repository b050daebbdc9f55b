import { readFile } from "node:fs/promises";
import { mediaType, type OrderView, routes } from "@sealane/api";
import { formatTable, formatTime, outputOf, parseWholeNumber, readSmallFile, stateFolder } from "@sealane/cli";
import { suiteNamed } from "@sealane/crypto";
import { maxOrderBytes, type Order, type OrderAction, signOrder, writeFileAtomic } from "@sealane/software";
import { parseName } from "@sealane/wire";
import type { Command } from "commander";
import { connect } from "../connect.ts";
import { commandErrors } from "../errors.ts";
import { operatorFolder, operatorKeyId } from "../profile.ts";
import { signerOf } from "../signer.ts";
import { anyNumber } from "./publish.ts";

interface OrderOptions {
  readonly terminal?: readonly string[];
  readonly all?: boolean;
  readonly to?: string;
  readonly suite?: string;
  readonly days: string;
  readonly out?: string;
  readonly state?: string;
  readonly input?: boolean;
}

/** `sealane order reset-clock`: lets terminals begin anew with the time of now. Errors: those of {@link giveOrder}. */
export async function runResetClock(command: Command): Promise<void> {
  await giveOrder(command, (nowSeconds) => ({ kind: "reset-clock", toSeconds: nowSeconds }));
}

/** `sealane order reset-sequence MODULE --to N`: lets what is above N be installed. Errors: those of {@link giveOrder}. */
export async function runResetSequence(module: string, command: Command): Promise<void> {
  const { to = "" } = command.opts<OrderOptions>();
  const toSequence = anyNumber("--to", to);
  await giveOrder(command, () => ({ kind: "reset-sequence", module, toSequence }));
}

/** `sealane order reset-suite --suite NAME`: lets a suite be taken that is not the strongest. Errors: CRYPTO_SUITE_UNKNOWN, those of {@link giveOrder}. */
export async function runResetSuite(command: Command): Promise<void> {
  const { name: suite } = suiteNamed(command.opts<OrderOptions>().suite ?? "");
  await giveOrder(command, () => ({ kind: "reset-suite", suite }));
}

/** `sealane order send FILE`: hands an order to the server that was signed where there is none. Errors: those of {@link send}. */
export async function runOrderSend(file: string, command: Command): Promise<void> {
  const { state, input } = command.opts<OrderOptions>();
  const { number, recipients, actions } = await send(
    state,
    await readSmallFile(file, { maxBytes: maxOrderBytes, mayAsk: input !== false, what: "the order" }),
  );
  outputOf(command).event("order-sent", { number, recipients, actions }, `The server hands order ${number} on.`);
}

/** `sealane order list`: those that the server hands on. */
export async function runOrderList(command: Command): Promise<void> {
  const { client } = await connect(command.opts<OrderOptions>().state);
  const orders = await client.get<readonly OrderView[]>(routes.orders);
  const rows = orders.map(({ number, recipients, actions, issuedAtSeconds, expiresAtSeconds }) => [
    String(number),
    whomOf(recipients),
    actions.map(actionWords).join("; "),
    formatTime(issuedAtSeconds),
    formatTime(expiresAtSeconds),
  ]);
  outputOf(command).result({ orders }, formatTable(["order", "for", "what", "given", "until"], rows));
}

/**
 * Signs an order with the operator's key and hands it to the server, which could not have signed it; or writes it to a file, and asks no
 * server.
 * Errors: ORDER_RECIPIENT_MISSING, ORDER_KEY_MISSING, KEYSTORE_TOKEN_*, WIRE_*, STATEMENT_CONTENT_WRONG, FILE_WRITE_FAILED, those of
 * {@link send}.
 */
async function giveOrder(command: Command, actionAt: (nowSeconds: number) => OrderAction): Promise<void> {
  const { days, out, state } = command.opts<OrderOptions>();
  const { order, encoded } = await signed(command, actionAt);
  const whom = whomOf(order.recipients);
  const what = order.actions.map(actionWords).join("; ");
  if (out === undefined) {
    await send(state, encoded);
    const words = `Gave order ${order.number} to ${whom}: ${what}. Terminals follow it when they fetch or listen, or with \`sealane-terminal order\`, within ${days} days.`;
    return outputOf(command).event("ordered", { ...order, file: null }, words);
  }
  await writeFileAtomic(out, encoded);
  const words = `Wrote an order to ${whom}: ${what}. Bring the file there within ${days} days, and run \`sealane-terminal order ${out}\`; or \`sealane order send ${out}\`.`;
  outputOf(command).event("ordered", { ...order, file: out }, words);
}

async function signed(
  command: Command,
  actionAt: (nowSeconds: number) => OrderAction,
): Promise<{ readonly order: Order; readonly encoded: Uint8Array }> {
  const { terminal, all, days, state, input } = command.opts<OrderOptions>();
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
  const order: Order = {
    issuer: parseName(operatorKeyId),
    number,
    issuedAtSeconds,
    expiresAtSeconds: issuedAtSeconds + lifeDays * 86_400,
    recipients: terminal === undefined ? "*" : terminal.map(parseName),
    actions: [actionAt(issuedAtSeconds)],
  };
  return { order, encoded: await signOrder({ ...signer, order }) };
}

/** Errors: ORDER_*, SERVER_ORDER_CONFLICT, SERVER_ORDERS_FULL, PROFILE_*, those of the operator's client. */
async function send(state: string | undefined, encoded: Uint8Array): Promise<OrderView> {
  const { client } = await connect(state);
  return await client.send<OrderView>(routes.orders, { type: mediaType.cbor, content: encoded });
}

function whomOf(recipients: OrderView["recipients"]): string {
  return recipients === "*" ? "every terminal" : recipients.join(", ");
}

function actionWords(action: OrderAction): string {
  switch (action.kind) {
    case "reset-clock":
      return `reset-clock to ${formatTime(action.toSeconds)}`;
    case "reset-sequence":
      return `reset-sequence ${action.module} to ${action.toSequence}`;
    case "reset-suite":
      return `reset-suite to ${action.suite}`;
  }
}
