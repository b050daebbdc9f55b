import type { Secret } from "@sealane/crypto";
import type { SoftwareDescription } from "@sealane/software";
import { hasCode, SealaneError } from "@sealane/wire";
import { type ArtefactSource, httpSource, sourceNamed } from "./artefact-source.ts";
import { remove, removeTemporary } from "./disk.ts";
import { type DownloadResult, downloadArtefact } from "./download.ts";
import { type Download, findDownloads, isArtefact, openContentKey, removeUnusable, type UnusableDownload } from "./download-record.ts";
import type { HttpClient } from "./http-client.ts";
import { highestOf, localModules } from "./installed-modules.ts";
import { tidyKept } from "./kept-records.ts";
import type { Terminal } from "./terminal.ts";
import type { Holder } from "./trust.ts";

/** Work on downloads, for the holder of their lock. */

/** A download that can go on; one that is complete needs no content key. */
export interface Taken {
  readonly download: Download;
  readonly contentKey: Secret<"content key"> | null;
}

/** What is there to go on with. */
export interface TidyDownloads {
  readonly downloads: readonly Download[];
  /** What was begun and is over. */
  readonly over: readonly UnusableDownload[];
}

/** Removes downloads whose licence or key has ended, and what is installed by now or older: their content keys go with them (KREP). */
export async function tidyDownloads(terminal: Terminal, holder: Holder): Promise<TidyDownloads> {
  await removeTemporary(terminal.folder.path);
  await tidyKept(terminal);
  const found = await findDownloads(terminal, holder);
  const usable = await removeUnusable(found);
  const modules = await localModules(terminal);
  const isWanted = ({ licence }: Download): boolean => licence.sequence > highestOf(modules, licence.module);
  for (const each of usable) if (!isWanted(each)) await remove(each.folder.path);
  return { downloads: usable.filter(isWanted), over: found.filter((each) => each.kind === "unusable") };
}

/** The newest that was begun and is not complete, of one module or of any; null when there is none. Errors: those of `openContentKey`. */
export async function resumeDownload(
  terminal: Terminal,
  holder: Holder,
  wanted: { readonly downloads: readonly Download[]; readonly module: string | undefined },
): Promise<Taken | null> {
  const { downloads, module } = wanted;
  const fits = ({ complete, licence }: Download): boolean => !complete && (module ?? licence.module) === licence.module;
  const newestFirst = downloads.filter(fits).toSorted((a, b) => b.licence.sequence - a.licence.sequence);
  for (const download of newestFirst) {
    try {
      return { download, contentKey: await openContentKey(terminal, holder, download) };
    } catch (error) {
      const isKeptForOthers = error instanceof SealaneError && /^(CRYPTO|COSE|WIRE)_/.test(error.code);
      if (!isKeptForOthers) throw error;
      await remove(download.folder.path); // kept under keys of an enrolment that was replaced
    }
  }
  return null;
}

/** A download of what was offered that is complete already. */
export function completeOf(downloads: readonly Download[], description: SoftwareDescription): Download | null {
  return downloads.find((each) => each.complete && isArtefact(each.licence, description)) ?? null;
}

/**
 * Brings the software of a download here, and removes older downloads of its module. A content key that is not the artefact's goes with
 * its record: whoever hears a broadcast can wrap another one. Errors: those of `downloadArtefact`.
 */
export async function finishDownload(
  terminal: Terminal,
  taken: Taken,
  from: {
    readonly holder: Holder;
    readonly http: HttpClient;
    /** An address or a file in place of the server. */
    readonly source: string | undefined;
    readonly downloads: readonly Download[];
  },
): Promise<DownloadResult> {
  const { download, contentKey } = taken;
  const { licence, folder } = download;
  const result = contentKey === null ? wholeOf(download) : await fetchWith(terminal, { download, contentKey, from });
  const older = from.downloads.filter((each) => each.licence.module === licence.module && each.licence.sequence < licence.sequence);
  for (const each of older) if (each.folder.path !== folder.path) await remove(each.folder.path);
  return result;
}

async function fetchWith(
  terminal: Terminal,
  given: {
    readonly download: Download;
    readonly contentKey: Secret<"content key">;
    readonly from: Parameters<typeof finishDownload>[2];
  },
): Promise<DownloadResult> {
  const { download, contentKey, from } = given;
  try {
    return await downloadArtefact(terminal, { ...download, contentKey, source: sourceOf(download, from) });
  } catch (error) {
    if (hasCode(error, "ARTEFACT_KEY_WRONG")) await remove(download.folder.path);
    throw error;
  }
}

function sourceOf({ licence: { artefactId } }: Download, from: Parameters<typeof finishDownload>[2]): ArtefactSource {
  const { holder, http, source } = from;
  return source === undefined ? httpSource(http, holder.url, artefactId) : sourceNamed(source, { http, artefactId });
}

function wholeOf({ licence }: Download): DownloadResult {
  const segments = Math.max(1, Math.ceil(licence.plaintextBytes / licence.segmentBytes));
  return { bytes: 0, totalBytes: licence.plaintextBytes, resumedAtSegment: segments, segments };
}
