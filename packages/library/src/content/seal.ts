import { aeadTagBytes } from "@sealane/crypto";
import {
  ArtefactSealer,
  type ContentKey,
  defaultSegmentBytes,
  layoutOf,
  type SealedArtefact,
  segmentRange,
  softwareErrors,
} from "@sealane/software";
import type { Environment } from "../environment.ts";
import { requireMethods } from "../own-arguments.ts";
import type { ArtefactFacts } from "./facts.ts";
import { PieceBuffer } from "./piece-buffer.ts";
import type { Spool } from "./spool.ts";

/** How content is sealed. */
export interface SealContentOptions {
  /** Where the content lies until it was sent; for this content alone, and the caller's to dispose of. */
  readonly spool: Spool;
  /** The content's length, where it is known: then nothing is ever stored in plain, and each byte is written once. */
  readonly plaintextBytes?: number;
  /** 1 MiB unless told; 64 KiB to 4 MiB. */
  readonly segmentBytes?: number;
  readonly environment: Environment;
  /** Ends the sealing; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Where the parts of an artefact are: header and tags in memory, the ciphertext in the spool. */
interface StoredParts {
  readonly header: Uint8Array;
  readonly tags: Uint8Array;
  readonly spool: Spool;
}

let sealedContent: (sealed: SealedArtefact, parts: StoredParts) => SealedContent;

/** Content that was sealed: the artefact, which anybody may see, and the key that opens it. `using` wipes the key. */
export class SealedContent implements Disposable {
  /** What a licence names it by. */
  readonly artefact: ArtefactFacts;
  /** Bytes of the whole artefact. */
  readonly fileBytes: number;
  /** For those who may read it: wrap it for them on a link. */
  readonly contentKey: ContentKey;
  readonly #header: Uint8Array;
  readonly #tags: Uint8Array;
  readonly #spool: Spool;

  private constructor(sealed: SealedArtefact, parts: StoredParts) {
    const { artefactId, listDigest, sha256, plaintextBytes, segmentBytes, fileBytes, contentKey } = sealed;
    this.artefact = { artefactId, listDigest, sha256, plaintextBytes, segmentBytes };
    this.fileBytes = fileBytes;
    this.contentKey = contentKey;
    this.#header = parts.header;
    this.#tags = parts.tags;
    this.#spool = parts.spool;
  }

  static {
    sealedContent = (sealed, parts) => new SealedContent(sealed, parts);
  }

  /**
   * The artefact from its beginning, a segment at a time as the reader asks for it; as often as wanted while the spool is there.
   * Errors: those of the spool.
   */
  stream(): ReadableStream<Uint8Array> {
    const layout = layoutOf(this.artefact);
    let next = -1;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const index = next++;
          if (index < 0) controller.enqueue(this.#header.slice());
          else controller.enqueue(await this.#segment(index));
          if (next === layout.segments) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  [Symbol.dispose](): void {
    this.contentKey[Symbol.dispose]();
  }

  async #segment(index: number): Promise<Uint8Array> {
    const { plaintextStart, plaintextBytes } = segmentRange(layoutOf(this.artefact), index);
    const segment = new Uint8Array(plaintextBytes + aeadTagBytes);
    await this.#spool.read(segment.subarray(0, plaintextBytes), plaintextStart);
    segment.set(this.#tags.subarray(index * aeadTagBytes, (index + 1) * aeadTagBytes), plaintextBytes);
    return segment;
  }
}

/**
 * Seals a stream of any length with a fresh content key, in constant memory: one segment, and 48 bytes for each that was sealed.
 * The source is read as fast as the spool takes it, and cancelled after an error.
 *
 * Errors: ARTEFACT_SOURCE_CHANGED when the source is longer or shorter than announced, ARTEFACT_SIZE_EXCEEDED above 2^20 segments,
 * ARTEFACT_SEGMENT_SIZE_WRONG, LIBRARY_ARGUMENT_WRONG; what the source, the spool and the signal bring.
 */
export async function sealContent(source: ReadableStream<Uint8Array>, options: SealContentOptions): Promise<SealedContent> {
  const { spool, segmentBytes = defaultSegmentBytes, signal } = options;
  requireMethods("source", source, ["getReader"]);
  layoutOf({ plaintextBytes: options.plaintextBytes ?? 0, segmentBytes }); // wrong sizes are refused before anything is read
  if (options.plaintextBytes !== undefined) {
    return await sealPieces(chunksOf(source, signal), { ...options, segmentBytes, plaintextBytes: options.plaintextBytes });
  }
  let plaintextBytes = 0;
  for await (const chunk of chunksOf(source, signal)) {
    layoutOf({ plaintextBytes: plaintextBytes + chunk.length, segmentBytes });
    await spool.write(chunk, plaintextBytes);
    plaintextBytes += chunk.length;
  }
  return await sealPieces(spooled({ spool, plaintextBytes, segmentBytes, signal }), { ...options, segmentBytes, plaintextBytes });
}

/** Seals chunks of an announced total; each segment's ciphertext goes to the place of its plaintext. */
async function sealPieces(
  chunks: AsyncIterable<Uint8Array>,
  options: SealContentOptions & { readonly plaintextBytes: number; readonly segmentBytes: number },
): Promise<SealedContent> {
  const { spool, plaintextBytes, segmentBytes, environment } = options;
  using sealer = new ArtefactSealer({ plaintextBytes, segmentBytes, random: environment.random });
  const { layout } = sealer;
  const tags = new Uint8Array(layout.segments * aeadTagBytes);
  const buffer = new PieceBuffer(Math.min(segmentBytes, plaintextBytes));
  let index = 0;
  const sealSegment = async (): Promise<void> => {
    const { ciphertext, tag } = sealer.sealSegment(buffer.held);
    tags.set(tag, index * aeadTagBytes);
    await spool.write(ciphertext, segmentRange(layout, index).plaintextStart);
    buffer.clear();
    index++;
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (index === layout.segments || plaintextBytes === 0)
        throw softwareErrors.error("ARTEFACT_SOURCE_CHANGED", { announced: plaintextBytes });
      const size = segmentRange(layout, index).plaintextBytes;
      at += buffer.fill(chunk.subarray(at), size);
      if (buffer.held.length === size) await sealSegment();
    }
  }
  if (plaintextBytes === 0) await sealSegment();
  const { header, sealed } = sealer.finish();
  return sealedContent(sealed, { header, tags, spool });
}

async function* spooled(input: {
  readonly spool: Spool;
  readonly plaintextBytes: number;
  readonly segmentBytes: number;
  readonly signal: AbortSignal | undefined;
}): AsyncGenerator<Uint8Array, void, undefined> {
  const { spool, plaintextBytes, segmentBytes, signal } = input;
  const buffer = new Uint8Array(Math.min(segmentBytes, plaintextBytes));
  for (let at = 0; at < plaintextBytes; at += segmentBytes) {
    signal?.throwIfAborted();
    const piece = buffer.subarray(0, plaintextBytes - at);
    await spool.read(piece, at);
    yield piece;
  }
}

/** Reads a stream; ends with the signal's reason, also while the source is silent, and cancels the source unless it came to its end. */
async function* chunksOf(source: ReadableStream<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = source.getReader();
  const cancel = (): void => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await reader.cancel().catch(() => {}); // does nothing at the end of the stream
    reader.releaseLock();
  }
}
