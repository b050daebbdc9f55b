import { decode as cborgDecode, Tagged } from "cborg";
import { equalBytes } from "./bytes.ts";
import { CborWriter } from "./cbor-encode.ts";
import { scanItem } from "./cbor-scan.ts";
import { allowedTags } from "./limits.ts";
import { wireErrors } from "./wire-errors.ts";

export { Tagged };

/** What a Sealane structure is made of. Integers are safe integers; there are no floats and no undefined. */
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | Tagged;

/** A map with integer or text keys, as COSE headers have them. */
export type CborMap = ReadonlyMap<number | string, CborValue>;

const decodeOptions = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
  tags: Tagged.preserve(...allowedTags),
};

/**
 * Encodes deterministically (RFC 8949, section 4.2.1), and only what {@link decode} accepts. The result has memory of its own,
 * and no other copy is left behind: a message may carry a secret. Error: WIRE_VALUE_UNENCODABLE.
 */
export function encode(value: CborValue): Uint8Array {
  return writer.encode(value);
}

const writer = new CborWriter();

/**
 * Decodes exactly one item and accepts one encoding only: the size is checked before anything is read, the heads are scanned
 * before anything is allocated, and the value is encoded again and compared. Byte strings in the result are copies.
 *
 * Errors: WIRE_SIZE_EXCEEDED, WIRE_TRUNCATED, WIRE_TRAILING_BYTES, WIRE_TOO_DEEP, WIRE_NOT_DETERMINISTIC.
 */
export function decode(bytes: Uint8Array, maxBytes: number): CborValue {
  if (bytes.length > maxBytes) throw wireErrors.error("WIRE_SIZE_EXCEEDED", { bytes: bytes.length, limit: maxBytes });
  if (scanItem(bytes, 0) !== bytes.length) throw wireErrors.error("WIRE_TRAILING_BYTES");
  const value = decodeScanned(bytes);
  if (!encodesTo(value, bytes)) throw wireErrors.error("WIRE_NOT_DETERMINISTIC");
  return value;
}

function decodeScanned(bytes: Uint8Array): CborValue {
  try {
    return cborgDecode(bytes, decodeOptions);
  } catch {
    throw wireErrors.error("WIRE_NOT_DETERMINISTIC"); // no cause: the decoder's message may quote its input
  }
}

function encodesTo(value: CborValue, bytes: Uint8Array): boolean {
  try {
    const again = writer.encode(value);
    const isSame = equalBytes(again, bytes);
    again.fill(0);
    return isSame;
  } catch {
    return false;
  }
}
