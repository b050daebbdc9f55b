import { exists, remove } from "./disk.ts";
import { findDownloads, readLicence } from "./download-record.ts";
import { terminalErrors } from "./errors.ts";
import { loadTrust } from "./identity.ts";
import { forgetRequest } from "./inbox-journal.ts";
import { finishOrder } from "./orders.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";

/** A download that was given up. */
export interface Discarded {
  /** Hex. */
  readonly artefactId: string;
  readonly version: string;
  readonly sequence: number;
  /** All of the software was there. */
  readonly wasComplete: boolean;
}

/**
 * Gives up every download of a module, begun or complete: its licence, content key and software are removed from this terminal, and the
 * next fetch begins anew. What is installed stays, and other modules may be fetched meanwhile. Gives what was removed, the newest first.
 *
 * Errors: TERMINAL_NOTHING_FETCHED where there is none; TERMINAL_MODULE_UNKNOWN for what can be no module's name; TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED,
 * TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function discard(terminal: Terminal, input: { readonly module: string }): Promise<readonly Discarded[]> {
  const { module } = input;
  await finishOrder(terminal);
  using _module = await StateLock.take(terminal.folder, { module });
  using _modules = await StateLock.takeSoon(terminal, "modules");
  using _downloads = await StateLock.takeSoon(terminal, "downloads");
  const discarded: Discarded[] = [];
  for (const found of await findDownloads(terminal, await loadTrust(terminal))) {
    const folder = found.kind === "usable" ? found.download.folder : found.folder;
    const licence = await readLicence(folder); // also one that is over, or not valid yet
    if (licence?.module !== module) continue;
    const { artefactId, version, sequence } = licence;
    discarded.push({ artefactId: artefactId.toHex(), version, sequence, wasComplete: await exists(folder.software) });
    await remove(folder.path);
  }
  // A request for the module's licence whose reply did not come would be sent again.
  const isRequested = await forgetRequest(terminal, module);
  if (discarded.length === 0 && !isRequested) throw terminalErrors.error("TERMINAL_NOTHING_FETCHED", { module });
  return discarded.toSorted((a, b) => b.sequence - a.sequence);
}
