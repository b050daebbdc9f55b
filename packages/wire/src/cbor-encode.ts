import { type CborValue, Tagged } from "./cbor-value.ts";
import { allowedTags, maxDepth, maxItems, maxNameBytes, scratchBytes } from "./limits.ts";
import { wireErrors } from "./wire-errors.ts";

/**
 * Writes values in their one deterministic encoding (RFC 8949, section 4.2.1) and nothing that `decode` would refuse.
 */
export class CborWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(scratchBytes);
  #at = 0;
  #items = 0;

  /** Lends the encoding to `use`, and wipes it. Error: WIRE_VALUE_UNENCODABLE. */
  lend<T>(value: CborValue, use: (encoding: Uint8Array) => T): T {
    try {
      this.#write(value, 0);
      return use(this.#bytes.subarray(0, this.#at));
    } finally {
      this.#bytes.fill(0, 0, this.#at);
      if (this.#bytes.length > scratchBytes) this.#bytes = new Uint8Array(scratchBytes);
      this.#at = 0;
      this.#items = 0;
    }
  }

  #write(value: CborValue, depth: number): void {
    if (++this.#items > maxItems) throw unencodable("items");
    if (typeof value === "number") this.#integer(value);
    else if (typeof value === "string") this.#text(value);
    else if (value === null) this.#byte(0xf6);
    else if (typeof value === "boolean") this.#byte(value ? 0xf5 : 0xf4);
    else if (value instanceof Uint8Array) this.#byteString(value);
    else if (Array.isArray(value)) this.#array(value as readonly CborValue[], depth);
    else if (value instanceof Map) this.#map(value as ReadonlyMap<number | string, CborValue>, depth);
    else if (value instanceof Tagged) this.#tagged(value, depth);
    else throw unencodable(typeof value);
  }

  #array(items: readonly CborValue[], depth: number): void {
    this.#head(4, items.length);
    if (items.length > 0) requireDepth(depth);
    for (const item of items) this.#write(item, depth + 1);
  }

  /** Keys stand in the order of their encodings, byte by byte. */
  #map(map: ReadonlyMap<number | string, CborValue>, depth: number): void {
    this.#head(5, map.size);
    if (map.size > 0) requireDepth(depth);
    const entries = [...map];
    if (entries.length > 1) entries.sort(([a], [b]) => compareKeys(a, b));
    for (const [key, value] of entries) {
      if (typeof key !== "number" && typeof key !== "string") throw unencodable("key");
      this.#write(key, depth + 1);
      this.#write(value, depth + 1);
    }
  }

  #tagged({ tag, value }: Tagged, depth: number): void {
    if (!allowedTags.some((allowed) => allowed === tag)) throw unencodable("tag");
    requireDepth(depth);
    this.#head(6, tag);
    this.#write(value, depth + 1);
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw unencodable("number");
    if (value < 0) this.#head(1, -1 - value);
    else this.#head(0, value);
  }

  #byteString(value: Uint8Array): void {
    this.#head(2, value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** A lone surrogate has no UTF-8 form; a byte order mark at the start does not survive TextDecoder. */
  #text(value: string): void {
    if (this.#ascii(value)) return;
    if (!value.isWellFormed() || value.startsWith("\ufeff")) throw unencodable("text");
    const bytes = utf8.encode(value);
    this.#head(3, bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Names and labels: one byte a letter. Leaves nothing behind when the text has any other. */
  #ascii(value: string): boolean {
    const { length } = value;
    if (length > maxNameBytes) return false;
    const start = this.#at;
    this.#head(3, length);
    this.#room(length);
    const [bytes, first] = [this.#bytes, this.#at];
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        bytes.fill(0, start, first + index);
        this.#at = start;
        return false;
      }
      bytes[first + index] = code;
    }
    this.#at = first + length;
    return true;
  }

  #head(major: number, argument: number): void {
    const first = major << 5;
    if (argument < 24) {
      this.#byte(first | argument);
      return;
    }
    this.#room(9);
    const width = argument < 0x100 ? 1 : argument < 0x1_0000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8;
    this.#bytes[this.#at++] = first | (24 + Math.log2(width));
    let rest = argument;
    for (let at = this.#at + width - 1; at >= this.#at; at--) {
      this.#bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#at += width;
  }

  #byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes.fill(0, 0, this.#at);
    this.#bytes = larger;
  }
}

const utf8 = new TextEncoder();

function requireDepth(depth: number): void {
  if (depth >= maxDepth) throw unencodable("depth");
}

/** Encodings of integers and texts in order: those of 0 and above, then below 0, then texts, each by length and then by content. */
function compareKeys(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") {
    if (a < 0 !== b < 0) return a < 0 ? 1 : -1;
    return Math.abs(a) - Math.abs(b);
  }
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  const [left, right] = [utf8.encode(String(a)), utf8.encode(String(b))];
  if (left.length !== right.length) return left.length - right.length;
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

function unencodable(kind: string): Error {
  return wireErrors.error("WIRE_VALUE_UNENCODABLE", { kind });
}
