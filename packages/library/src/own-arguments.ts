/**
 * What the caller gives itself. A fault in it is the caller's and is told as LIBRARY_ARGUMENT_WRONG with the name of the parameter, so that
 * nobody looks for it at a peer.
 */
import { type SuiteName, suiteNamed } from "@sealane/crypto";
import type { TrustAnchor } from "@sealane/pki";
import { type Name, parseName, SealaneError } from "@sealane/wire";
import { libraryErrors } from "./errors.ts";

/** Makes the error. */
export function argumentWrong(parameter: string, expected: string, cause?: unknown): SealaneError {
  return libraryErrors.error("LIBRARY_ARGUMENT_WRONG", { parameter, expected }, cause);
}

/** A party's name. Error: LIBRARY_ARGUMENT_WRONG. */
export function nameArgument(parameter: string, value: string): Name {
  return reading(parameter, "the name of a party", () => parseName(value));
}

/** A suite by its name. Error: LIBRARY_ARGUMENT_WRONG. */
export function suiteArgument(value: SuiteName): ReturnType<typeof suiteNamed> {
  return reading("suite", "the name of a suite", () => suiteNamed(value));
}

/** Refuses what are no bytes. Error: LIBRARY_ARGUMENT_WRONG. */
export function requireBytes(parameter: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw argumentWrong(parameter, "a Uint8Array");
}

/** Refuses anything but whole seconds from `least` on; undefined stands for a default. Error: LIBRARY_ARGUMENT_WRONG. */
export function requireSeconds(parameter: string, value: number | undefined, least: 0 | 1): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
    throw argumentWrong(parameter, `a whole number of seconds, at least ${least}`);
}

/** Refuses a list of authorities that trusts nobody, or that has anything else in it. Error: LIBRARY_ARGUMENT_WRONG. */
export function requireTrust(trust: readonly TrustAnchor[]): void {
  const isAnchor = (anchor: TrustAnchor): boolean => anchor?.certificate !== undefined && anchor.thumbprint instanceof Uint8Array;
  if (!Array.isArray(trust) || trust.length === 0 || !trust.every(isAnchor))
    throw argumentWrong("trust", "one authority or more, as `trustAnchor` or `Authority.anchor` gives them");
}

/** Refuses an object that lacks a method that will be called. Error: LIBRARY_ARGUMENT_WRONG. */
export function requireMethods<Value extends object>(parameter: string, value: Value, names: readonly (keyof Value & string)[]): void {
  if (!names.every((name) => typeof value?.[name] === "function")) throw argumentWrong(parameter, `an object with ${names.join(", ")}`);
}

function reading<Value>(parameter: string, otherwise: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SealaneError)) throw cause;
    const { expected } = cause.details;
    throw argumentWrong(parameter, typeof expected === "string" ? expected : otherwise, cause);
  }
}
