import { open } from "node:fs/promises";
import { type RunningDigest, startSha256 } from "@sealane/crypto";
import type { Digest } from "@sealane/wire";
import { layoutOf } from "./artefact-format.ts";
import { readInto, reading } from "./atomic-file.ts";

/** The software's hash, as a licence names it, and how many bytes it is of. */
export interface SoftwareHash {
  /** SHA-256 of the list: of the SHA-256 digests of all segments, one behind the other. */
  readonly listDigest: Digest;
  readonly plaintextBytes: number;
}

/**
 * Computes the hash of software that is installed, from pieces of any size, without keeping any of it: requirement PERMIT asks
 * for it at every start. Empty software has one empty segment. It is as strong as SHA-256 of the whole once the sizes are known,
 * and a segment can be checked without the others.
 */
export class SegmentHasher {
  readonly #segmentBytes: number;
  readonly #list: RunningDigest = startSha256();
  #segment: RunningDigest = startSha256();
  #inSegment = 0;
  #total = 0;

  /** `segmentBytes` as in the licence. Error: ARTEFACT_SEGMENT_SIZE_WRONG. */
  constructor(segmentBytes: number) {
    layoutOf({ plaintextBytes: 0, segmentBytes });
    this.#segmentBytes = segmentBytes;
  }

  /** Takes the next bytes. Error: ARTEFACT_SIZE_EXCEEDED. */
  update(piece: Uint8Array): void {
    layoutOf({ plaintextBytes: this.#total + piece.length, segmentBytes: this.#segmentBytes });
    for (let at = 0; at < piece.length; ) {
      if (this.#inSegment === this.#segmentBytes) this.#endSegment();
      const part = piece.subarray(at, at + this.#segmentBytes - this.#inSegment);
      this.#segment.update(part);
      this.#inSegment += part.length;
      this.#total += part.length;
      at += part.length;
    }
  }

  /** Ends the last segment and gives the hash; nothing may follow. */
  finish(): SoftwareHash {
    this.#endSegment();
    return { listDigest: this.#list.digest(), plaintextBytes: this.#total };
  }

  #endSegment(): void {
    this.#list.update(this.#segment.digest());
    this.#segment = startSha256();
    this.#inSegment = 0;
  }
}

/** Computes the hash of a file. Errors: FILE_READ_FAILED, ARTEFACT_SEGMENT_SIZE_WRONG, ARTEFACT_SIZE_EXCEEDED. */
export async function hashSoftwareFile(path: string, segmentBytes: number): Promise<SoftwareHash> {
  const hasher = new SegmentHasher(segmentBytes);
  return await reading(path, async () => {
    await using handle = await open(path, "r");
    const buffer = new Uint8Array(segmentBytes);
    for (let at = 0; ; ) {
      const read = await readInto(handle, buffer, at);
      hasher.update(buffer.subarray(0, read));
      if (read < buffer.length) return hasher.finish();
      at += read;
    }
  });
}
