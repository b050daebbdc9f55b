import { linkErrors } from "./errors.ts";
import { maxUnlicensedBytes, minPaddedBytes } from "./limits.ts";

/**
 * Padding of what an anonymous party encrypts (docs/protocol.md, anonymity): a byte 80 and zeros (ISO/IEC 7816-4) up to the next
 * power of two, at least one that has room for everything but a licence. A message without one has one length then, whatever it says of
 * time and recipient; with one it tells the licence's size to a factor of two.
 */

/** The content with its padding; `valueBytes` are those of the agreement value in it, none unless told. */
export function pad(content: Uint8Array, valueBytes = 0): Uint8Array {
  const padded = new Uint8Array(paddedBytes(content.length, valueBytes));
  padded.set(content);
  padded[content.length] = marker;
  return padded;
}

/** The content within, a view. Error: LINK_FIELD_WRONG for anything but the one padding of a content. */
export function unpad(padded: Uint8Array, valueBytes = 0): Uint8Array {
  const contentBytes = padded.findLastIndex((byte) => byte !== 0);
  if (padded[contentBytes] !== marker || padded.length !== paddedBytes(contentBytes, valueBytes)) {
    throw linkErrors.error("LINK_FIELD_WRONG", { field: "padding" });
  }
  return padded.subarray(0, contentBytes);
}

const marker = 0x80;

function paddedBytes(contentBytes: number, valueBytes: number): number {
  return Math.max(minPaddedBytes, powerOfTwo(valueBytes + maxUnlicensedBytes), powerOfTwo(contentBytes + 1));
}

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast));
}
