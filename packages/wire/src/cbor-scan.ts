import { allowedTags, maxDepth, maxItems } from "./limits.ts";
import { wireErrors } from "./wire-errors.ts";

const fail = wireErrors.error;

/**
 * Walks the heads of one CBOR item without allocating anything and returns the offset behind it.
 *
 * Refuses what no Sealane structure contains: indefinite lengths, floats, undefined, other simple values, tags outside the
 * allowed list, map keys that are neither integer nor text, integers in more bytes than they need or beyond 2^53 - 1, nesting
 * deeper than {@link maxDepth}, more than {@link maxItems} items.
 *
 * Errors: WIRE_TRUNCATED, WIRE_TOO_DEEP, WIRE_NOT_DETERMINISTIC, WIRE_SIZE_EXCEEDED.
 */
export function scanItem(bytes: Uint8Array, start: number): number {
  const open: Level[] = [];
  let at = start;
  let items = 0;
  for (;;) {
    const head = readHead(bytes, at);
    if (isKey(open.at(-1)) && head.major !== 0 && head.major !== 1 && head.major !== 3) throw fail("WIRE_NOT_DETERMINISTIC", { key: at });
    at = head.next;
    if (++items > maxItems) throw fail("WIRE_SIZE_EXCEEDED", { items: maxItems });
    const children = childrenOf(head);
    if (head.major === 2 || head.major === 3) {
      at += head.argument;
      if (at > bytes.length) throw fail("WIRE_TRUNCATED");
    }
    if (children > 0) {
      if (children > bytes.length - at) throw fail("WIRE_TRUNCATED");
      if (open.length >= maxDepth) throw fail("WIRE_TOO_DEEP", { limit: maxDepth });
      open.push({ left: children, map: head.major === 5 });
      continue;
    }
    for (let level = open.at(-1); level !== undefined && --level.left === 0; level = open.at(-1)) open.pop();
    if (open.length === 0) return at;
  }
}

/** An array, map or tag whose items are being read. */
interface Level {
  /** Items still to come; keys and values of a map count apart. */
  left: number;
  readonly map: boolean;
}

/** Keys of another kind would be objects to the decoder, which cannot see that two of them are equal. */
function isKey(level: Level | undefined): boolean {
  return level?.map === true && level.left % 2 === 0;
}

interface Head {
  readonly major: number;
  readonly argument: number;
  readonly next: number;
}

function childrenOf({ major, argument }: Head): number {
  if (major === 4) return argument;
  if (major === 5) return argument * 2;
  if (major === 6) return 1;
  return 0;
}

function readHead(bytes: Uint8Array, at: number): Head {
  const first = bytes[at];
  if (first === undefined) throw fail("WIRE_TRUNCATED");
  const major = first >> 5;
  const info = first & 31;
  if (major === 7) {
    if (info < 20 || info > 22) throw fail("WIRE_NOT_DETERMINISTIC", { at });
    return { major, argument: 0, next: at + 1 };
  }
  const head = info < 24 ? { major, argument: info, next: at + 1 } : { major, ...readArgument(bytes, at, info) };
  if (major === 6 && !allowedTags.some((tag) => tag === head.argument)) throw fail("WIRE_NOT_DETERMINISTIC", { tag: head.argument });
  return head;
}

/** Smallest argument that needs 1, 2, 4 or 8 bytes behind the head (RFC 8949, section 4.2.1). */
const smallest = [24, 0x100, 0x1_0000, 0x1_0000_0000] as const;

function readArgument(bytes: Uint8Array, at: number, info: number): { argument: number; next: number } {
  const least = smallest[info - 24];
  if (least === undefined) throw fail("WIRE_NOT_DETERMINISTIC", { at });
  const width = 2 ** (info - 24);
  if (at + 1 + width > bytes.length) throw fail("WIRE_TRUNCATED");
  let argument = 0;
  for (let i = 0; i < width; i++) argument = argument * 256 + (bytes[at + 1 + i] ?? 0);
  if (argument < least || argument > Number.MAX_SAFE_INTEGER) throw fail("WIRE_NOT_DETERMINISTIC", { at });
  return { argument, next: at + 1 + width };
}
