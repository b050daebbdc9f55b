import { decode, encode } from "./cbor.ts";
import type { CborValue } from "./cbor-value.ts";
import { type Name, parseName } from "./name.ts";
import { wireErrors } from "./wire-errors.ts";

/** The two directions between a value and its CBOR form; `fromCbor` checks everything and throws WIRE_SHAPE_WRONG. */
export interface Codec<T> {
  toCbor(value: T): CborValue;
  /** `field` is the path for the error's details. */
  fromCbor(value: CborValue, field: string): T;
}

/** Encodes a value by its codec. Error: WIRE_VALUE_UNENCODABLE. */
export function encodeAs<T>(codec: Codec<T>, value: T): Uint8Array {
  return encode(codec.toCbor(value));
}

/** Decodes strictly and checks the shape. Errors: those of `decode`, and WIRE_SHAPE_WRONG. */
export function decodeAs<T>(codec: Codec<T>, bytes: Uint8Array, options: { readonly maxBytes: number; readonly what: string }): T {
  return codec.fromCbor(decode(bytes, options.maxBytes), options.what);
}

/** An unsigned integer up to `max` (2^53 - 1 unless told). */
export function uint(max: number = Number.MAX_SAFE_INTEGER): Codec<number> {
  return checked((value) => typeof value === "number" && value >= 0 && value <= max, `an integer of 0 to ${max}`);
}

/** Any safe integer, negative ones too (COSE algorithm identifiers). */
export const integer: Codec<number> = checked((value) => typeof value === "number", "an integer");

/** Anything that is CBOR, for the caller to judge. */
export const anyValue: Codec<CborValue> = { toCbor: (value) => value, fromCbor: (value) => value };

/** true or false. */
export const flag: Codec<boolean> = checked((value) => typeof value === "boolean", "true or false");

/** Text of at most `maxBytes` UTF-8 bytes, without control characters, line separators and changes of direction. */
export function text(maxBytes: number): Codec<string> {
  const encoder = new TextEncoder();
  return checked(
    (value) => typeof value === "string" && encoder.encode(value).length <= maxBytes && !hasControl(value),
    `text of at most ${maxBytes} bytes`,
  );
}

/** Bytes of a length between the bounds. */
export function byteString(bounds: { readonly min?: number; readonly max: number }): Codec<Uint8Array> {
  const { min = 0, max } = bounds;
  return checked((value) => value instanceof Uint8Array && value.length >= min && value.length <= max, `${min} to ${max} bytes`);
}

/** Bytes of a role; `make` is that role's checking function. */
export function bytesAs<B extends Uint8Array>(make: (bytes: Uint8Array) => B): Codec<B> {
  return {
    toCbor: (value) => value,
    fromCbor(value, field) {
      if (!(value instanceof Uint8Array)) throw shapeWrong(field, "bytes");
      return make(value);
    },
  };
}

/** A party's name. */
export const nameCodec: Codec<Name> = {
  toCbor: (value) => value,
  fromCbor(value, field) {
    if (typeof value !== "string") throw shapeWrong(field, "a name");
    return parseName(value);
  },
};

/** Exactly this value. */
export function literal<const L extends number | string | boolean>(expected: L): Codec<L> {
  return {
    toCbor: () => expected,
    fromCbor(value, field) {
      if (value !== expected) throw shapeWrong(field, String(expected));
      return expected;
    },
  };
}

/** One of these values. */
export function oneOf<const L extends number | string>(values: readonly L[]): Codec<L> {
  return {
    toCbor: (value) => value,
    fromCbor(value, field) {
      const found = values.find((candidate) => candidate === value);
      if (found === undefined) throw shapeWrong(field, `one of ${values.join(", ")}`);
      return found;
    },
  };
}

/** The value or null. */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    toCbor: (value) => (value === null ? null : codec.toCbor(value)),
    fromCbor: (value, field) => (value === null ? null : codec.fromCbor(value, field)),
  };
}

/** An array of up to `maxLength` items of one kind. */
export function listOf<T>(codec: Codec<T>, bounds: { readonly min?: number; readonly max: number }): Codec<readonly T[]> {
  const { min = 0, max } = bounds;
  return {
    toCbor: (values) => values.map((value) => codec.toCbor(value)),
    fromCbor(value, field) {
      if (!Array.isArray(value) || value.length < min || value.length > max) throw shapeWrong(field, `an array of ${min} to ${max}`);
      return value.map((item: CborValue, i) => codec.fromCbor(item, `${field}[${i}]`));
    },
  };
}

/** Codecs of the fields of T, in the order of the array that carries them. */
export type Fields<T> = { readonly [K in keyof T]-?: Codec<T[K]> };

/** An object that travels as an array of its fields in the order given. */
export function tuple<T extends object>(fields: Fields<T>): Codec<T> {
  const entries = Object.entries(fields) as [keyof T & string, Codec<T[keyof T & string]>][];
  return {
    toCbor: (value) => entries.map(([key, codec]) => codec.toCbor(value[key])),
    fromCbor(value, field) {
      if (!Array.isArray(value) || value.length !== entries.length) throw shapeWrong(field, `an array of ${entries.length}`);
      const made: Partial<T> = {};
      let index = 0;
      for (const [key, codec] of entries) made[key] = codec.fromCbor(value[index++] as CborValue, `${field}.${key}`);
      return made as T;
    },
  };
}

/** Objects told apart by `kind`, which travels as the first element of the array. */
export function variants<T extends { readonly kind: string }>(
  cases: {
    readonly [K in T["kind"]]: Fields<Omit<Extract<T, { readonly kind: K }>, "kind">>;
  },
): Codec<T> {
  const codecs = new Map<string, Codec<object>>(
    Object.entries<Fields<object>>(cases).map(([kind, fields]) => [kind, tuple({ kind: literal(kind), ...fields })]),
  );
  return {
    toCbor(value) {
      const codec = codecs.get(value.kind);
      if (codec === undefined) throw wireErrors.error("WIRE_VALUE_UNENCODABLE", { kind: value.kind });
      return codec.toCbor(value);
    },
    fromCbor(value, field) {
      const kind: CborValue | undefined = Array.isArray(value) ? value[0] : undefined;
      const codec = typeof kind === "string" ? codecs.get(kind) : undefined;
      if (codec === undefined) throw shapeWrong(field, `one of ${[...codecs.keys()].join(", ")}`);
      return codec.fromCbor(value, field) as T;
    },
  };
}

function checked<T extends CborValue>(test: (value: CborValue) => boolean, expected: string): Codec<T> {
  return {
    toCbor: (value) => value,
    fromCbor(value, field) {
      if (!test(value)) throw shapeWrong(field, expected);
      return value as T;
    },
  };
}

/** What could forge a line or turn the order of what a person is shown on a terminal. */
function hasControl(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(value);
}

function shapeWrong(field: string, expected: string): Error {
  return wireErrors.error("WIRE_SHAPE_WRONG", { field, expected });
}
