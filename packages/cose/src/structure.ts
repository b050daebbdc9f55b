import { type CborMap, type CborValue, decode, encode, Tagged } from "@sealane/wire";
import { coseErrors } from "./errors.ts";
import { headerLabel } from "./labels.ts";
import { maxProtectedBytes } from "./limits.ts";

/** The headers that every COSE structure begins with. */
export interface Headers {
  /** What a signature or tag covers: as sent, but the empty string for an empty map (RFC 9052, section 4.4). */
  readonly protectedBytes: Uint8Array;
  readonly protectedHeader: CborMap;
  readonly unprotectedHeader: CborMap;
}

/** A parsed COSE structure: headers and the elements behind them. */
export interface CoseStructure extends Headers {
  readonly rest: readonly CborValue[];
}

/** Encodes a protected header; an empty one is the empty string (RFC 9052, section 3). */
export function encodeProtected(header: CborMap): Uint8Array {
  return header.size === 0 ? new Uint8Array(0) : encode(header);
}

/**
 * Reads [protected, unprotected, ...rest], tagged with `tag` or untagged (null: untagged). Headers and form are not judged here: see
 * `requireHeaders` and `requireForm`.
 * Error: COSE_STRUCTURE_WRONG, whose cause says what is wrong with the encoding of a protected header.
 */
export function parseStructure(value: CborValue, expected: { readonly tag: number | null; readonly length: number }): CoseStructure {
  const items = value instanceof Tagged && value.tag === expected.tag ? value.value : value;
  if (!Array.isArray(items) || items.length !== expected.length) throw coseErrors.error("COSE_STRUCTURE_WRONG", { tag: expected.tag });
  const [protectedBytes, unprotectedHeader, ...rest] = items as readonly CborValue[];
  if (!(protectedBytes instanceof Uint8Array) || !(unprotectedHeader instanceof Map)) {
    throw coseErrors.error("COSE_STRUCTURE_WRONG", { tag: expected.tag });
  }
  const protectedHeader = decodeProtected(protectedBytes);
  return { protectedBytes: protectedHeader.size === 0 ? new Uint8Array(0) : protectedBytes, protectedHeader, unprotectedHeader, rest };
}

function decodeProtected(bytes: Uint8Array): CborMap {
  if (bytes.length === 0) return new Map();
  let header: CborValue;
  try {
    header = decode(bytes, maxProtectedBytes);
  } catch (cause) {
    throw coseErrors.error("COSE_STRUCTURE_WRONG", { field: "protected header" }, cause);
  }
  if (!(header instanceof Map)) throw coseErrors.error("COSE_STRUCTURE_WRONG", { field: "protected header" });
  return header;
}

/**
 * Refuses every header parameter but the expected ones: `alg` with exactly this value in the protected header, `protectedAlso`
 * beside it, and in the unprotected header exactly `unprotectedOnly`. Error: COSE_HEADER_WRONG.
 */
export function requireHeaders(
  headers: Headers,
  expected: { readonly algorithm: number; readonly protectedAlso?: readonly number[]; readonly unprotectedOnly?: readonly number[] },
): void {
  const { algorithm, protectedAlso = [], unprotectedOnly = [] } = expected;
  const { protectedHeader, unprotectedHeader } = headers;
  const protectedRight =
    protectedHeader.get(headerLabel.alg) === algorithm &&
    [...protectedHeader.keys()].every((label) => label === headerLabel.alg || protectedAlso.some((also) => also === label));
  const unprotectedRight =
    unprotectedHeader.size === unprotectedOnly.length && unprotectedOnly.every((label) => unprotectedHeader.has(label));
  if (!protectedRight || !unprotectedRight) throw coseErrors.error("COSE_HEADER_WRONG", { algorithm });
}

/**
 * Refuses a CBOR tag where none belongs and the lack of one where it does: a structure has one encoding. Error: COSE_STRUCTURE_WRONG.
 */
export function requireForm(value: CborValue, expected: { readonly tag: number; readonly tagged: boolean }): void {
  const { tag, tagged } = expected;
  if ((value instanceof Tagged && value.tag === tag) !== tagged) throw coseErrors.error("COSE_STRUCTURE_WRONG", { tag, tagged });
}

/** Takes an element that must be a byte string. Error: COSE_STRUCTURE_WRONG. */
export function requireBytes(value: CborValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw coseErrors.error("COSE_STRUCTURE_WRONG");
  return value;
}

/** The byte strings that signatures, tags and encryption cover (RFC 9052, sections 4.4, 5.3, 6.3). */
export function coveredBytes(
  context: "Signature1" | "MAC0" | "Encrypt0" | "Encrypt" | "Enc_Recipient",
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return encode([context, ...parts]);
}
