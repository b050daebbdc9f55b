import { apiErrors } from "@sealane/api";

/** The bytes to send, both ends inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const oneRange = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/;

/**
 * Decides which bytes of a file a Range header asks for (RFC 9110, section 14.1.2); null for all of it. One range in bytes is
 * taken: `a-b`, `a-` or `-n`; an end behind the file's is cut. Another unit than bytes is ignored, as section 14.2 demands.
 * Error: API_RANGE_WRONG for everything else.
 */
export function parseRange(header: string | undefined, fileBytes: number): ByteRange | null {
  if (header === undefined || !/^bytes\b/i.test(header)) return null;
  const [, first = "", last = ""] = oneRange.exec(header.toLowerCase()) ?? [];
  const range = first === "" ? suffix(last, fileBytes) : { start: Number(first), end: last === "" ? fileBytes - 1 : Number(last) };
  if (range === null || range.start > range.end || range.start >= fileBytes) throw apiErrors.error("API_RANGE_WRONG", { fileBytes });
  return { start: range.start, end: Math.min(range.end, fileBytes - 1) };
}

/** The last `digits` bytes: none is not a range. */
function suffix(digits: string, fileBytes: number): ByteRange | null {
  const bytes = Number(digits);
  return digits === "" || bytes === 0 ? null : { start: Math.max(0, fileBytes - bytes), end: fileBytes - 1 };
}
