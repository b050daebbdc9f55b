import { type FileHandle, open } from "node:fs/promises";
import { segmentRange } from "./artefact-format.ts";
import { artefactPrefixBytes, headerLengthFromPrefix, requireLength } from "./artefact-header.ts";
import type { ContentKey } from "./artefact-keys.ts";
import { PendingFile, readInto, reading } from "./atomic-file.ts";
import { giveBack, settleAllocator } from "./buffers.ts";
import { softwareErrors } from "./errors.ts";
import { ArtefactOpener, type ExpectedArtefact } from "./open.ts";
import type { Progress } from "./seal-file.ts";
import { pumpSegments } from "./segment-pump.ts";

export interface OpenFileOptions {
  /** The artefact's path. */
  readonly source: string;
  /** Where the software is to be; it is there only when all of it was checked. */
  readonly target: string;
  readonly contentKey: ContentKey;
  /** From a verified licence. */
  readonly expected: ExpectedArtefact;
  /** Exact mode of the target; unless told, the umask decides. */
  readonly mode?: number;
  /** Called after every segment, in plaintext bytes. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the run and leaves nothing behind; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a whole artefact file: every segment is decrypted, checked and written beside the target, which is then synced and
 * renamed. The file's length is checked first, so nothing behind the final segment is overlooked.
 *
 * Errors: those of {@link ArtefactOpener} and its `openSegment`, FILE_READ_FAILED, FILE_WRITE_FAILED. After an error nothing is
 * left behind and the target is as it was.
 */
export async function openFile(options: OpenFileOptions): Promise<{ readonly plaintextBytes: number }> {
  const { source, target, contentKey, expected, onProgress, signal } = options;
  await using handle = await reading(source, () => open(source, "r"));
  using opener = new ArtefactOpener(await readHeader(handle, source), { contentKey, expected });
  const { layout } = opener;
  const { plaintextBytes, segments } = layout;
  const { size } = await reading(source, () => handle.stat());
  requireLength(size, layout.fileBytes);
  await using pending = await PendingFile.create(target, options.mode === undefined ? {} : { mode: options.mode });
  settleAllocator();
  await pumpSegments({
    segments,
    bufferBytes: Math.min(layout.bodyBytes, segmentRange(layout, 0).fileEnd - layout.headerBytes),
    signal,
    async read(index, buffer) {
      const { fileStart, fileEnd } = segmentRange(layout, index);
      return await readExactly(handle, { source, at: fileStart }, buffer.subarray(0, fileEnd - fileStart));
    },
    work: (index, sealed) => opener.openSegment(index, sealed),
    async write(index, plaintext) {
      const { plaintextStart } = segmentRange(layout, index);
      const doneBytes = plaintextStart + plaintext.length;
      await pending.write(plaintext, plaintextStart);
      giveBack(plaintext);
      onProgress?.({ doneBytes, totalBytes: plaintextBytes });
    },
  });
  await pending.commit();
  return { plaintextBytes };
}

/** Reads the header of an artefact file. Errors: ARTEFACT_FORMAT_WRONG, ARTEFACT_TRUNCATED, FILE_READ_FAILED. */
export async function readArtefactHeader(path: string): Promise<Uint8Array> {
  await using handle = await reading(path, () => open(path, "r"));
  return await readHeader(handle, path);
}

async function readHeader(handle: FileHandle, source: string): Promise<Uint8Array> {
  const prefix = new Uint8Array(artefactPrefixBytes);
  const read = await reading(source, () => readInto(handle, prefix, 0));
  const length = headerLengthFromPrefix(prefix.subarray(0, read));
  return await readExactly(handle, { source, at: 0 }, new Uint8Array(length));
}

async function readExactly(
  handle: FileHandle,
  from: { readonly source: string; readonly at: number },
  into: Uint8Array,
): Promise<Uint8Array> {
  const read = await reading(from.source, () => readInto(handle, into, from.at));
  if (read < into.length) throw softwareErrors.error("ARTEFACT_TRUNCATED", { file: from.source });
  return into;
}
