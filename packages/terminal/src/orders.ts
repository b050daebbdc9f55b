import { parseCertificate, trustAnchor } from "@sealane/pki";
import { maxOrderBytes, type OrderAction, parseOrder, type VerifiedOrder, verifyOrder } from "@sealane/software";
import {
  byteString,
  bytesAs,
  type Digest,
  digest,
  equalBytes,
  literal,
  nullable,
  type Thumbprint,
  thumbprint,
  tuple,
  uint,
} from "@sealane/wire";
import { loadState, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { type Identity, requireIdentity } from "./identity.ts";
import { stateVersion } from "./labels.ts";
import { loadModule, loadModuleFloor, resetHighest } from "./module-record.ts";
import { describeSlot } from "./slot.ts";
import type { ModuleFolder } from "./state-folder.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";

/** Orders of the operator that take this terminal a step back (docs/protocol.md, orders). */

/** The last order that was accepted of an authority's operators. */
interface OrderRecord {
  readonly version: typeof stateVersion;
  readonly authority: Thumbprint;
  readonly number: number;
  readonly digest: Digest;
  /** The order, until all of it has been done: a command that was killed is gone on with. */
  readonly pending: Uint8Array | null;
}

const orderFile: StateFile<OrderRecord> = {
  codec: tuple<OrderRecord>({
    version: literal(stateVersion),
    authority: bytesAs(thumbprint),
    number: uint(),
    digest: bytesAs(digest),
    pending: nullable(byteString({ min: 1, max: maxOrderBytes })),
  }),
  maxBytes: maxOrderBytes + 128,
  what: "order",
};

/** What became of an order. */
export interface Obeyed {
  readonly number: number;
  readonly actions: readonly OrderAction[];
  /** It had been done before; nothing was changed. */
  readonly wasDone: boolean;
}

/**
 * Does what an order says, all of it or nothing. Its dates are judged by the machine's clock without the floor, which may be what is
 * wrong; where that clock says a time before this terminal's own certificates it says nothing, and the order's number alone counts.
 *
 * Errors: those of `verifyOrder`; TERMINAL_ORDER_REPLAYED, TERMINAL_ORDER_BELOW_FLOOR, TERMINAL_MODULE_UNKNOWN; TERMINAL_NOT_ENROLLED,
 * TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED, TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function obey(terminal: Terminal, encoded: Uint8Array): Promise<Obeyed> {
  using _downloads = await StateLock.takeSoon(terminal, "downloads");
  using _modules = await StateLock.take(terminal.folder, "modules");
  // Before anything is judged: a command that was killed left it half done.
  await finishOrder(terminal);
  const identity = await requireIdentity(terminal);
  const anchor = trustAnchor(identity.authority);
  const nowSeconds = clockFor(terminal, identity, encoded);
  const order = verifyOrder(encoded, { anchors: [anchor], nowSeconds, recipient: identity.name });
  const last = await loadState(terminal.folder.orders, orderFile);
  const { number, actions } = order;
  if (last !== null && equalBytes(last.authority, anchor.thumbprint)) {
    if (equalBytes(last.digest, order.digest)) return { number, actions, wasDone: true };
    if (number <= last.number) throw terminalErrors.error("TERMINAL_ORDER_REPLAYED", { number, last: last.number });
  }
  for (const action of actions) await requireAllowed(terminal, action);
  await saveState(terminal.folder.orders, orderFile, recordOf(order, { authority: anchor.thumbprint, pending: encoded }));
  await finishOrder(terminal);
  return { number, actions, wasDone: false };
}

/** Does what is left of an order that was accepted. For the holder of both locks. */
async function finishOrder(terminal: Terminal): Promise<void> {
  const record = await loadState(terminal.folder.orders, orderFile);
  if (record === null || record.pending === null) return;
  // It was proven before it was written here.
  for (const action of parseOrder(record.pending).actions) await perform(terminal, action);
  await saveState(terminal.folder.orders, orderFile, { ...record, pending: null });
}

function recordOf(order: VerifiedOrder, own: Pick<OrderRecord, "authority" | "pending">): OrderRecord {
  return { version: stateVersion, number: order.number, digest: order.digest, ...own };
}

function clockFor(terminal: Terminal, identity: Identity, encoded: Uint8Array): number {
  const machineSeconds = terminal.clock.machineSeconds();
  const beginnings = identity.signing.map(({ chain: [leaf] }) => parseCertificate(leaf ?? new Uint8Array(0)).notBeforeSeconds);
  const hasClock = machineSeconds >= Math.min(...beginnings);
  return hasClock ? machineSeconds : Math.max(machineSeconds, parseOrder(encoded).issuedAtSeconds);
}

async function requireAllowed(terminal: Terminal, action: OrderAction): Promise<void> {
  if (action.kind === "reset-clock") return;
  const { module, toSequence } = action;
  const floorSequence = await floorOf(terminal.folder.module(module), module);
  if (toSequence < floorSequence) throw terminalErrors.error("TERMINAL_ORDER_BELOW_FLOOR", { module, toSequence, floorSequence });
}

/** The publisher's security floor: the highest that a release names of what is, or was, installed. */
async function floorOf(folder: ModuleFolder, module: string): Promise<number> {
  const { current, previous } = await loadModule(folder);
  let floorSequence = await loadModuleFloor(folder);
  // What was installed before the floor was kept apart.
  for (const sequence of [current, previous]) {
    const described = sequence === null ? null : await describeSlot(folder.slot(sequence), module);
    floorSequence = Math.max(floorSequence, described?.release?.floorSequence ?? 0);
  }
  return floorSequence;
}

async function perform(terminal: Terminal, action: OrderAction): Promise<void> {
  switch (action.kind) {
    case "reset-clock":
      return await terminal.clock.restart(action.toSeconds);
    case "reset-sequence":
      return await resetHighest(terminal.folder.module(action.module), action.toSequence);
  }
}
