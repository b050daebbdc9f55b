import { type CborValue, type Codec, wireErrors } from "@sealane/wire";

/** Labels and codecs of the claims of T. */
export type Claims<T> = { readonly [K in keyof T]-?: readonly [label: number, codec: Codec<T[K]>] };

/**
 * An object that travels as a map from labels to values, as claims sets do (RFC 8392, section 3.1): exactly these claims, none
 * left out. Error on reading: WIRE_SHAPE_WRONG.
 */
export function claimsCodec<T extends object>(claims: Claims<T>): Codec<T> {
  const entries = Object.entries(claims) as [keyof T & string, readonly [number, Codec<T[keyof T]>]][];
  return {
    toCbor: (value) => new Map(entries.map(([key, [label, codec]]): [number, CborValue] => [label, codec.toCbor(value[key])])),
    fromCbor(value, field) {
      if (!(value instanceof Map) || value.size !== entries.length)
        throw wireErrors.error("WIRE_SHAPE_WRONG", { field, expected: `a map of ${entries.length} claims` });
      const found: ReadonlyMap<unknown, CborValue> = value;
      const pairs = entries.map(([key, [label, codec]]) => {
        const claim = found.get(label);
        if (claim === undefined) throw wireErrors.error("WIRE_SHAPE_WRONG", { field: `${field}.${key}`, expected: `claim ${label}` });
        return [key, codec.fromCbor(claim, `${field}.${key}`)];
      });
      return Object.fromEntries(pairs) as T;
    },
  };
}
