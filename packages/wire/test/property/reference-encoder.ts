import { type CborValue, Tagged } from "../../src/index.ts";

/** How a loose encoder writes one head: the width of its argument, or no length at all. */
export interface Choice {
  /** Bytes behind the head at least: 0, 1, 2, 4 or 8. */
  readonly width: 0 | 1 | 2 | 4 | 8;
  readonly indefinite: boolean;
  /** Turns the entries of a map by so many places. */
  readonly turn: number;
}

/** RFC 8949 without the rule of one encoding, written for these tests alone: `choose` is asked once an item, in writing order. */
export function encodeLoosely(value: CborValue, choose: () => Choice): number[] {
  const choice = choose();
  if (value === null) return [0xf6];
  if (typeof value === "boolean") return [value ? 0xf5 : 0xf4];
  if (typeof value === "number") return value < 0 ? head(1, -1 - value, choice) : head(0, value, choice);
  if (typeof value === "string") return stringItem(3, new TextEncoder().encode(value), choice);
  if (value instanceof Uint8Array) return stringItem(2, value, choice);
  if (value instanceof Tagged) return [...head(6, value.tag, choice), ...encodeLoosely(value.value, choose)];
  if (value instanceof Map) return mapItem(value, choice, choose);
  if (!Array.isArray(value)) throw new TypeError("not a value of CBOR");
  const items = value.flatMap((item: CborValue) => encodeLoosely(item, choose));
  return choice.indefinite ? [0x9f, ...items, 0xff] : [...head(4, value.length, choice), ...items];
}

/** The one deterministic encoding, by the same code. */
export function encodeByTheBook(value: CborValue): Uint8Array {
  return Uint8Array.from(encodeLoosely(value, () => ({ width: 0, indefinite: false, turn: 0 })));
}

function mapItem(map: ReadonlyMap<number | string, CborValue>, choice: Choice, choose: () => Choice): number[] {
  const entries = [...map].map(([key, value]) => ({ key: encodeLoosely(key, choose), value: encodeLoosely(value, choose) }));
  entries.sort((a, b) => Buffer.compare(Uint8Array.from(a.key), Uint8Array.from(b.key)));
  const turned = entries.map((_, i) => entries[(i + choice.turn) % entries.length] ?? { key: [], value: [] });
  const items = turned.flatMap(({ key, value }) => [...key, ...value]);
  return choice.indefinite ? [0xbf, ...items, 0xff] : [...head(5, map.size, choice), ...items];
}

function stringItem(major: 2 | 3, bytes: Uint8Array, choice: Choice): number[] {
  const chunk = [...head(major, bytes.length, choice), ...bytes];
  return choice.indefinite ? [(major << 5) | 31, ...chunk, 0xff] : chunk;
}

function head(major: number, argument: number, { width }: Choice): number[] {
  const least = argument < 24 ? 0 : argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8;
  const bytes = Math.max(width, least);
  if (bytes === 0) return [(major << 5) | argument];
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(argument));
  return [(major << 5) | (24 + Math.log2(bytes)), ...new Uint8Array(view.buffer).subarray(8 - bytes)];
}
