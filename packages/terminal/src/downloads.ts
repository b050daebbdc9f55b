import type { Secret } from "@sealane/crypto";
import type { HttpClient } from "@sealane/http";
import { isSameSoftware, type Licence, type SoftwareDescription } from "@sealane/software";
import { hasCode, SealaneError } from "@sealane/wire";
import { type ArtefactSource, httpSource, sourceNamed } from "./artefact-source.ts";
import { remove, removeTemporary } from "./disk.ts";
import { type DownloadResult, downloadArtefact } from "./download.ts";
import {
  type Download,
  type FoundDownload,
  findDownload,
  findDownloads,
  openContentKey,
  readLicence,
  removeUnusable,
  type UnusableDownload,
} from "./download-record.ts";
import { highestOf, localModules } from "./installed-modules.ts";
import { tidyKept } from "./kept-records.ts";
import { changeState } from "./state-change.ts";
import { isFolderName } from "./state-folder.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";
import type { Holder } from "./trust.ts";

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

/**
 * Removes downloads whose licence or key has ended by a proven time, and what is installed by now or older: their content keys go with them (KREP). Where
 * another command installs, nothing is removed, and nothing of a module that another one fetches: they may be at work on that. `held` is
 * the module that this command holds itself. Errors: those of `changeState`.
 */
export async function tidyDownloads(terminal: Terminal, holder: Holder, held: string | null = null): Promise<TidyDownloads> {
  return await changeState(terminal, holder, async () => {
    const { wanted, all, unwanted } = await findWanted(terminal, holder);
    await StateLock.ifFree(terminal.folder, "modules", async () => {
      await removeTemporary(terminal.folder.path);
      await tidyKept(terminal);
      for (const each of all) {
        const tidyOne = async (): Promise<void> => {
          await removeUnusable(terminal, each);
          if (each.kind === "usable" && unwanted.includes(each.download)) await remove(each.download.folder.path);
        };
        const module = moduleOf(each);
        if (module === null || module === held) await tidyOne();
        else await StateLock.ifFree(terminal.folder, { module }, tidyOne);
      }
    });
    return { downloads: wanted, over: all.filter((each) => each.kind === "unusable") };
  });
}

/** Null for what no command is at work on, because it cannot be read. */
function moduleOf(found: FoundDownload): string | null {
  if (found.kind === "usable") return found.download.licence.module;
  return found.kind === "unusable" && found.module !== null && isFolderName(found.module) ? found.module : null;
}

async function findWanted(
  terminal: Terminal,
  holder: Holder,
): Promise<{ readonly all: readonly FoundDownload[]; readonly wanted: readonly Download[]; readonly unwanted: readonly Download[] }> {
  const all = await findDownloads(terminal, holder);
  const modules = await localModules(terminal);
  const usable = all.flatMap((each) => (each.kind === "usable" ? [each.download] : []));
  const isWanted = ({ licence }: Download): boolean => licence.sequence > highestOf(modules, licence.module);
  return { all, wanted: usable.filter(isWanted), unwanted: usable.filter((each) => !isWanted(each)) };
}

/** A download with its content key, if it needs one; null, and it is removed, where that is kept under keys of an enrolment that was replaced. */
async function takenOf(terminal: Terminal, holder: Holder, download: Download): Promise<Taken | null> {
  if (download.complete) return { download, contentKey: null };
  try {
    return { download, contentKey: await openContentKey(terminal, holder, download) };
  } catch (error) {
    const isKeptForOthers = error instanceof SealaneError && /^(CRYPTO|COSE|WIRE)_/.test(error.code);
    if (!isKeptForOthers) throw error;
    await remove(download.folder.path);
    return null;
  }
}

/**
 * What was begun, or is complete, of the very software that was offered; null where a licence is needed: another description of the
 * same artefact is other software. For who holds its module. Errors: those of `openContentKey`.
 */
export async function begunOf(terminal: Terminal, holder: Holder, description: SoftwareDescription): Promise<Taken | null> {
  const own = await findDownload(terminal, holder, description.artefactId);
  return own !== null && isSameSoftware(own.licence, description) ? await takenOf(terminal, holder, own) : null;
}

/**
 * What proves that licence or content key are not this artefact's, whoever sent it: the header with the right id says so. Anything else
 * that is wrong, and that a place does not have the artefact, may be the doing of whoever is on the way.
 */
const provenWrong = ["ARTEFACT_KEY_WRONG", "ARTEFACT_LIST_WRONG", "ARTEFACT_LIST_DIGEST_WRONG"] as const;

/**
 * Brings the software of a download here, and removes older downloads of its module. Licence and content key that the artefact itself
 * contradicts are given up with what was fetched: the next command begins anew. For who holds its module. Errors: those of
 * `downloadArtefact` and `changeState`.
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
  const result = contentKey === null || download.complete ? wholeOf(download) : await fetchWith(terminal, { download, contentKey, from });
  const isOlder = (each: Pick<Licence, "module" | "sequence"> | null): boolean =>
    each !== null && each.module === licence.module && each.sequence < licence.sequence;
  const older = from.downloads.filter((each) => isOlder(each.licence) && each.folder.path !== folder.path);
  await changeState(terminal, from.holder, async () => {
    await StateLock.ifFree(terminal.folder, "modules", async () => {
      // One of them may have become another module's meanwhile.
      for (const each of older) if (isOlder(await readLicence(each.folder))) await remove(each.folder.path);
    });
  });
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
    if (provenWrong.some((code) => hasCode(error, code))) await remove(download.folder.path);
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
