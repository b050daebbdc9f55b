import { aeadTagBytes } from "@sealane/crypto";
import { type ErrorDetails, encode } from "@sealane/wire";
import { softwareErrors } from "./errors.ts";
import { artefactFormat } from "./labels.ts";
import { commitmentBytes, maxSegmentBytes, maxSegments, minSegmentBytes, saltBytes } from "./limits.ts";

/**
 * Where everything stands in a sealed artefact (docs/protocol.md, sealed artefact): the header, then the segments without
 * anything between or behind them. All of it follows from two numbers.
 *
 * An empty plaintext is one empty final segment, so that every artefact has a segment to authenticate; a plaintext that is an
 * exact multiple of the segment size ends with a full final segment and no empty one behind it.
 */

/** Bytes of a SHA-256 digest in the list. */
export const listEntryBytes = 32;

/** The two numbers that fix an artefact's shape. */
export interface ArtefactSizes {
  readonly plaintextBytes: number;
  /** Plaintext bytes of every segment but the last. */
  readonly segmentBytes: number;
}

/** What follows from {@link ArtefactSizes}. */
export interface ArtefactLayout extends ArtefactSizes {
  readonly segments: number;
  readonly headerBytes: number;
  readonly bodyBytes: number;
  readonly fileBytes: number;
}

/** One segment's place, in bytes; `fileEnd` is exclusive. */
export interface SegmentRange {
  readonly plaintextStart: number;
  readonly plaintextBytes: number;
  readonly fileStart: number;
  readonly fileEnd: number;
}

/**
 * Computes the layout of an artefact.
 * Errors: ARTEFACT_SEGMENT_SIZE_WRONG outside 64 KiB to 4 MiB; ARTEFACT_SIZE_EXCEEDED above 2^20 segments.
 */
export function layoutOf(sizes: ArtefactSizes): ArtefactLayout {
  const { plaintextBytes, segmentBytes } = sizes;
  const details: ErrorDetails = { plaintextBytes, segmentBytes };
  if (!Number.isInteger(segmentBytes) || segmentBytes < minSegmentBytes || segmentBytes > maxSegmentBytes)
    throw softwareErrors.error("ARTEFACT_SEGMENT_SIZE_WRONG", { segmentBytes });
  if (!Number.isInteger(plaintextBytes) || plaintextBytes < 0 || plaintextBytes > maxSegments * segmentBytes)
    throw softwareErrors.error("ARTEFACT_SIZE_EXCEEDED", details);
  const segments = Math.max(1, Math.ceil(plaintextBytes / segmentBytes));
  const headerBytes = headerFrontBytes(sizes, segments) + segments * listEntryBytes + aeadTagBytes;
  const bodyBytes = plaintextBytes + segments * aeadTagBytes;
  return { plaintextBytes, segmentBytes, segments, headerBytes, bodyBytes, fileBytes: headerBytes + bodyBytes };
}

/** The length of the header, known before anything is sealed. Errors: those of {@link layoutOf}. */
export function headerBytesFor(sizes: ArtefactSizes): number {
  return layoutOf(sizes).headerBytes;
}

/** Where a segment stands. Error: ARTEFACT_INDEX_WRONG. */
export function segmentRange(layout: ArtefactLayout, index: number): SegmentRange {
  if (!Number.isInteger(index) || index < 0 || index >= layout.segments) throw softwareErrors.error("ARTEFACT_INDEX_WRONG", { index });
  const plaintextStart = index * layout.segmentBytes;
  const plaintextBytes = Math.min(layout.segmentBytes, layout.plaintextBytes - plaintextStart);
  const fileStart = layout.headerBytes + index * (layout.segmentBytes + aeadTagBytes);
  return { plaintextStart, plaintextBytes, fileStart, fileEnd: fileStart + plaintextBytes + aeadTagBytes };
}

/** Bytes of the header in front of the list's own bytes: seven heads and the six fields that stand before it. */
function headerFrontBytes({ plaintextBytes, segmentBytes }: ArtefactSizes, segments: number): number {
  const fixed = bytesHeadBytes(saltBytes) + saltBytes + 2 * (bytesHeadBytes(commitmentBytes) + commitmentBytes);
  const numbers = encode(plaintextBytes).length + encode(segmentBytes).length;
  return 1 + encode(artefactFormat).length + fixed + numbers + bytesHeadBytes(segments * listEntryBytes + aeadTagBytes);
}

/** Bytes of the head of a byte string: as long as that of the number. */
function bytesHeadBytes(length: number): number {
  return encode(length).length;
}
