import { type CborValue, decode, encode, Tagged } from "@sealane/wire";

/** Values of every kind, and those at the ends of their ranges. */
const strange: readonly CborValue[] = [
  0,
  1,
  -1,
  2 ** 31,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  null,
  true,
  false,
  "",
  "urn:sealane:",
  "*",
  "anonymous",
  "x".repeat(300),
  new Uint8Array(),
  new Uint8Array(16),
  new Uint8Array(32).fill(0xff),
  new Uint8Array(5_000),
  [],
  [[[[[[[[]]]]]]]],
  new Map(),
  new Map<number | string, CborValue>([
    [1, 1],
    ["a", null],
  ]),
];

const maxBytes = 1 << 20;

/**
 * Exchanges one value inside a CBOR message, also inside a byte string that holds CBOR, and encodes it anew, so that what is
 * judged lies behind the check of the encoding. Bytes that are no CBOR stay as they are.
 */
export function mutateValue(given: {
  /** 0 up to 1: which value, in the order in which they stand. */
  readonly at: number;
  /** A message whose values may be moved in. */
  readonly source: Uint8Array;
  /** What it is exchanged for: half of the numbers ask for a value close to what stands there. */
  readonly choice: number;
}): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const message = parsed(bytes);
    if (message === undefined) return bytes;
    const target = Math.floor(given.at * nodesOf(message).length);
    const donors = [...strange, ...nodesOf(parsed(given.source) ?? null)];
    const choice = given.choice >> 1;
    const exchange = (value: CborValue): CborValue =>
      (given.choice & 1) === 0 ? closeTo(value, choice) : (donors[choice % donors.length] ?? null);
    try {
      return encode(replaced(message, { remaining: target, exchange }));
    } catch {
      return bytes; // the value has no encoding: nested too deeply, say
    }
  };
}

function parsed(bytes: Uint8Array): CborValue | undefined {
  try {
    return decode(bytes, maxBytes);
  } catch {
    return undefined;
  }
}

/** Another value of the same kind: what a check of the form lets through. */
function closeTo(value: CborValue, choice: number): CborValue {
  if (typeof value === "number") return value + (choice % 2 === 0 ? 1 : -1);
  if (typeof value === "boolean") return !value;
  if (typeof value === "string") return `${value.slice(0, choice % (value.length + 1))}x${value.slice((choice % (value.length + 1)) + 1)}`;
  if (value instanceof Uint8Array) return value.map((byte, at) => (at === choice % value.length ? byte ^ (1 << (choice & 7)) : byte));
  if (Array.isArray(value)) {
    const at = choice % (value.length + 1);
    const items = value as readonly CborValue[];
    return choice % 3 === 0
      ? [...items.slice(0, at), ...items.slice(at + 1)]
      : [...items.slice(0, at), ...items.slice(Math.max(at - 1, 0))];
  }
  if (value instanceof Map) return new Map([...value].filter((_, at) => at !== choice % value.size));
  return null;
}

/** A value and all those inside it, from the outside inwards. */
function nodesOf(value: CborValue): readonly CborValue[] {
  return [value, ...childrenOf(value).flatMap(nodesOf)];
}

function childrenOf(value: CborValue): readonly CborValue[] {
  if (Array.isArray(value)) return value as readonly CborValue[];
  if (value instanceof Map) return [...value.values()];
  if (value instanceof Tagged) return [value.value];
  const inner = value instanceof Uint8Array && value.length > 1 ? parsed(value) : undefined;
  return inner === undefined ? [] : [inner];
}

interface Search {
  /** How many values are still to be passed by. */
  remaining: number;
  readonly exchange: (value: CborValue) => CborValue;
}

function replaced(value: CborValue, search: Search): CborValue {
  if (search.remaining-- === 0) return search.exchange(value);
  if (Array.isArray(value)) return (value as readonly CborValue[]).map((each) => replaced(each, search));
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, replaced(each, search)]));
  if (value instanceof Tagged) return new Tagged(value.tag, replaced(value.value, search));
  const inner = value instanceof Uint8Array && value.length > 1 ? parsed(value) : undefined;
  return inner === undefined ? value : encode(replaced(inner, search));
}
