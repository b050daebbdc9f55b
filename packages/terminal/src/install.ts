import { chmod, open, rename } from "node:fs/promises";
import { giveBack, type SoftwareDescription, syncFolder } from "@sealane/software";
import { equalBytes, hasCode, SealaneError } from "@sealane/wire";
import { changing, chunksOf, exists, makeOpenFolder, remove, saveState, writeLasting } from "./disk.ts";
import { type Download, type FoundDownload, findDownloads } from "./download-record.ts";
import { terminalErrors } from "./errors.ts";
import type { FailedModule } from "./fetch-all.ts";
import { loadTrust } from "./identity.ts";
import { verifyInstalled } from "./installed-check.ts";
import { keepRecord } from "./kept-records.ts";
import { descriptionOf } from "./licence.ts";
import { LicensedHasher } from "./licensed-hasher.ts";
import { loadModule, makeModuleFolders, raiseModuleFloor, switchModule, tidyModule } from "./module-record.ts";
import { finishOrder } from "./orders.ts";
import { proveSlot, slotFile, slotVersion } from "./slot.ts";
import { chooseSoftwareNumber } from "./software-number.ts";
import { type ModuleFolder, SlotFolder } from "./state-folder.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";
import type { Trust } from "./trust.ts";
import { placeFile, unpackArchive } from "./unpack.ts";

/** What an installation does, in this order. */
export const installStages = ["check", "unpack", "switch", "clean"] as const;
export type InstallStage = (typeof installStages)[number];

export interface InstallInput {
  readonly module?: string;
  /** The id of one artefact, hex. */
  readonly artefact?: string;
  /** Do nothing from this stage on; the same command without it goes on. */
  readonly stopBefore?: InstallStage;
}

export interface Installed {
  readonly software: SoftwareDescription;
  /** Sequence of the version before, to which `rollback` returns. */
  readonly previous: number | null;
  /** Where the software is; stable for this version. */
  readonly path: string;
  readonly licenceExpiresAtSeconds: number;
  /** The stage that was not begun, or null when all is done. */
  readonly stoppedBefore: InstallStage | null;
}

/**
 * Installs fetched software: proves release, licence and content, puts it into a slot of its own, and switches to it by one rename. Until then
 * the version before is in use, afterwards it is kept for a rollback; a command that is killed anywhere can be repeated. The content
 * key is discarded at the end, or kept where the licence says so (KREP).
 *
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED; TERMINAL_NOTHING_FETCHED,
 * TERMINAL_MODULE_AMBIGUOUS; LICENCE_*, RELEASE_*, TERMINAL_RELEASE_MISSING; TERMINAL_DOWNGRADE_REFUSED; TERMINAL_STAGED_CHANGED;
 * TERMINAL_DIGEST_WRONG; ARCHIVE_*; TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function install(terminal: Terminal, input: InstallInput = {}): Promise<Installed> {
  await finishOrder(terminal);
  using _modules = await StateLock.takeSoon(terminal, "modules"); // and not the one that a fetch holds while it uses the network
  const trust = await loadTrust(terminal);
  const download = await chooseDownload(terminal, trust, input);
  const folder = terminal.folder.module(download.licence.module);
  const work: Work = { terminal, trust, download, folder, slot: folder.slot(download.licence.sequence) };
  const left = (await isSwitched(work)) ? (["clean"] as const) : installStages;
  for (const stage of left) {
    if (stage === input.stopBefore) return await resultOf(work, stage);
    terminal.onEvent({ kind: "stage", command: "install", stage });
    await stages[stage](work);
  }
  return await resultOf(work, null);
}

/**
 * Installs everything that is fetched, one module after the other in the order of their names. A module that fails stops no other; what
 * failed is the generator's result. Errors: those of {@link install} where nothing is fetched.
 */
export async function* installAll(
  terminal: Terminal,
  input: Pick<InstallInput, "stopBefore"> = {},
): AsyncGenerator<Installed, readonly FailedModule[]> {
  const found = await findDownloads(terminal, await loadTrust(terminal));
  const complete = found.flatMap((each) => (each.kind === "usable" && each.download.complete ? [each.download.licence.module] : []));
  const modules = [...new Set(complete)].sort();
  if (modules.length === 0) yield await install(terminal, input);
  const failed: FailedModule[] = [];
  for (const module of modules) {
    try {
      yield await install(terminal, { ...input, module });
    } catch (error) {
      if (!(error instanceof SealaneError) || hasCode(error, "TERMINAL_DISK_FULL")) throw error;
      failed.push({ module, error });
    }
  }
  return failed;
}

interface Work {
  readonly terminal: Terminal;
  readonly trust: Trust;
  readonly download: Download;
  readonly folder: ModuleFolder;
  readonly slot: SlotFolder;
}

const stages: Readonly<Record<InstallStage, (work: Work) => Promise<void>>> = {
  check: checkDownload,
  unpack: fillSlot,
  async switch({ terminal, folder, download }) {
    await chooseSoftwareNumber(terminal, download.licence.module);
    await raiseModuleFloor(folder, download.authorisation.release.floorSequence);
    await switchModule(folder, download.licence.sequence);
  },
  clean: cleanUp,
};

async function chooseDownload(terminal: Terminal, trust: Trust, input: InstallInput): Promise<Download> {
  const found = await findDownloads(terminal, trust);
  const isChosen = ({ complete, licence }: Download): boolean =>
    complete &&
    (input.module ?? licence.module) === licence.module &&
    (input.artefact ?? licence.artefactId.toHex()) === licence.artefactId.toHex();
  const usable = found.flatMap((each) => (each.kind === "usable" ? [each.download] : []));
  const [newest, ...others] = usable.filter(isChosen).toSorted((a, b) => b.licence.sequence - a.licence.sequence);
  if (newest === undefined) {
    await StateLock.ifFree(terminal.folder, "downloads", async () => await removeLeftovers(found)); // a fetch may just be making one
    throw reasonForNothing(found, input);
  }
  const { module } = newest.licence;
  const other = others.find(({ licence }) => licence.module !== module);
  if (other !== undefined) throw terminalErrors.error("TERMINAL_MODULE_AMBIGUOUS", { module, other: other.licence.module });
  return newest;
}

/** What a command that was killed while it cleaned up has left of its download. */
async function removeLeftovers(found: readonly FoundDownload[]): Promise<void> {
  for (const each of found) if (each.kind === "leftover") await remove(each.folder.path);
}

function reasonForNothing(found: readonly FoundDownload[], { module }: InstallInput): SealaneError {
  const isUsable = found.some((each) => each.kind === "usable");
  const unusable = found.find((each) => each.kind === "unusable");
  if (unusable !== undefined && !isUsable) return unusable.error;
  return terminalErrors.error("TERMINAL_NOTHING_FETCHED", module === undefined ? {} : { module });
}

/** True when a former command was killed behind the switch: this very software is in use and only cleaning is left. */
async function isSwitched(work: Work): Promise<boolean> {
  const { sequence } = work.download.licence;
  return (await loadModule(work.folder)).current === sequence && (await isFilled(work));
}

async function checkDownload({ terminal, download, folder }: Work): Promise<void> {
  const { licence } = download;
  const { module, sequence } = licence;
  const { highest } = await loadModule(folder);
  if (highest !== null && sequence <= highest) throw terminalErrors.error("TERMINAL_DOWNGRADE_REFUSED", { module, sequence, highest });
  const hasher = new LicensedHasher(licence, terminal.onEvent, { whole: true });
  await using staged = await open(download.folder.software, "r");
  for await (const chunk of chunksOf(staged)) {
    if (!hasher.take(chunk)) break;
    giveBack(chunk);
  }
  if (!hasher.isLicensed()) {
    await demote(download);
    throw terminalErrors.error("TERMINAL_STAGED_CHANGED", { module });
  }
  // These are the publisher's bytes, and the digest is not theirs: fetching them again mends nothing.
  if (!hasher.isWhole()) throw terminalErrors.error("TERMINAL_DIGEST_WRONG", { module, sha256: licence.sha256.toHex() });
}

/** Makes a damaged plaintext one that a fetch goes on with. */
async function demote({ folder }: Download): Promise<void> {
  await changing(folder.part, async () => {
    await chmod(folder.software, 0o600);
    await rename(folder.software, folder.part);
  });
}

async function fillSlot(work: Work): Promise<void> {
  const { terminal, download, folder, slot } = work;
  await makeModuleFolders(folder);
  await tidyModule(folder, [download.licence.sequence]);
  if (await isFilled(work)) return;
  await remove(slot.path);
  const making = new SlotFolder(`${slot.path}.tmp-${terminal.random.bytes(4).toHex()}`);
  try {
    await makeSlot(work, making);
    await changing(slot.path, async () => {
      await rename(making.path, slot.path);
      await syncFolder(folder.slots);
    });
  } catch (error) {
    await remove(making.path).catch(() => {}); // the first error is the one to be seen; what is left goes with the next command
    throw error;
  }
}

/** True when a former command filled the slot with this artefact and it is intact. */
async function isFilled({ terminal, trust, download, slot }: Work): Promise<boolean> {
  if (!(await exists(slot.path))) return false;
  const { module, sequence, artefactId } = download.licence;
  try {
    const { licence, release } = await proveSlot(slot, { terminal, trust, module, sequence });
    await verifyInstalled(slot, licence, terminal.onEvent);
    return release !== null && equalBytes(licence.artefactId, artefactId);
  } catch (error) {
    if (error instanceof SealaneError) return false;
    throw error;
  }
}

async function makeSlot({ terminal, download }: Work, making: SlotFolder): Promise<void> {
  const { licence, record } = download;
  await makeOpenFolder(making.path);
  const put = licence.format === "tar" ? unpackArchive : placeFile;
  await put(download.folder.software, making, licence);
  await changing(making.licence, async () => await writeLasting(making.licence, record.licence));
  await changing(making.release, async () => await writeLasting(making.release, record.release));
  const installedAtSeconds = terminal.clock.nowSeconds();
  const { acceptedAtSeconds, link } = record;
  await saveState(making.record, slotFile, { version: slotVersion, installedAtSeconds, acceptedAtSeconds, link });
}

async function resultOf({ download, folder, slot }: Work, stoppedBefore: InstallStage | null): Promise<Installed> {
  const { licence } = download;
  const { current, previous } = await loadModule(folder);
  return {
    software: descriptionOf(licence),
    previous: current === licence.sequence ? previous : current,
    path: slot.software,
    licenceExpiresAtSeconds: licence.expiresAtSeconds,
    stoppedBefore,
  };
}

/** Removes the staged plaintext and the content key, and the slots that are neither in use nor the one before. */
async function cleanUp({ terminal, download, folder }: Work): Promise<void> {
  if (download.licence.keyRetention === "keep") await keepRecord(terminal, download);
  await remove(download.folder.path);
  await tidyModule(folder, []);
}
