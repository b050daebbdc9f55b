import assert from "node:assert/strict";
import { coseErrors } from "@sealane/cose";
import { cryptoErrors } from "@sealane/crypto";
import { pkiErrors } from "@sealane/pki";
import { SealaneError, wireErrors } from "@sealane/wire";
import { linkErrors } from "../src/index.ts";

/** Every code that a message of a stranger may end with: the tables of all packages below, without what blames ourselves. */
const listed: ReadonlySet<string> = new Set(
  [linkErrors, coseErrors, cryptoErrors, pkiErrors, wireErrors].flatMap(({ entries }) =>
    Object.entries(entries).flatMap(([code, { blame }]) => (blame === "internal" ? [] : [code])),
  ),
);

/** The code that `act` ends with, or "accepted". Anything thrown that is not one of our listed errors fails the test. */
export async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
    return "accepted";
  } catch (error) {
    if (error instanceof SealaneError && listed.has(error.code)) return error.code;
    throw error;
  }
}

/** For `assert.throws` and `assert.rejects`: an error of ours with exactly this code, or one that fits. */
export function code(expected: string | RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof SealaneError && (typeof expected === "string" ? error.code === expected : expected.test(error.code))
      ? true
      : assert.fail(`expected ${String(expected)}, got ${String(error instanceof SealaneError ? error.code : error)}`);
}
