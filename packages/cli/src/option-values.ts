import { type Name, parseName, SealaneError } from "@sealane/wire";
import type { Command } from "commander";
import { cliErrors } from "./errors.ts";

/** A whole number within bounds, as an option of a command line gives it: digits only. Error: CLI_USAGE_WRONG. */
export function parseWholeNumber(given: {
  readonly option: string;
  readonly text: string;
  readonly min: number;
  readonly max: number;
}): number {
  const { option, text, min, max } = given;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw cliErrors.error("CLI_USAGE_WRONG", { option, value: text, expected: `a whole number from ${min} to ${max}` });
}

/** How a person gave an option's value, for an error that says where to correct it: `--port`, or the variable that stands in for it. */
export function givenBy(command: Command, attribute: string): string {
  const option = command.options.find((each) => each.attributeName() === attribute);
  const variable = command.getOptionValueSource(attribute) === "env" ? option?.envVar : undefined;
  return variable ?? option?.long ?? attribute;
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A time as people write it, in seconds: `90`, `90s`, `30m`, `12h` or `1d`; at least a second. Error: CLI_USAGE_WRONG. */
export function parseLife(given: { readonly option: string; readonly text: string }): number {
  const { option, text } = given;
  const [, digits = "", unit = "s"] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(digits) * (secondsOf[unit === "" ? "s" : unit] ?? 0);
  if (seconds > 0) return seconds;
  throw cliErrors.error("CLI_USAGE_WRONG", { option, value: text, expected: "a time as 90s, 30m, 12h or 1d" });
}

/**
 * The address of a server: http or https, without a user name, query or fragment. It may have a path, `https://host/ota`, below which
 * the server's routes are; given without a slash at the end. Error: CLI_USAGE_WRONG.
 */
export function parseServerUrl(given: { readonly option: string; readonly text: string }): string {
  const url = URL.canParse(given.text) ? new URL(given.text) : null;
  const hasMore = url === null || [url.username, url.password, url.search, url.hash].some((part) => part !== "");
  if (url !== null && !hasMore && /^https?:$/.test(url.protocol)) return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  throw cliErrors.error("CLI_USAGE_WRONG", { option: given.option, expected: "an address as https://name:port" });
}

/** The SHA-256 of a CA certificate, in lower case; it may have colons, as openssl prints it. Error: CLI_USAGE_WRONG. */
export function parseFingerprint(given: { readonly option: string; readonly text: string }): string {
  const { text } = given;
  if (/^([0-9a-fA-F]{64}|([0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2})$/.test(text)) return text.replaceAll(":", "").toLowerCase();
  throw cliErrors.error("CLI_USAGE_WRONG", { option: given.option, value: given.text, expected: "64 hex digits" });
}

/** A name that a person typed: the fault is that person's, and no peer's as in a message. Error: CLI_USAGE_WRONG. */
export function parseTypedName(given: { readonly option: string; readonly text: string }): Name {
  try {
    return parseName(given.text);
  } catch (error) {
    if (!(error instanceof SealaneError)) throw error;
    throw cliErrors.error("CLI_USAGE_WRONG", { option: given.option, value: given.text, ...expectedOf(error) }, error);
  }
}

function expectedOf({ details }: SealaneError): { readonly expected: string } | Record<string, never> {
  const { expected } = details;
  return typeof expected === "string" ? { expected } : {};
}
