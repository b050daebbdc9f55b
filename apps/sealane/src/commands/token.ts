import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseEnrolToken, routes, type TokenRequest, type TokenView } from "@sealane/api";
import { cliErrors, formatTime, type Output, outputOf, parseLife, parseTypedName, parseWholeNumber, readSmallFile } from "@sealane/cli";
import { writeFileAtomic } from "@sealane/software";
import type { Name } from "@sealane/wire";
import type { Command } from "commander";
import { connect } from "../connect.ts";
import { commandErrors } from "../errors.ts";

/** Tokens that one call makes at most, and bytes of a file of names. */
const maxTokens = 10_000;
const maxNamesFileBytes = 1_048_576;

interface TokenOptions {
  readonly model: string;
  readonly namesFile?: string;
  readonly count?: string;
  readonly life?: string;
  readonly out?: string;
  readonly state?: string;
  readonly input?: boolean;
}

/**
 * `sealane terminal token NAME... --model M`: a one-time token for each terminal, printed or written to files of mode 0600. Every name is
 * checked before the first token is made; cut off, the same call again makes all of them anew, and those of before are void.
 * Errors: CLI_USAGE_WRONG, CLI_FILE_*, TOKEN_SERVER_WRONG, FILE_WRITE_FAILED, PROFILE_*, those of the operator's client.
 */
export async function runTerminalToken(given: readonly string[], command: Command): Promise<void> {
  const output = outputOf(command);
  const options = command.opts<TokenOptions>();
  const names = await namesOf(given, options);
  const life = options.life === undefined ? {} : { lifeSeconds: parseLife({ option: "--life", text: options.life }) };
  const isList = given.length > 1 || options.namesFile !== undefined || options.count !== undefined;
  const { client, profile } = await connect(options.state);
  const { out } = options;
  if (isList && out !== undefined) await mkdir(out, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const request: TokenRequest = { name, model: options.model, ...life };
    const made = await client.post<TokenView>(routes.tokens, request);
    requireOwnRoot(made.token, { ...request, fingerprint: profile.fingerprint });
    const path = isList && out !== undefined ? join(out, `${name}.token`) : out;
    await hand({ ...made, name, path, isList }, output);
  }
}

/** Prints a token, or writes it to its file. */
async function hand(
  made: TokenView & { readonly name: string; readonly path: string | undefined; readonly isList: boolean },
  output: Output,
): Promise<void> {
  const { token, name, path, isList, expiresAtSeconds } = made;
  const expiresAt = formatTime(expiresAtSeconds);
  if (path === undefined) {
    output.say(`One terminal may enrol as ${name} with this token until ${expiresAt}. It is a secret; it is shown once.`);
    output.result({ event: "token", terminal: name, expiresAtSeconds, token }, isList ? `${name} ${token}` : token);
    return;
  }
  await writeFileAtomic(path, new TextEncoder().encode(`${token}\n`), { mode: 0o600 });
  output.event("token", { terminal: name, expiresAtSeconds, path }, `Wrote the token for ${name} to ${path}; good until ${expiresAt}.`);
}

/** The terminals that tokens are asked for, each once: a second token would void the first. Errors: CLI_USAGE_WRONG, CLI_FILE_*. */
async function namesOf(given: readonly string[], options: TokenOptions): Promise<readonly Name[]> {
  const listed = await namesIn(options);
  const names = [...given, ...listed].map((text) => parseTypedName({ option: "name", text }));
  if (names.length === 0) throw cliErrors.error("CLI_USAGE_WRONG", { reason: "no terminal is named", expected: "NAME or --names-file" });
  const [first = ""] = names;
  if (options.count !== undefined && names.length > 1)
    throw cliErrors.error("CLI_USAGE_WRONG", { option: "--count", expected: "one NAME, to which the numbers are added" });
  const all = options.count === undefined ? names : numbered(first, options.count);
  const seen = new Set<string>();
  for (const name of all) {
    if (seen.has(name)) throw cliErrors.error("CLI_USAGE_WRONG", { option: "name", value: name, expected: "each name once" });
    seen.add(name);
  }
  if (all.length > maxTokens) throw cliErrors.error("CLI_USAGE_WRONG", { names: all.length, limit: maxTokens });
  return all;
}

/** The lines of the file of names that are neither empty nor comments (`#`). */
async function namesIn({ namesFile, input }: TokenOptions): Promise<readonly string[]> {
  if (namesFile === undefined) return [];
  const bytes = await readSmallFile(namesFile, { maxBytes: maxNamesFileBytes, mayAsk: input !== false, what: "the names" });
  const lines = Buffer.from(bytes).toString("utf8").split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

function numbered(name: string, count: string): readonly Name[] {
  const last = parseWholeNumber({ option: "--count", text: count, min: 1, max: maxTokens });
  return Array.from({ length: last }, (_, index) => parseTypedName({ option: "name", text: `${name}-${index + 1}` }));
}

/**
 * A terminal trusts what its token names, so the root in it is compared with the one that this operator knows: a server that was stolen
 * would name a root of its own. Error: TOKEN_SERVER_WRONG.
 */
function requireOwnRoot(text: string, asked: { readonly name: string; readonly model: string; readonly fingerprint: string }): void {
  const token = parseEnrolToken(text);
  const fingerprint = token.fingerprint.toHex();
  if (fingerprint !== asked.fingerprint) throw commandErrors.error("TOKEN_SERVER_WRONG", { expected: asked.fingerprint, got: fingerprint });
  if (token.name !== asked.name || token.model !== asked.model) throw commandErrors.error("TOKEN_SERVER_WRONG", { field: "name or model" });
}
