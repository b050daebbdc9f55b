import { isEverAllowed, type OrderView } from "@sealane/api";
import { mechanismNamed } from "@sealane/link";
import { type Order, parseOrder, verifyOrder } from "@sealane/software";
import { type Name, SealaneError } from "@sealane/wire";
import { defaultMechanism } from "../labels.ts";
import { maxOfferTerminals } from "../limits.ts";
import type { KeyRole } from "./key-role.ts";
import { type MadeOffer, originate } from "./originate.ts";

/**
 * Takes an order that this server is to hand on. It could not have made it: the order is proven as every terminal will prove it. Then a
 * link is begun to those that it is for, so that those that wait for the server hear at once.
 *
 * Errors: those of `verifyOrder`; SERVER_ORDER_CONFLICT, SERVER_ORDERS_FULL, STORE_*.
 */
export async function handOnOrder(role: KeyRole, statement: Uint8Array): Promise<OrderView> {
  const nowSeconds = role.now();
  const order = verifyOrder(statement, { anchors: [role.anchor], nowSeconds, recipient: null });
  const { number, expiresAtSeconds, recipients } = order;
  await role.atomically(async ({ orders }) => await orders.add({ number, expiresAtSeconds, recipients, statement }, nowSeconds));
  await callFor(role, order);
  return orderView(order);
}

/** Those that are not over, by number. */
export async function listOrders(role: KeyRole): Promise<readonly OrderView[]> {
  return (await role.stores.orders.list(role.now())).map((statement) => orderView(parseOrder(statement)));
}

function orderView({ number, issuer, issuedAtSeconds, expiresAtSeconds, recipients, actions }: Order): OrderView {
  return { number, issuer, issuedAtSeconds, expiresAtSeconds, recipients, actions };
}

/**
 * Originates a link without an offer to terminals that an order is for: as many as one request may offer to. Whoever cannot be called
 * (unknown, without a key for any suite of ours, with a full inbox) hears of the order when it asks the next time.
 */
async function callFor(role: KeyRole, { recipients }: Order): Promise<void> {
  const mechanism = mechanismNamed(defaultMechanism);
  if (!isEverAllowed(role.policy, mechanism.name)) return;
  const names = recipients === "*" ? (await role.stores.terminals.list()).map(({ name }) => name) : [...new Set(recipients)];
  const called: Name[] = [];
  for (const terminal of names.slice(0, maxOfferTerminals)) {
    const made = await ifPossible(() => originate(role, { terminal, module: null, mechanism, suite: null }));
    if (made !== null && (await ifPossible(() => put(role, made))) !== null) called.push(terminal);
  }
  for (const terminal of called) role.waiters.wake(terminal);
}

async function put(role: KeyRole, { message, pending }: MadeOffer): Promise<boolean> {
  using _awaited = pending.awaited;
  return await role.atomically(async (stores) => {
    await stores.inbox.add(message, role.now());
    return await stores.pendingLinks.add(pending);
  });
}

/** Null for what is a fault of one terminal; that of a store is everybody's. */
async function ifPossible<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SealaneError && !error.code.startsWith("STORE_")) return null;
    throw error;
  }
}
