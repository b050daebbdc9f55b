import { cryptoErrors, suiteNamed } from "@sealane/crypto";
import { parseCertificate, trustAnchor } from "@sealane/pki";
import { type OrderAction, parseOrder, verifyOrder } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { type Identity, loadIdentity, requireIdentity } from "./identity.ts";
import { loadModule, loadModuleFloor, resetHighest } from "./module-record.ts";
import { lastOf, loadOrders, saveOrders, withPending } from "./order-record.ts";
import { describeSlot } from "./slot.ts";
import type { ModuleFolder } from "./state-folder.ts";
import { StateLock } from "./state-lock.ts";
import { agreedSuites, setSuiteFloor } from "./suite-floor.ts";
import type { Terminal } from "./terminal.ts";

/** Orders of the operator that take this terminal a step back (docs/protocol.md, orders). */

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
 * Errors: those of `verifyOrder`; TERMINAL_ORDER_REPLAYED, TERMINAL_ORDER_BELOW_FLOOR, CRYPTO_SUITE_UNKNOWN (a suite that terminal and
 * server do not share); TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED, TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function obey(terminal: Terminal, encoded: Uint8Array): Promise<Obeyed> {
  using _modules = await StateLock.takeSoon(terminal, "modules");
  using _downloads = await StateLock.takeSoon(terminal, "downloads");
  // Before anything is judged: a command that was killed left it half done.
  await finish(terminal);
  const identity = await requireIdentity(terminal);
  const anchor = trustAnchor(identity.authority);
  const nowSeconds = clockFor(terminal, identity, encoded);
  const order = verifyOrder(encoded, { anchors: [anchor], nowSeconds, recipient: identity.name });
  const record = await loadOrders(terminal);
  const last = lastOf(record, anchor.thumbprint);
  const { number, actions } = order;
  if (last !== null && equalBytes(last.digest, order.digest)) return { number, actions, wasDone: true };
  if (last !== null && number <= last.number) throw terminalErrors.error("TERMINAL_ORDER_REPLAYED", { number, last: last.number });
  for (const action of actions) await requireAllowed(terminal, identity, action);
  await saveOrders(terminal, withPending(record, { authority: anchor.thumbprint, order, encoded }));
  await finish(terminal);
  return { number, actions, wasDone: false };
}

/**
 * Finishes an order that a kill has cut, before another command begins. Where one holds a lock it is left to that one, or the next.
 * Errors: TERMINAL_STATE_DAMAGED, TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function finishOrder(terminal: Terminal): Promise<void> {
  if ((await loadOrders(terminal))?.stage !== "pending") return;
  const { folder } = terminal;
  await StateLock.ifFree(folder, "modules", async () => await StateLock.ifFree(folder, "downloads", async () => await finish(terminal)));
}

/** Does what is left of an order that was accepted. For the holder of both locks. */
async function finish(terminal: Terminal): Promise<void> {
  const record = await loadOrders(terminal);
  if (record?.stage !== "pending") return;
  // It was proven before it was written here.
  for (const action of parseOrder(record.order).actions) await perform(terminal, action);
  await saveOrders(terminal, { ...record, stage: "done" });
}

function clockFor(terminal: Terminal, identity: Identity, encoded: Uint8Array): number {
  const machineSeconds = terminal.clock.machineSeconds();
  const hasClock = machineSeconds >= beginningOf(identity);
  return hasClock ? machineSeconds : Math.max(machineSeconds, parseOrder(encoded).issuedAtSeconds);
}

/** When the first of this terminal's certificates that sign began: no clock of its says a time before. */
export function beginningOf({ signing }: Pick<Identity, "signing">): number {
  return Math.min(...signing.map(({ chain: [leaf] }) => parseCertificate(leaf ?? new Uint8Array(0)).notBeforeSeconds));
}

async function requireAllowed(terminal: Terminal, identity: Identity, action: OrderAction): Promise<void> {
  switch (action.kind) {
    case "reset-clock":
      return;
    case "reset-sequence": {
      const { module, toSequence } = action;
      const floorSequence = await floorOf(terminal.folder.module(module), module);
      if (toSequence < floorSequence) throw terminalErrors.error("TERMINAL_ORDER_BELOW_FLOOR", { module, toSequence, floorSequence });
      return;
    }
    case "reset-suite": {
      const { suite } = action;
      if (!sharesSuite(identity, suite)) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite, peer: identity.serverName });
      return;
    }
  }
}

function sharesSuite(identity: Identity, suite: string): boolean {
  return agreedSuites(identity).some(({ name }) => name === suite);
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
    case "reset-suite": {
      const identity = await loadIdentity(terminal);
      // Another enrolment since the order was accepted has a floor of its own.
      if (identity !== null && sharesSuite(identity, action.suite)) await setSuiteFloor(terminal, identity, suiteNamed(action.suite));
    }
  }
}
