import { maxNameBytes } from "./limits.ts";
import { wireErrors } from "./wire-errors.ts";

declare const name: unique symbol;

/** The name of a party: 1 to 128 bytes of `[a-z0-9._:-]`. */
export type Name = string & { readonly [name]: true };

const pattern = new RegExp(`^[a-z0-9._:-]{1,${maxNameBytes}}$`);

/** Checks a party's name. Error: WIRE_SHAPE_WRONG. */
export function parseName(text: string): Name {
  if (!pattern.test(text))
    throw wireErrors.error("WIRE_SHAPE_WRONG", { field: "name", expected: `1 to ${maxNameBytes} of a-z 0-9 . _ : -` });
  return text as Name;
}
