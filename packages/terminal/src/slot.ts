import { readFile } from "node:fs/promises";
import { maxLicenceBytes, parseLicence, systemReason, type VerifiedLicence } from "@sealane/software";
import { type Codec, literal, tuple, uint } from "@sealane/wire";
import { loadState, type StateFile } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { stateVersion } from "./labels.ts";
import { proveLicence } from "./licence.ts";
import { maxStateFileBytes } from "./limits.ts";
import { type LinkFacts, linkFactsCodec } from "./link-facts.ts";
import type { SlotFolder } from "./state-folder.ts";
import type { Terminal } from "./terminal.ts";
import type { Trust } from "./trust.ts";

/** What a slot knows beside its licence: how the software came here. */
export interface SlotRecord {
  readonly version: typeof stateVersion;
  readonly installedAtSeconds: number;
  readonly link: LinkFacts;
}

export const slotFile: StateFile<SlotRecord> = {
  codec: tuple<SlotRecord>({
    version: literal(stateVersion),
    installedAtSeconds: uint(),
    link: linkFactsCodec,
  }) satisfies Codec<SlotRecord>,
  maxBytes: maxStateFileBytes,
  what: "slot",
};

/** An installed version whose licence is proven for now. */
export interface InstalledSlot {
  readonly folder: SlotFolder;
  readonly licence: VerifiedLicence;
}

/**
 * Proves the licence of a slot: for this terminal, for now, and of the module and sequence in whose place it lies.
 * Errors: TERMINAL_MODULE_UNKNOWN (there is no such slot), those of `verifyLicence`, TERMINAL_LICENCE_CONTRADICTS.
 */
export async function proveSlot(
  folder: SlotFolder,
  given: { readonly terminal: Terminal; readonly trust: Trust; readonly module: string; readonly sequence: number },
): Promise<InstalledSlot> {
  const { module, sequence } = given;
  const licence = proveLicence(await readLicence(folder, module), given);
  if (licence.module !== module || licence.sequence !== sequence) {
    throw terminalErrors.error("TERMINAL_LICENCE_CONTRADICTS", { module, sequence });
  }
  return { folder, licence };
}

/** What the slot's licence says, unproven, and how it came here: to show it. Null when the slot cannot be read. */
export async function describeSlot(
  folder: SlotFolder,
  module: string,
): Promise<{ readonly licence: ReturnType<typeof parseLicence>["licence"]; readonly record: SlotRecord | null } | null> {
  try {
    return { licence: parseLicence(await readLicence(folder, module)).licence, record: await loadState(folder.record, slotFile) };
  } catch {
    return null;
  }
}

async function readLicence(folder: SlotFolder, module: string): Promise<Uint8Array> {
  try {
    const encoded = await readFile(folder.licence);
    if (encoded.length > maxLicenceBytes) throw terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { file: folder.licence });
    return encoded;
  } catch (error) {
    const reason = systemReason(error);
    if (reason === null) throw error;
    throw terminalErrors.error("TERMINAL_MODULE_UNKNOWN", { module, reason }, error);
  }
}
