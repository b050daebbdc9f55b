import { readdir, readlink, rename, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "@sealane/software";
import { type Codec, equalBytes, literal, nullable, tuple, uint } from "@sealane/wire";
import {
  changing,
  exists,
  isMissing,
  loadState,
  makeOpenFolder,
  namesIn,
  remove,
  removeFile,
  removeTemporary,
  type StateFile,
  saveState,
} from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { stateVersion } from "./labels.ts";
import { maxModuleRecordBytes } from "./limits.ts";
import { describeSlot } from "./slot.ts";
import { isFolderName, type ModuleFolder } from "./state-folder.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Which versions of a module are installed. The link `current` decides, and is switched by one rename; the record beside it follows
 * and is put right from the link whenever a command was killed between the two.
 */
export interface ModuleState {
  /** Sequence of the version in use; null before the first one. */
  readonly current: number | null;
  /** The last version before it whose software is another, kept for a rollback. */
  readonly previous: number | null;
  /** The highest that was ever in use: nothing at or below it is installed again. */
  readonly highest: number | null;
}

interface ModuleRecord extends ModuleState {
  readonly version: typeof stateVersion;
}

const sequence = nullable(uint());

const recordFile: StateFile<ModuleRecord> = {
  codec: tuple<ModuleRecord>({
    version: literal(stateVersion),
    current: sequence,
    previous: sequence,
    highest: sequence,
  }) satisfies Codec<ModuleRecord>,
  maxBytes: maxModuleRecordBytes,
  what: "module",
};

interface ModuleFloor {
  readonly version: typeof stateVersion;
  readonly floorSequence: number;
}

const floorFile: StateFile<ModuleFloor> = {
  codec: tuple<ModuleFloor>({ version: literal(stateVersion), floorSequence: uint() }),
  maxBytes: maxModuleRecordBytes,
  what: "floor",
};

/** Reads which versions are installed; changes nothing. Error: TERMINAL_STATE_DAMAGED. */
export async function loadModule(folder: ModuleFolder): Promise<ModuleState> {
  const record = await loadState(folder.record, recordFile);
  const { previous, highest, current: recorded } = record ?? { current: null, previous: null, highest: null };
  const current = await linkedSequence(folder);
  if (current === recorded) return { current, previous, highest };
  // The link was switched and the record was not written: what it calls current is the version before.
  const before = await previousOf(folder, { left: recorded, previous }, current);
  return { current, previous: before, highest: maxOf(highest, maxOf(current, recorded)) };
}

/** Makes another complete slot the current one. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
export async function switchModule(folder: ModuleFolder, to: number): Promise<ModuleState> {
  const before = await loadModule(folder);
  const previous = await previousOf(folder, { left: before.current, previous: before.previous }, to);
  const after = { current: to, previous, highest: maxOf(before.highest, to) };
  await changing(folder.current, async () => {
    const fresh = join(folder.path, temporaryLink);
    await removeFile(fresh);
    await symlink(join("slots", String(to)), fresh, "dir");
    await rename(fresh, folder.current);
    await syncFolder(folder.path);
  });
  await saveState(folder.record, recordFile, { version: stateVersion, ...after });
  return after;
}

/** The version that is left, or the one before it where that one's software is what comes: a rollback leads to other software. */
async function previousOf(
  folder: ModuleFolder,
  before: { readonly left: number | null; readonly previous: number | null },
  to: number | null,
): Promise<number | null> {
  const { left, previous } = before;
  if (left === null || to === null || !(await holdSameSoftware(folder, left, to))) return left;
  return previous === to ? null : previous;
}

async function holdSameSoftware(folder: ModuleFolder, one: number, other: number): Promise<boolean> {
  const module = basename(folder.path);
  const [a, b] = [await describeSlot(folder.slot(one), module), await describeSlot(folder.slot(other), module)];
  if (a === null || b === null) return false;
  const { sha256, format, entry } = a.licence;
  return equalBytes(sha256, b.licence.sha256) && format === b.licence.format && entry === b.licence.entry;
}

/** The highest security floor that a release named of what was ever installed; 0 before the first. Error: TERMINAL_STATE_DAMAGED. */
export async function loadModuleFloor(folder: ModuleFolder): Promise<number> {
  return (await loadState(folder.floor, floorFile))?.floorSequence ?? 0;
}

/**
 * Keeps the floor of a release that is about to be installed, where it is higher: one that names a lower floor, or none, does not make what
 * was named before forgotten. For the holder of the lock on modules. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED, TERMINAL_STATE_DAMAGED.
 */
export async function raiseModuleFloor(folder: ModuleFolder, floorSequence: number): Promise<void> {
  if (floorSequence <= (await loadModuleFloor(folder))) return;
  await saveState(folder.floor, floorFile, { version: stateVersion, floorSequence });
}

/** Lets everything above a sequence be installed again; what is installed stays. For the holder of the lock on modules. */
export async function resetHighest(folder: ModuleFolder, toSequence: number): Promise<void> {
  const state = await loadModule(folder);
  // A module that is not here has nothing to be reset.
  if (state.highest === null || state.highest <= toSequence) return;
  await saveState(folder.record, recordFile, { version: stateVersion, ...state, highest: toSequence });
}

/**
 * Removes what commands that were killed have left: half-made slots, slots that are neither current nor previous nor in `keep`, the
 * link that was not renamed; and puts the record right. For the holder of the lock on modules.
 */
export async function tidyModule(folder: ModuleFolder, keep: readonly number[]): Promise<ModuleState> {
  const state = await loadModule(folder);
  await removeFile(join(folder.path, temporaryLink));
  await removeTemporary(folder.path);
  if (state.current !== null) await saveStateIfOther(folder, state);
  const kept = [state.current, state.previous, ...keep].filter((each) => each !== null).map(String);
  for (const name of await namesIn(folder.slots)) {
    if (!kept.includes(name)) await remove(join(folder.slots, name));
  }
  return state;
}

/** The modules that have a folder. */
export async function moduleNames(terminal: Terminal): Promise<readonly string[]> {
  const folder = terminal.folder.modules;
  if (!(await exists(folder))) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && isFolderName(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** Makes the folders of a module: open to others as far as the state folder itself is. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
export async function makeModuleFolders(folder: ModuleFolder): Promise<void> {
  for (const path of [dirname(folder.path), folder.path, folder.slots]) await makeOpenFolder(path);
}

const temporaryLink = "current.tmp";

async function saveStateIfOther(folder: ModuleFolder, state: ModuleState): Promise<void> {
  const record = await loadState(folder.record, recordFile);
  const isSame = record?.current === state.current && record.previous === state.previous && record.highest === state.highest;
  if (!isSame) await saveState(folder.record, recordFile, { version: stateVersion, ...state });
}

async function linkedSequence(folder: ModuleFolder): Promise<number | null> {
  try {
    const name = basename(await readlink(folder.current));
    if (!/^(0|[1-9][0-9]{0,15})$/.test(name)) throw terminalErrors.error("TERMINAL_STATE_DAMAGED", { file: folder.current });
    return Number(name);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function maxOf(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
