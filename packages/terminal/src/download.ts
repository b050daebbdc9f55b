import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import type { Secret } from "@sealane/crypto";
import {
  ArtefactOpener,
  artefactPrefixBytes,
  giveBack,
  parseHeaderFront,
  segmentRange,
  settleAllocator,
  softwareErrors,
  syncFolder,
  type VerifiedLicence,
  writeFileAtomic,
} from "@sealane/software";
import { hasCode, SealaneError } from "@sealane/wire";
import type { ArtefactSource } from "./artefact-source.ts";
import { ByteReader } from "./byte-reader.ts";
import { changing, exists, isMissing, readInto, writeAll } from "./disk.ts";
import { Attempts } from "./retry.ts";
import type { DownloadFolder } from "./state-folder.ts";
import type { Terminal } from "./terminal.ts";

export interface DownloadInput {
  readonly folder: DownloadFolder;
  readonly licence: VerifiedLicence;
  readonly contentKey: Secret<"content key">;
  readonly source: ArtefactSource;
}

/** How a download went; byte counts are of the plaintext. */
export interface DownloadResult {
  /** Fetched by this call. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** The first segment that was missing. */
  readonly resumedAtSegment: number;
  readonly segments: number;
}

/**
 * Brings the plaintext of an artefact to the disk, each segment proven before it is written (STREAM), in one continuing stream
 * from the first that is missing. What a former attempt left is checked again by its digests and kept. A connection that breaks is
 * opened again at the missing segment. Memory does not grow with the artefact but for its list of digests.
 *
 * Errors: those of the source; ARTEFACT_* (a header or segment was changed, cut or is another's; the proven segments stay);
 * TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function downloadArtefact(terminal: Terminal, input: DownloadInput): Promise<DownloadResult> {
  settleAllocator();
  const { folder } = input;
  await using work = await Staging.open(folder.part);
  const progress: Progress = { opener: await loadHeader(input), first: null, next: 0 };
  try {
    await fetchMissing(terminal, { ...input, work, progress });
    await work.finish(input.licence.plaintextBytes);
  } finally {
    progress.opener?.[Symbol.dispose]();
  }
  await changing(folder.software, async () => {
    await rename(folder.part, folder.software);
    await syncFolder(folder.path);
  });
  const { plaintextBytes, segmentBytes } = input.licence;
  const first = progress.first ?? 0;
  const bytes = Math.max(0, plaintextBytes - first * segmentBytes);
  return { bytes, totalBytes: plaintextBytes, resumedAtSegment: first, segments: progress.next };
}

/** What a download has so far. */
interface Progress {
  opener: ArtefactOpener | null;
  /** The first segment that this call had to fetch; null until the staged ones were checked. */
  first: number | null;
  next: number;
}

interface Work extends DownloadInput {
  readonly work: Staging;
  readonly progress: Progress;
}

async function fetchMissing(terminal: Terminal, work: Work): Promise<void> {
  const { progress } = work;
  const attempts = new Attempts(terminal);
  for (;;) {
    if (progress.opener !== null && progress.first === null) await checkStaged(terminal, work, progress.opener);
    if (progress.opener !== null && progress.next === progress.opener.layout.segments) return;
    const before = progress.next;
    try {
      await streamOnce(terminal, work);
    } catch (error) {
      if (progress.next > before) attempts.reset();
      await attempts.pauseAfter(error);
    }
  }
}

/** Reads one stream until everything is there, or only the header when staged segments have to be checked first. */
async function streamOnce(terminal: Terminal, work: Work): Promise<void> {
  const { source, progress, licence } = work;
  const start = progress.opener === null ? 0 : segmentRange(progress.opener.layout, progress.next).fileStart;
  const { fileBytes, bytes } = await source.open(start);
  await using reader = new ByteReader(bytes);
  if (progress.opener === null) {
    progress.opener = await readHeader(reader, work);
    if (await work.work.hasContent()) return;
    progress.first = 0;
  }
  const opener = progress.opener;
  requireFileBytes(fileBytes, opener.layout.fileBytes);
  const { segments, segmentBytes } = opener.layout;
  const sealed = new Uint8Array(segmentRange(opener.layout, 0).fileEnd - opener.layout.headerBytes);
  for (; progress.next < segments; progress.next++) {
    const { plaintextStart, plaintextBytes, fileStart, fileEnd } = segmentRange(opener.layout, progress.next);
    const target = sealed.subarray(0, fileEnd - fileStart);
    const got = await reader.fill(target);
    if (got < target.length) throw softwareErrors.error("ARTEFACT_TRUNCATED", { segment: progress.next });
    const plaintext = opener.openSegment(progress.next, target);
    await work.work.write(plaintext, plaintextStart);
    giveBack(plaintext);
    const done = Math.min(progress.next * segmentBytes + plaintextBytes, licence.plaintextBytes);
    terminal.onEvent({ kind: "download", bytes: done, totalBytes: licence.plaintextBytes });
  }
}

/** Finds the first staged segment that is missing or not what the list of digests says. */
async function checkStaged(terminal: Terminal, { work, progress, licence }: Work, opener: ArtefactOpener): Promise<void> {
  const { segments, segmentBytes } = opener.layout;
  const buffer = new Uint8Array(Math.min(segmentBytes, Math.max(1, licence.plaintextBytes)));
  for (progress.next = 0; progress.next < segments && (await work.hasContent()); progress.next++) {
    const { plaintextStart, plaintextBytes } = segmentRange(opener.layout, progress.next);
    const target = buffer.subarray(0, plaintextBytes);
    const got = await work.read(target, plaintextStart);
    if (got < plaintextBytes || !isIntact(opener, progress.next, target)) break;
    terminal.onEvent({ kind: "check", bytes: plaintextStart + plaintextBytes, totalBytes: licence.plaintextBytes });
  }
  progress.first = progress.next;
}

function isIntact(opener: ArtefactOpener, index: number, plaintext: Uint8Array): boolean {
  try {
    opener.verifyPlaintextSegment(index, plaintext);
    return true;
  } catch (error) {
    if (hasCode(error, "ARTEFACT_SEGMENT_DIGEST_WRONG")) return false;
    throw error;
  }
}

/** The header of a former attempt; null when there is none that is right. */
async function loadHeader({ folder, licence, contentKey }: DownloadInput): Promise<ArtefactOpener | null> {
  try {
    return new ArtefactOpener(await readFile(folder.header), { contentKey, expected: licence });
  } catch (error) {
    const isUseless = isMissing(error) || (error instanceof SealaneError && error.code.startsWith("ARTEFACT_"));
    if (!isUseless) throw error;
    await changing(folder.header, async () => await rm(folder.header, { force: true }));
    return null;
  }
}

/** Takes the header from the beginning of a stream, proves it and writes it down. */
async function readHeader(reader: ByteReader, { folder, licence, contentKey }: Work): Promise<ArtefactOpener> {
  const prefix = new Uint8Array(artefactPrefixBytes);
  const { header: sizes, layout } = parseHeaderFront(prefix.subarray(0, await reader.fill(prefix)));
  const isOther = sizes.plaintextBytes !== licence.plaintextBytes || sizes.segmentBytes !== licence.segmentBytes;
  if (isOther) throw softwareErrors.error("ARTEFACT_ID_WRONG", { plaintextBytes: sizes.plaintextBytes });
  const header = new Uint8Array(layout.headerBytes);
  header.set(prefix.subarray(0, header.length));
  const got = await reader.fill(header.subarray(prefix.length));
  if (prefix.length + got < header.length) throw softwareErrors.error("ARTEFACT_TRUNCATED", { bytes: prefix.length + got });
  const opener = new ArtefactOpener(header, { contentKey, expected: licence });
  await changing(folder.header, async () => await writeFileAtomic(folder.header, header, { mode: 0o600 }));
  return opener;
}

/** Nothing stands behind the final segment, and nothing is missing. Errors: ARTEFACT_TRUNCATED, ARTEFACT_TRAILING_BYTES. */
function requireFileBytes(bytes: number | null, expected: number): void {
  if (bytes !== null && bytes < expected) throw softwareErrors.error("ARTEFACT_TRUNCATED", { bytes, expected });
  if (bytes !== null && bytes > expected) throw softwareErrors.error("ARTEFACT_TRAILING_BYTES", { bytes, expected });
}

/** The file that the plaintext grows in. */
class Staging implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<Staging> {
    return await changing(path, async () => {
      const file = (await exists(path)) ? await open(path, "r+") : await open(path, "wx+", 0o600);
      return new Staging(path, file);
    });
  }

  async hasContent(): Promise<boolean> {
    return (await this.#file.stat()).size > 0;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return await readInto(this.#file, into, position);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await changing(this.#path, async () => await writeAll(this.#file, bytes, position));
  }

  /** Cuts off what a former attempt may have left behind the end, and makes the content lasting. */
  async finish(bytes: number): Promise<void> {
    await changing(this.#path, async () => {
      await this.#file.truncate(bytes);
      await this.#file.sync();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
