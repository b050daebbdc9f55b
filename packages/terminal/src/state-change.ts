import { equalBytes } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { loadIdentity } from "./identity.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";
import { enrolmentOf, type Holder } from "./trust.ts";

/** Who changes the state: what he was when his command began. */
export type Changer = Pick<Holder, "enrolled">;

/**
 * Makes one short change of what the commands of a terminal share: the lists of downloads, the inbox, groups, the clock. It reads what it
 * changes again, and the network has no part in it. A command that began under an enrolment that was replaced since changes nothing.
 *
 * Errors: TERMINAL_ENROLMENT_CHANGED; TERMINAL_STATE_LOCKED where another command does not come to an end; FILE_WRITE_FAILED,
 * TERMINAL_DISK_FULL, TERMINAL_STATE_DAMAGED; those of `change`.
 */
export async function changeState<T>(terminal: Terminal, changer: Changer, change: () => Promise<T>): Promise<T> {
  using _lock = await StateLock.takeSoon(terminal, "downloads");
  await requireSameEnrolment(terminal, changer);
  return await change();
}

/**
 * Takes what a command holds of one module while it brings its software here: nobody else fetches or discards that module meanwhile,
 * and every other module is free. Errors: TERMINAL_STATE_LOCKED, at once; TERMINAL_ENROLMENT_CHANGED, TERMINAL_MODULE_UNKNOWN for what can
 * be no module's name; FILE_WRITE_FAILED, TERMINAL_DISK_FULL, TERMINAL_STATE_DAMAGED.
 */
export async function holdModule(terminal: Terminal, changer: Changer, module: string): Promise<StateLock> {
  const lock = await StateLock.take(terminal.folder, { module });
  try {
    await requireSameEnrolment(terminal, changer);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

async function requireSameEnrolment(terminal: Terminal, { enrolled }: Changer): Promise<void> {
  const identity = await loadIdentity(terminal);
  const current = identity === null ? null : enrolmentOf(identity);
  const isSame = enrolled === null || current === null ? enrolled === current : equalBytes(enrolled, current);
  if (!isSame) throw terminalErrors.error("TERMINAL_ENROLMENT_CHANGED");
}
