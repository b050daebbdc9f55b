import { type FileHandle, open } from "node:fs/promises";
import { aeadTagBytes, type Randomness } from "@sealane/crypto";
import { type ArtefactLayout, layoutOf, type SegmentRange, segmentRange } from "./artefact-format.ts";
import { openNameless, PendingFile, readInto, reading, writeAll, writing } from "./atomic-file.ts";
import { giveBack, settleAllocator } from "./buffers.ts";
import { softwareErrors } from "./errors.ts";
import { defaultSegmentBytes } from "./limits.ts";
import { ArtefactSealer, type SealedArtefact } from "./seal.ts";
import { pumpSegments } from "./segment-pump.ts";

/** How far a run over a file has come. */
export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface SealFileOptions {
  /** A path, or bytes of unknown length, which are first put into a nameless file beside the target. */
  readonly source: string | AsyncIterable<Uint8Array>;
  /** Where the artefact is to be; it is there only when it is complete. */
  readonly target: string;
  /** 1 MiB unless told. */
  readonly segmentBytes?: number;
  readonly random?: Randomness;
  /** Called after every segment, in plaintext bytes. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the sealing and leaves nothing behind; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Seals a file or a stream of any size into an artefact file, with a fresh content key and in constant memory: room for the header
 * is left, the segments are written behind it, the header last; then all of it is synced and renamed to its place.
 *
 * Errors: FILE_READ_FAILED, FILE_WRITE_FAILED, ARTEFACT_SOURCE_CHANGED when the file changes meanwhile, ARTEFACT_SIZE_EXCEEDED,
 * ARTEFACT_SEGMENT_SIZE_WRONG. After an error nothing is left behind and the target is as it was.
 */
export async function sealFile(options: SealFileOptions): Promise<SealedArtefact> {
  const { source } = options;
  if (typeof source !== "string") return await sealSpooled(source, options);
  await using handle = await reading(source, () => open(source, "r"));
  const before = await statOf(handle, source);
  if (!before.regular) return await sealSpooled(pieces(handle, source), options);
  return await sealHandle({ handle, name: source, plaintextBytes: before.bytes }, options, async () => {
    const after = await statOf(handle, source);
    if (after.bytes !== before.bytes || after.modified !== before.modified) throw softwareErrors.error("ARTEFACT_SOURCE_CHANGED");
  });
}

/** Pipes and the like have no size to trust: their bytes are stored before they are sealed. */
async function sealSpooled(source: AsyncIterable<Uint8Array>, options: SealFileOptions): Promise<SealedArtefact> {
  const { target, segmentBytes = defaultSegmentBytes, signal } = options;
  layoutOf({ plaintextBytes: 0, segmentBytes }); // a wrong size is refused before anything is read
  await using handle = await openNameless(target);
  let plaintextBytes = 0;
  for await (const piece of source) {
    signal?.throwIfAborted();
    layoutOf({ plaintextBytes: plaintextBytes + piece.length, segmentBytes });
    await writing(target, () => writeAll(handle, piece, plaintextBytes));
    plaintextBytes += piece.length;
  }
  return await sealHandle({ handle, name: target, plaintextBytes }, options, async () => {});
}

interface Plaintext {
  readonly handle: FileHandle;
  /** For errors. */
  readonly name: string;
  readonly plaintextBytes: number;
}

async function sealHandle(plaintext: Plaintext, options: SealFileOptions, check: () => Promise<void>): Promise<SealedArtefact> {
  const { target, segmentBytes, random, signal } = options;
  using sealer = new ArtefactSealer({
    plaintextBytes: plaintext.plaintextBytes,
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    ...(random === undefined ? {} : { random }),
  });
  const { layout } = sealer;
  await using pending = await PendingFile.create(target);
  settleAllocator();
  await pumpSegments({
    segments: layout.segments,
    bufferBytes: Math.min(layout.segmentBytes, layout.plaintextBytes),
    signal,
    read: (index, buffer) => readSegment(plaintext, segmentRange(layout, index), buffer),
    work: (_, piece) => sealer.sealSegment(piece),
    async write(index, { ciphertext, tag }) {
      const { fileStart, fileEnd } = segmentRange(layout, index);
      await pending.write(ciphertext, fileStart);
      await pending.write(tag, fileEnd - aeadTagBytes);
      giveBack(ciphertext);
      report(layout, index, options.onProgress);
    },
  });
  await check();
  const { header, sealed } = sealer.finish();
  try {
    await pending.write(header, 0);
    await pending.commit();
  } catch (error) {
    sealed.contentKey[Symbol.dispose]();
    throw error;
  }
  return sealed;
}

/** Gives fewer bytes when the source has become shorter, which the sealer refuses. */
async function readSegment({ handle, name }: Plaintext, range: SegmentRange, buffer: Uint8Array): Promise<Uint8Array> {
  const piece = buffer.subarray(0, range.plaintextBytes);
  return piece.subarray(0, await reading(name, () => readInto(handle, piece, range.plaintextStart)));
}

function report(layout: ArtefactLayout, index: number, onProgress: SealFileOptions["onProgress"]): void {
  const { plaintextStart, plaintextBytes } = segmentRange(layout, index);
  onProgress?.({ doneBytes: plaintextStart + plaintextBytes, totalBytes: layout.plaintextBytes });
}

interface SourceState {
  readonly regular: boolean;
  readonly bytes: number;
  readonly modified: bigint;
}

async function statOf(handle: FileHandle, name: string): Promise<SourceState> {
  const stat = await reading(name, () => handle.stat({ bigint: true }));
  return { regular: stat.isFile(), bytes: Number(stat.size), modified: stat.mtimeNs };
}

async function* pieces(handle: FileHandle, name: string): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const { bytesRead } = await reading(name, () => handle.read(buffer, 0, buffer.length, null));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
