import { readFile } from "node:fs/promises";
import {
  type Licence,
  maxLicenceBytes,
  maxReleaseBytes,
  parseLicence,
  parseRelease,
  type Release,
  systemReason,
  type VerifiedLicence,
  type VerifiedRelease,
} from "@sealane/software";
import { type Codec, hasCode, literal, permissionDenied, tuple, uint } from "@sealane/wire";
import { loadState, type StateFile } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { stateVersion } from "./labels.ts";
import { proveAuthorisation, proveLicenceOfFormer } from "./licence.ts";
import { maxStateFileBytes } from "./limits.ts";
import { type LinkFacts, linkFactsCodec } from "./link-facts.ts";
import type { SlotFolder } from "./state-folder.ts";
import type { Terminal } from "./terminal.ts";
import type { Trust } from "./trust.ts";

/** What a slot knows beside release and licence: when they were accepted, and how the software came here. */
export interface SlotRecord {
  readonly version: typeof slotVersion;
  readonly installedAtSeconds: number;
  /** When this terminal accepted release and licence: as of then their signers' certificates are judged. */
  readonly acceptedAtSeconds: number;
  readonly link: LinkFacts;
}

/** What a slot of before releases travelled to terminals says. */
interface FormerSlotRecord extends Omit<SlotRecord, "version" | "acceptedAtSeconds"> {
  readonly version: typeof stateVersion;
}

export const slotVersion = 2;

const currentCodec: Codec<SlotRecord> = tuple<SlotRecord>({
  version: literal(slotVersion),
  installedAtSeconds: uint(),
  acceptedAtSeconds: uint(),
  link: linkFactsCodec,
});

const formerCodec: Codec<FormerSlotRecord> = tuple<FormerSlotRecord>({
  version: literal(stateVersion),
  installedAtSeconds: uint(),
  link: linkFactsCodec,
});

export const slotFile: StateFile<SlotRecord | FormerSlotRecord> = {
  codec: {
    toCbor: (record) => (record.version === stateVersion ? formerCodec.toCbor(record) : currentCodec.toCbor(record)),
    fromCbor(value, field) {
      const isFormer = Array.isArray(value) && value[0] === stateVersion;
      return isFormer ? formerCodec.fromCbor(value, field) : currentCodec.fromCbor(value, field);
    },
  },
  maxBytes: maxStateFileBytes,
  what: "slot",
};

/** An installed version whose release and licence are proven. */
export interface InstalledSlot {
  readonly folder: SlotFolder;
  readonly licence: VerifiedLicence;
  /** Null for what was installed before releases travelled to terminals: it runs until something newer is installed (ADR 0019). */
  readonly release: VerifiedRelease | null;
}

/**
 * Proves a slot: that a publisher released what lies there, as of when this terminal accepted it, and that the licence is for this
 * terminal, for now, and of the module and sequence in whose place it lies.
 * Errors: TERMINAL_MODULE_UNKNOWN (there is no such slot), TERMINAL_SOFTWARE_CHANGED (a file of the slot was taken away), those of
 * `verifyAuthorisation`, TERMINAL_LICENCE_CONTRADICTS, TERMINAL_STATE_DAMAGED.
 */
export async function proveSlot(
  folder: SlotFolder,
  given: { readonly terminal: Terminal; readonly trust: Trust; readonly module: string; readonly sequence: number },
): Promise<InstalledSlot> {
  const { module, sequence } = given;
  const proven = await proveContent(folder, given);
  if (proven.licence.module !== module || proven.licence.sequence !== sequence) {
    throw terminalErrors.error("TERMINAL_LICENCE_CONTRADICTS", { module, sequence });
  }
  return { folder, ...proven };
}

async function proveContent(
  folder: SlotFolder,
  given: { readonly terminal: Terminal; readonly trust: Trust; readonly module: string },
): Promise<Omit<InstalledSlot, "folder">> {
  const { terminal, trust, module } = given;
  const licence = await readLicence(folder, module);
  const record = await loadState(folder.record, slotFile);
  if (record === null) throw terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { file: folder.record });
  if (record.version === stateVersion) return { licence: proveLicenceOfFormer(licence, { terminal, trust }), release: null };
  const { acceptedAtSeconds } = record;
  return proveAuthorisation({ licence, release: await readRelease(folder) }, { terminal, trust, acceptedAtSeconds });
}

/** What a slot says of itself, unproven. */
export interface SlotDescription {
  readonly licence: Licence;
  /** Null where there is none, or none that can be read. */
  readonly release: Release | null;
  readonly record: SlotRecord | FormerSlotRecord | null;
}

/** What the slot's release and licence say, unproven, and how it came here: to show it. Null when the slot cannot be read; SYSTEM_PERMISSION_DENIED where this user may not. */
export async function describeSlot(folder: SlotFolder, module: string): Promise<SlotDescription | null> {
  try {
    const { licence } = parseLicence(await readLicence(folder, module));
    const release = await readRelease(folder).then(
      (encoded) => parseRelease(encoded).release,
      (error: unknown) => {
        if (hasCode(error, "SYSTEM_PERMISSION_DENIED")) throw error;
        return null;
      },
    );
    return { licence, release, record: await loadState(folder.record, slotFile) };
  } catch (error) {
    if (hasCode(error, "SYSTEM_PERMISSION_DENIED")) throw error;
    return null;
  }
}

async function readRelease(folder: SlotFolder): Promise<Uint8Array> {
  try {
    return await readBounded(folder.release, maxReleaseBytes);
  } catch (error) {
    const reason = systemReason(error);
    if (reason === null) throw error;
    throw (
      permissionDenied(error, folder.release) ?? terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { file: folder.release, reason }, error)
    );
  }
}

async function readLicence(folder: SlotFolder, module: string): Promise<Uint8Array> {
  try {
    return await readBounded(folder.licence, maxLicenceBytes);
  } catch (error) {
    const reason = systemReason(error);
    if (reason === null) throw error;
    throw permissionDenied(error, folder.licence) ?? terminalErrors.error("TERMINAL_MODULE_UNKNOWN", { module, reason }, error);
  }
}

async function readBounded(file: string, maxBytes: number): Promise<Uint8Array> {
  const encoded = await readFile(file);
  if (encoded.length > maxBytes) throw terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { file });
  return encoded;
}
