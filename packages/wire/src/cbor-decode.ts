import { type CborValue, Tagged } from "./cbor-value.ts";
import { allowedTags, maxDepth, maxItems } from "./limits.ts";
import { wireErrors } from "./wire-errors.ts";

const fail = wireErrors.error;

/**
 * Reads items in one pass over their bytes, and takes the one deterministic encoding of each only (RFC 8949, section 4.2.1).
 *
 * Refuses what no Sealane structure contains: indefinite lengths, floats, undefined, other simple values, tags outside the allowed
 * list, map keys that are neither integer nor text, that stand twice or out of order, integers in more bytes than they need or beyond
 * 2^53 - 1, text that is no UTF-8 or begins with a byte order mark, nesting deeper than {@link maxDepth}, more than {@link maxItems}
 * items. Nothing is allocated for what is only announced.
 *
 * Errors: WIRE_TRUNCATED, WIRE_TOO_DEEP, WIRE_NOT_DETERMINISTIC, WIRE_SIZE_EXCEEDED.
 */
export class CborReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #items = 0;
  /** Of the head that was read last. */
  #major = 0;
  #argument = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length); // a Buffer's slice would be no copy
    this.#at = start;
  }

  /** Where the next item begins. */
  get at(): number {
    return this.#at;
  }

  read(): CborValue {
    return this.#item(0);
  }

  #item(depth: number): CborValue {
    this.#head();
    switch (this.#major) {
      case 0:
        return this.#argument;
      case 1:
        if (this.#argument === Number.MAX_SAFE_INTEGER) throw fail("WIRE_NOT_DETERMINISTIC", { at: this.#at });
        return -1 - this.#argument;
      case 2:
        return this.#string();
      case 3:
        return this.#text();
      case 4:
        return this.#array(depth);
      case 5:
        return this.#map(depth);
      case 6:
        return this.#tagged(depth);
      default:
        return this.#argument === 22 ? null : this.#argument === 21;
    }
  }

  #array(depth: number): CborValue {
    const length = this.#children(1, depth);
    const items: CborValue[] = [];
    for (let i = 0; i < length; i++) items.push(this.#item(depth + 1));
    return items;
  }

  #map(depth: number): CborValue {
    const length = this.#children(2, depth);
    const map = new Map<number | string, CborValue>();
    let before = { start: 0, end: 0 };
    for (let i = 0; i < length; i++) {
      const start = this.#at;
      const key = this.#item(depth + 1);
      if (typeof key !== "number" && typeof key !== "string") throw fail("WIRE_NOT_DETERMINISTIC", { key: start });
      const here = { start, end: this.#at };
      if (i > 0 && !this.#isLess(before, here)) throw fail("WIRE_NOT_DETERMINISTIC", { key: start });
      before = here;
      map.set(key, this.#item(depth + 1));
    }
    return map;
  }

  #tagged(depth: number): CborValue {
    const tag = this.#argument;
    if (!allowedTags.some((allowed) => allowed === tag)) throw fail("WIRE_NOT_DETERMINISTIC", { tag });
    this.#argument = 1;
    this.#children(1, depth);
    return new Tagged(tag, this.#item(depth + 1));
  }

  /** How many the head announces, when as many bytes are there and they are not too deep. */
  #children(each: 1 | 2, depth: number): number {
    const count = this.#argument;
    if (count * each > this.#bytes.length - this.#at) throw fail("WIRE_TRUNCATED");
    if (count > 0 && depth >= maxDepth) throw fail("WIRE_TOO_DEEP", { limit: maxDepth });
    return count;
  }

  /** A copy of the bytes that the head announces. */
  #string(): Uint8Array {
    const start = this.#at;
    this.#at += this.#argument;
    if (this.#at > this.#bytes.length) throw fail("WIRE_TRUNCATED");
    return this.#bytes.slice(start, this.#at);
  }

  /** A byte order mark at the start is refused: the encoder writes none. */
  #text(): string {
    const bytes = this.#string();
    try {
      const text = utf8.decode(bytes);
      if (!text.startsWith("\ufeff")) return text;
    } catch {} // below, without a cause: the message may quote its input
    throw fail("WIRE_NOT_DETERMINISTIC", { at: this.#at });
  }

  /** Order of two keys by their encodings, byte by byte; a shorter one is no beginning of a longer one. */
  #isLess(a: Span, b: Span): boolean {
    const bytes = this.#bytes;
    for (let i = 0; a.start + i < a.end && b.start + i < b.end; i++) {
      const difference = (bytes[a.start + i] ?? 0) - (bytes[b.start + i] ?? 0);
      if (difference !== 0) return difference < 0;
    }
    return false;
  }

  #head(): void {
    const first = this.#bytes[this.#at];
    if (first === undefined) throw fail("WIRE_TRUNCATED");
    if (++this.#items > maxItems) throw fail("WIRE_SIZE_EXCEEDED", { items: maxItems });
    this.#at++;
    this.#major = first >> 5;
    this.#argument = first & 31;
    if (this.#major === 7) {
      if (this.#argument < 20 || this.#argument > 22) throw fail("WIRE_NOT_DETERMINISTIC", { at: this.#at - 1 });
    } else if (this.#argument >= 24) this.#argument = this.#longArgument(this.#argument);
  }

  #longArgument(info: number): number {
    const least = smallest[info - 24];
    if (least === undefined) throw fail("WIRE_NOT_DETERMINISTIC", { at: this.#at - 1 });
    const end = this.#at + 2 ** (info - 24);
    if (end > this.#bytes.length) throw fail("WIRE_TRUNCATED");
    let argument = 0;
    while (this.#at < end) argument = argument * 256 + (this.#bytes[this.#at++] ?? 0);
    if (argument < least || argument > Number.MAX_SAFE_INTEGER) throw fail("WIRE_NOT_DETERMINISTIC", { at: this.#at });
    return argument;
  }
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Smallest argument that needs 1, 2, 4 or 8 bytes behind the head. */
const smallest = [24, 0x100, 0x1_0000, 0x1_0000_0000] as const;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
