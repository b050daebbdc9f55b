import { Secret } from "@sealane/crypto";
import { ArtefactOpener, artefactIdOf, type ContentKey, layoutOf, parseHeaderFront, segmentRange, softwareErrors } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import { requireBytes, requireMethods } from "../own-arguments.ts";
import { plainBytes } from "../plain-bytes.ts";
import type { ArtefactFacts } from "./facts.ts";
import { PieceBuffer } from "./piece-buffer.ts";

/** What is needed to open an artefact. */
export interface OpenContentInput {
  /** Which artefact it must be: from a verified licence, or as sealing gave it. */
  readonly artefact: Omit<ArtefactFacts, "sha256">;
  /** Is copied: the caller may wipe its own at once. */
  readonly contentKey: ContentKey;
}

/**
 * Makes a transform from an artefact's bytes, in chunks of any size, to its content, in constant memory: the header and one
 * segment. Nothing comes out before its segment is authentic under the content key and is the one that the artefact's list names;
 * **all of it is there only when the readable side closes without an error**.
 *
 * ```ts
 * await download.pipeThrough(openContent({ artefact: licence, contentKey })).pipeTo(file, { signal });
 * ```
 * Errors, on both sides of the transform: ARTEFACT_FORMAT_WRONG, ARTEFACT_ID_WRONG, ARTEFACT_KEY_WRONG, ARTEFACT_LIST_WRONG,
 * ARTEFACT_LIST_DIGEST_WRONG, ARTEFACT_SEGMENT_WRONG, ARTEFACT_SEGMENT_DIGEST_WRONG, ARTEFACT_TRUNCATED, ARTEFACT_TRAILING_BYTES.
 * Thrown at once: LIBRARY_ARGUMENT_WRONG, ARTEFACT_SEGMENT_SIZE_WRONG, ARTEFACT_SIZE_EXCEEDED for sizes that no artefact has.
 */
export function openContent(input: OpenContentInput): TransformStream<Uint8Array, Uint8Array> {
  requireBytes("artefact.artefactId", input.artefact?.artefactId);
  requireMethods("contentKey", input.contentKey, ["use"]);
  const opening = new Opening(input);
  return new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => opening.take(chunk, (plaintext) => controller.enqueue(plaintext)),
    flush: () => opening.end(),
    cancel: () => opening[Symbol.dispose](),
  });
}

/** One artefact while it arrives. */
class Opening implements Disposable {
  readonly #input: OpenContentInput;
  readonly #contentKey: ContentKey;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #disposer = new DisposableStack();
  #opener: ArtefactOpener | null = null;
  #piece: PieceBuffer;
  #next = 0;

  constructor(input: OpenContentInput) {
    this.#input = input;
    this.#layout = layoutOf(input.artefact);
    this.#contentKey = this.#disposer.use(input.contentKey.use((bytes) => Secret.copy("content key", bytes)));
    this.#piece = new PieceBuffer(this.#layout.headerBytes);
  }

  take(chunk: Uint8Array, give: (plaintext: Uint8Array) => void): void {
    try {
      for (let at = 0; at < chunk.length; ) {
        const size = this.#wantedBytes();
        at += this.#piece.fill(chunk.subarray(at), size);
        if (this.#piece.held.length === size) this.#finishPiece(give);
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Errors: ARTEFACT_FORMAT_WRONG, ARTEFACT_TRUNCATED. */
  end(): void {
    this[Symbol.dispose]();
    if (this.#next === this.#layout.segments) return;
    if (this.#opener === null) parseHeaderFront(this.#piece.held);
    throw softwareErrors.error("ARTEFACT_TRUNCATED", { segment: this.#next });
  }

  [Symbol.dispose](): void {
    this.#disposer.dispose();
  }

  #wantedBytes(): number {
    if (this.#opener === null) return this.#layout.headerBytes;
    if (this.#next === this.#layout.segments) throw softwareErrors.error("ARTEFACT_TRAILING_BYTES");
    const { fileStart, fileEnd } = segmentRange(this.#layout, this.#next);
    return fileEnd - fileStart;
  }

  #finishPiece(give: (plaintext: Uint8Array) => void): void {
    if (this.#opener === null) {
      this.#opener = this.#open(this.#piece.held);
      this.#piece = new PieceBuffer(this.#wantedBytes());
      return;
    }
    const plaintext = this.#opener.openSegment(this.#next, this.#piece.held);
    this.#piece.clear();
    this.#next++;
    if (plaintext.length > 0) give(plainBytes(plaintext));
  }

  #open(header: Uint8Array): ArtefactOpener {
    const { artefact } = this.#input;
    parseHeaderFront(header);
    if (!equalBytes(artefactIdOf(header), artefact.artefactId)) throw softwareErrors.error("ARTEFACT_ID_WRONG");
    const opener = this.#disposer.use(new ArtefactOpener(header, { contentKey: this.#contentKey, expected: artefact }));
    this.#contentKey[Symbol.dispose]();
    return opener;
  }
}
