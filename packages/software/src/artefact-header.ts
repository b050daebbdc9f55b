import { aeadTagBytes, sha256 } from "@sealane/crypto";
import { type ArtefactId, artefactId, concatBytes, decodeItem, encode, equalBytes } from "@sealane/wire";
import { type ArtefactLayout, type ArtefactSizes, layoutOf, listEntryBytes } from "./artefact-format.ts";
import { softwareErrors } from "./errors.ts";
import { artefactFormat } from "./labels.ts";
import { saltBytes } from "./limits.ts";

/**
 * The header of a sealed artefact: deterministic CBOR [format, salt, plaintext bytes, segment bytes, commitment, SHA-256 of the
 * body, encrypted list]. Given the two sizes it has one length and one place for every field, so it is read without copying a
 * list of up to 32 MiB: the fields in front of the list are read, encoded again and compared.
 */

/** What stands in front of the list: public, and authentic once the artefact id is known to be right. */
export interface ArtefactHeader extends ArtefactSizes {
  /** 32 random bytes. */
  readonly salt: Uint8Array;
  /** 32 bytes that only the right content key gives. */
  readonly commitment: Uint8Array;
  /** SHA-256 of everything behind the header. */
  readonly bodySha256: Uint8Array;
}

/** A header's fields, its layout, and how many bytes stand in front of the encrypted list. */
export interface HeaderFront {
  readonly header: ArtefactHeader;
  readonly layout: ArtefactLayout;
  readonly frontBytes: number;
}

const magic = concatBytes(Uint8Array.of(0x80 | 7), encode(artefactFormat), encode(new Uint8Array(saltBytes)).subarray(0, 2));

/** With this many bytes of an artefact every field but the list is there, whatever the sizes; no artefact is shorter. */
export const artefactPrefixBytes: number = magic.length + saltBytes + 9 + 5 + 34 + 34 + 5;

/** The artefact id: SHA-256 of the header. */
export function artefactIdOf(header: Uint8Array): ArtefactId {
  return artefactId(sha256(header));
}

/** Encodes the fields in front of the list, with the list's head. Errors: those of `layoutOf`. */
export function encodeHeaderFront(header: ArtefactHeader): Uint8Array {
  const { salt, plaintextBytes, segmentBytes, commitment, bodySha256 } = header;
  const { segments } = layoutOf(header);
  const listHead = encode(segments * listEntryBytes + aeadTagBytes);
  listHead[0] = (listHead[0] ?? 0) | 0x40; // major type 2 in place of 0: a byte string of that length
  const fields = [artefactFormat, salt, plaintextBytes, segmentBytes, commitment, bodySha256];
  return concatBytes(Uint8Array.of(0x80 | 7), ...fields.map((field) => encode(field)), listHead);
}

/**
 * Reads the fields in front of the list from the first bytes of an artefact: {@link artefactPrefixBytes} of them are enough.
 * Errors: ARTEFACT_FORMAT_WRONG; ARTEFACT_TRUNCATED when there are fewer.
 */
export function parseHeaderFront(bytes: Uint8Array): HeaderFront {
  const shown = Math.min(bytes.length, magic.length);
  if (!equalBytes(bytes.subarray(0, shown), magic.subarray(0, shown))) throw softwareErrors.error("ARTEFACT_FORMAT_WRONG");
  if (bytes.length < artefactPrefixBytes) throw softwareErrors.error("ARTEFACT_TRUNCATED", { bytes: bytes.length });
  const front = readFront(bytes.subarray(0, artefactPrefixBytes));
  if (!equalBytes(encodeHeaderFront(front.header), bytes.subarray(0, front.frontBytes)))
    throw softwareErrors.error("ARTEFACT_FORMAT_WRONG");
  return front;
}

/** The header's length, from the first bytes of an artefact. Errors: those of {@link parseHeaderFront}. */
export function headerLengthFromPrefix(bytes: Uint8Array): number {
  return parseHeaderFront(bytes).layout.headerBytes;
}

/**
 * Reads a whole header. `sealedList` is a view of `bytes`.
 * Errors: ARTEFACT_FORMAT_WRONG, ARTEFACT_TRUNCATED, ARTEFACT_TRAILING_BYTES.
 */
export function parseHeader(bytes: Uint8Array): HeaderFront & { readonly sealedList: Uint8Array } {
  const front = parseHeaderFront(bytes);
  requireLength(bytes.length, front.layout.headerBytes);
  return { ...front, sealedList: bytes.subarray(front.frontBytes) };
}

/** Compares a length with the one that the header names. Errors: ARTEFACT_TRUNCATED, ARTEFACT_TRAILING_BYTES. */
export function requireLength(bytes: number, expected: number): void {
  if (bytes < expected) throw softwareErrors.error("ARTEFACT_TRUNCATED", { bytes, expected });
  if (bytes > expected) throw softwareErrors.error("ARTEFACT_TRAILING_BYTES", { bytes, expected });
}

function readFront(bytes: Uint8Array): HeaderFront {
  try {
    let at = magic.length;
    const take = (length: number): Uint8Array => {
      at += length;
      return bytes.slice(at - length, at);
    };
    const takeUint = (): number => {
      const { value, end } = decodeItem(bytes, at);
      at = end;
      if (typeof value !== "number") throw softwareErrors.error("ARTEFACT_FORMAT_WRONG");
      return value;
    };
    const takeDigest = (): Uint8Array => take(2 + listEntryBytes).subarray(2);
    const salt = take(saltBytes);
    const sizes = { plaintextBytes: takeUint(), segmentBytes: takeUint() };
    const header = { salt, ...sizes, commitment: takeDigest(), bodySha256: takeDigest() };
    const layout = layoutOf(sizes);
    return { header, layout, frontBytes: layout.headerBytes - layout.segments * listEntryBytes - aeadTagBytes };
  } catch (cause) {
    throw softwareErrors.error("ARTEFACT_FORMAT_WRONG", {}, cause);
  }
}
