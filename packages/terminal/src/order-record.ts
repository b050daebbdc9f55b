import { maxOrderBytes, type Order, parseOrder, type VerifiedOrder } from "@sealane/software";
import {
  byteString,
  bytesAs,
  type Codec,
  type Digest,
  digest,
  equalBytes,
  listOf,
  literal,
  oneOf,
  type Thumbprint,
  thumbprint,
  tuple,
  uint,
} from "@sealane/wire";
import { loadState, type StateFile, saveState } from "./disk.ts";
import { stateVersion } from "./labels.ts";
import { maxOrderAuthorities } from "./limits.ts";
import type { Terminal } from "./terminal.ts";

/** The last order that was accepted of one authority's operators. */
interface LastOrder {
  readonly authority: Thumbprint;
  readonly number: number;
  readonly digest: Digest;
}

/** What this terminal keeps of orders. */
export interface OrderRecord {
  readonly version: typeof stateVersion;
  /** One for each authority, the latest first: an authority that comes back finds its number. */
  readonly last: readonly LastOrder[];
  /** The order that was accepted last, as it was signed. */
  readonly order: Uint8Array;
  /** Pending until all of it has been done: what a kill has cut is gone on with. */
  readonly stage: "pending" | "done";
}

const lastCodec: Codec<LastOrder> = tuple<LastOrder>({
  authority: bytesAs(thumbprint),
  number: uint(),
  digest: bytesAs(digest),
});

const orderFile: StateFile<OrderRecord> = {
  codec: tuple<OrderRecord>({
    version: literal(stateVersion),
    last: listOf(lastCodec, { min: 1, max: maxOrderAuthorities }),
    order: byteString({ min: 1, max: maxOrderBytes }),
    stage: oneOf(["pending", "done"]),
  }),
  maxBytes: maxOrderBytes + maxOrderAuthorities * 96 + 64,
  what: "order",
};

/** Null before the first order. Error: TERMINAL_STATE_DAMAGED. */
export async function loadOrders({ folder }: Terminal): Promise<OrderRecord | null> {
  return await loadState(folder.orders, orderFile);
}

/** Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
export async function saveOrders({ folder }: Terminal, record: OrderRecord): Promise<void> {
  await saveState(folder.orders, orderFile, record);
}

/** The last order of one authority; null before its first. */
export function lastOf(record: OrderRecord | null, authority: Thumbprint): LastOrder | null {
  return record?.last.find((each) => equalBytes(each.authority, authority)) ?? null;
}

/** The record with an order that was accepted, and not done yet. */
export function withPending(
  record: OrderRecord | null,
  accepted: { readonly authority: Thumbprint; readonly order: VerifiedOrder; readonly encoded: Uint8Array },
): OrderRecord {
  const { authority, order, encoded } = accepted;
  const others = (record?.last ?? []).filter((each) => !equalBytes(each.authority, authority));
  const last = [{ authority, number: order.number, digest: order.digest }, ...others].slice(0, maxOrderAuthorities);
  return { version: stateVersion, last, order: encoded, stage: "pending" };
}

/** What `status` shows of the last order. */
export interface OrderStatus extends Pick<Order, "number" | "issuer" | "issuedAtSeconds" | "actions"> {
  /** Pending: a kill has cut it, and the next command that changes something finishes it. */
  readonly stage: OrderRecord["stage"];
}

/** Null before the first. Errors: TERMINAL_STATE_DAMAGED, ORDER_MALFORMED. */
export async function orderStatus(terminal: Terminal): Promise<OrderStatus | null> {
  const record = await loadOrders(terminal);
  if (record === null) return null;
  const { number, issuer, issuedAtSeconds, actions } = parseOrder(record.order);
  return { number, issuer, issuedAtSeconds, actions, stage: record.stage };
}
