import { wireErrors } from "./wire-errors.ts";

/** Base64url without padding (RFC 4648, section 5), one text for each byte string. */
export function formatBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Reads what {@link formatBase64Url} writes and nothing else: no padding, white space or stray bits. Error: WIRE_NOT_DETERMINISTIC. */
export function parseBase64Url(text: string): Uint8Array {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    if (formatBase64Url(bytes) === text) return bytes;
  } catch {
    // no cause: it might quote a secret
  }
  throw wireErrors.error("WIRE_NOT_DETERMINISTIC");
}
