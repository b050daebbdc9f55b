import { CborReader } from "./cbor-decode.ts";
import { CborWriter } from "./cbor-encode.ts";
import type { CborValue } from "./cbor-value.ts";
import { wireErrors } from "./wire-errors.ts";

/**
 * Encodes deterministically (RFC 8949, section 4.2.1), and only what {@link decode} accepts. The result has memory of its own,
 * and no other copy is left behind: a message may carry a secret. Error: WIRE_VALUE_UNENCODABLE.
 */
export function encode(value: CborValue): Uint8Array {
  return lendEncoding(value, (bytes) => bytes.slice());
}

/**
 * Lends the encoding of a value to `use`, which must be done with it when it returns, and wipes it: what is only hashed or expanded from
 * needs no memory of its own. Errors: WIRE_VALUE_UNENCODABLE, those of `use`.
 */
export function lendEncoding<T>(value: CborValue, use: (encoding: Uint8Array) => T): T {
  const writer = idle ?? new CborWriter();
  idle = null; // `use` may encode too
  try {
    return writer.lend(value, use);
  } finally {
    idle = writer;
  }
}

let idle: CborWriter | null = null;

/**
 * Decodes exactly one item and accepts one encoding only; the size is checked before anything is read. Byte strings in the result are
 * copies. Errors: WIRE_SIZE_EXCEEDED, WIRE_TRAILING_BYTES, those of {@link decodeItem}.
 */
export function decode(bytes: Uint8Array, maxBytes: number): CborValue {
  if (bytes.length > maxBytes) throw wireErrors.error("WIRE_SIZE_EXCEEDED", { bytes: bytes.length, limit: maxBytes });
  const { value, end } = decodeItem(bytes, 0);
  if (end !== bytes.length) throw wireErrors.error("WIRE_TRAILING_BYTES");
  return value;
}

/**
 * Decodes the item that begins at `start`, and tells where it ends; what stands behind it is not looked at.
 * Errors: WIRE_TRUNCATED, WIRE_TOO_DEEP, WIRE_NOT_DETERMINISTIC, WIRE_SIZE_EXCEEDED.
 */
export function decodeItem(bytes: Uint8Array, start: number): { readonly value: CborValue; readonly end: number } {
  const reader = new CborReader(bytes, start);
  return { value: reader.read(), end: reader.at };
}
