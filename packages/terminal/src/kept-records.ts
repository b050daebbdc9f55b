import { rename } from "node:fs/promises";
import { join } from "node:path";
import { parseLicence, syncFolder } from "@sealane/software";
import { SealaneError } from "@sealane/wire";
import { changing, loadState, makeFolder, namesIn, removeFile, removeTemporary } from "./disk.ts";
import { type Download, downloadRecordFile } from "./download-record.ts";
import type { Terminal } from "./terminal.ts";

/** The repository of releases, licences and content keys after their delivery, for a later proof (KREP); the keys stay encrypted. */

/** Moves what a link gave into the repository. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
export async function keepRecord({ folder }: Terminal, download: Download): Promise<void> {
  await makeFolder(folder.kept);
  const target = folder.keptRecord(download.licence.artefactId);
  await changing(target, async () => {
    await rename(download.folder.record, target);
    await syncFolder(folder.kept);
  });
}

/** Removes keys whose life was over at the latest proven time (KLIFE): a clock that is ahead refuses them and erases none. For the holder of the lock on downloads. */
export async function tidyKept({ folder, clock }: Terminal): Promise<void> {
  await removeTemporary(folder.kept);
  for (const name of await namesIn(folder.kept)) {
    const path = join(folder.kept, name);
    if ((await keyEndOf(path)) <= clock.floorSeconds()) await removeFile(path);
  }
}

/** When the life of a kept key ends; what cannot be read is left for people to look at. */
async function keyEndOf(path: string): Promise<number> {
  try {
    const record = await loadState(path, downloadRecordFile);
    const end = record === null ? null : parseLicence(record.licence).licence.keyExpiresAtSeconds;
    return end ?? Number.POSITIVE_INFINITY;
  } catch (error) {
    if (error instanceof SealaneError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
