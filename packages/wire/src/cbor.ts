import { decode as cborgDecode, encodeInto, rfc8949EncodeOptions, Tagged } from "cborg";
import { encodedLength } from "cborg/length";
import { equalBytes } from "./bytes.ts";
import { scanItem } from "./cbor-scan.ts";
import { SealaneError } from "./errors.ts";
import { allowedTags, scratchBytes } from "./limits.ts";
import { wireErrors } from "./wire-errors.ts";

export { Tagged };

/** What a Sealane structure is made of. Integers are safe integers; there are no floats and no undefined. */
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | Tagged;

/** A map with integer or text keys, as COSE headers have them. */
export type CborMap = ReadonlyMap<number | string, CborValue>;

const encodeOptions = {
  ...rfc8949EncodeOptions,
  typeEncoders: {
    number(value: number): null {
      if (!Number.isSafeInteger(value)) throw unencodable("number");
      return null;
    },
    string(value: string): null {
      // A lone surrogate has no UTF-8 form; a byte order mark at the start does not survive TextDecoder.
      if (!value.isWellFormed() || value.startsWith("\ufeff")) throw unencodable("text");
      return null;
    },
    undefined: (): never => refuse("undefined"),
    bigint: (): never => refuse("bigint"),
    Object: (): never => refuse("object"),
  },
};

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
  const bytes = encodeUnscanned(value);
  try {
    scanItem(bytes, 0);
  } catch (cause) {
    throw wireErrors.error("WIRE_VALUE_UNENCODABLE", {}, cause);
  }
  return bytes;
}

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

/** cborg's own `encode` writes into Node's shared buffer pool and keeps what it wrote; this memory is wiped after use. */
const scratch = new Uint8Array(scratchBytes);

function encodesTo(value: CborValue, bytes: Uint8Array): boolean {
  const room = bytes.length <= scratch.length ? scratch.subarray(0, bytes.length) : new Uint8Array(bytes.length);
  try {
    return encodeInto(value, room, encodeOptions).written === bytes.length && equalBytes(room, bytes);
  } catch {
    return false;
  } finally {
    room.fill(0);
  }
}

function encodeUnscanned(value: CborValue): Uint8Array {
  try {
    const { written } = encodeInto(value, scratch, encodeOptions);
    return scratch.slice(0, written);
  } catch (cause) {
    if (cause instanceof SealaneError) throw cause;
    return encodeLarge(value);
  } finally {
    scratch.fill(0);
  }
}

/** For what did not fit into the scratch memory, or cannot be encoded at all. */
function encodeLarge(value: CborValue): Uint8Array {
  try {
    const bytes = new Uint8Array(encodedLength(value, encodeOptions));
    encodeInto(value, bytes, encodeOptions);
    return bytes;
  } catch {
    throw unencodable("unknown"); // no cause: the encoder's message may quote the value
  }
}

function refuse(kind: string): never {
  throw unencodable(kind);
}

function unencodable(kind: string): SealaneError {
  return wireErrors.error("WIRE_VALUE_UNENCODABLE", { kind });
}
