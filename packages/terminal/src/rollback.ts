import type { SoftwareDescription } from "@sealane/software";
import { terminalErrors } from "./errors.ts";
import { loadTrust } from "./identity.ts";
import { verifyInstalled } from "./installed-check.ts";
import { descriptionOf } from "./licence.ts";
import { loadModule, switchModule } from "./module-record.ts";
import { finishOrder } from "./orders.ts";
import { describeSlot, proveSlot } from "./slot.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";

export interface RolledBack {
  readonly software: SoftwareDescription;
  /** Sequence of the version that was in use; another rollback returns to it. */
  readonly replaced: number | null;
  /** Its version, for people; null where its slot cannot be read. */
  readonly replacedVersion: string | null;
}

/**
 * Returns to the version that was in use before, after the same checks as at a start; nothing else that is older can come back.
 *
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED, TERMINAL_MODULE_UNKNOWN, TERMINAL_NO_PREVIOUS,
 * LICENCE_*, RELEASE_*, TERMINAL_LICENCE_CONTRADICTS, TERMINAL_SOFTWARE_CHANGED, TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function rollback(terminal: Terminal, input: { readonly module: string }): Promise<RolledBack> {
  const { module } = input;
  await finishOrder(terminal);
  using _lock = await StateLock.take(terminal.folder, "modules");
  const trust = await loadTrust(terminal);
  const folder = terminal.folder.module(module);
  const { current, previous, highest } = await loadModule(folder);
  if (highest === null) throw terminalErrors.error("TERMINAL_MODULE_UNKNOWN", { module });
  if (previous === null) throw terminalErrors.error("TERMINAL_NO_PREVIOUS", { module });
  terminal.onEvent({ kind: "stage", command: "rollback", stage: "check" });
  const slot = await proveSlot(folder.slot(previous), { terminal, trust, module, sequence: previous });
  await verifyInstalled(slot.folder, slot.licence, terminal.onEvent);
  terminal.onEvent({ kind: "stage", command: "rollback", stage: "switch" });
  await switchModule(folder, previous);
  const left = current === null ? null : await describeSlot(folder.slot(current), module);
  return { software: descriptionOf(slot.licence), replaced: current, replacedVersion: left?.licence.version ?? null };
}
