import { parseEnrolToken, pathOf, routes, type TerminalView, type TokenRequest, type TokenView } from "@sealane/api";
import { formatTable, formatTime, outputOf, parseTypedName, parseWholeNumber } from "@sealane/cli";
import { writeFileAtomic } from "@sealane/software";
import type { Command } from "commander";
import { connect } from "../connect.ts";
import { commandErrors } from "../errors.ts";

/** `sealane terminal token NAME --model M`: prints a one-time token, or writes it to a file of mode 0600. */
export async function runTerminalToken(name: string, command: Command): Promise<void> {
  const output = outputOf(command);
  const options = command.opts<{ model: string; life?: string; out?: string; state?: string }>();
  const request: TokenRequest = {
    name: parseTypedName({ option: "name", text: name }),
    model: options.model,
    ...(options.life === undefined
      ? {}
      : { lifeSeconds: parseWholeNumber({ option: "--life", text: options.life, min: 1, max: Number.MAX_SAFE_INTEGER }) }),
  };
  const { client, profile } = await connect(options.state);
  const { token, expiresAtSeconds } = await client.post<TokenView>(routes.tokens, request);
  requireOwnRoot(token, { ...request, fingerprint: profile.fingerprint });
  const expiresAt = formatTime(expiresAtSeconds);
  if (options.out === undefined) {
    output.say(`One terminal may enrol as ${name} with this token until ${expiresAt}. It is a secret; it is shown once.`);
    output.result({ event: "token", terminal: name, expiresAtSeconds, token }, token);
    return;
  }
  await writeFileAtomic(options.out, new TextEncoder().encode(`${token}\n`), { mode: 0o600 });
  output.event(
    "token",
    { terminal: name, expiresAtSeconds, path: options.out },
    `Wrote the token for ${name} to ${options.out}; good until ${expiresAt}.`,
  );
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

/** `sealane terminal list`. */
export async function runTerminalList(command: Command): Promise<void> {
  const { client } = await connect(command.opts<{ state?: string }>().state);
  const terminals = await client.get<readonly TerminalView[]>(routes.terminals);
  const rows = terminals.map((terminal) => [
    terminal.name,
    terminal.model,
    terminal.status,
    terminal.lastSeenSeconds === null ? "never" : formatTime(terminal.lastSeenSeconds),
    terminal.installed.map(({ module, version }) => `${module} ${version}`).join(", "),
  ]);
  outputOf(command).result({ terminals }, formatTable(["terminal", "model", "status", "last seen", "installed, as it said"], rows));
}

/** `sealane terminal show NAME`. */
export async function runTerminalShow(name: string, command: Command): Promise<void> {
  const { client } = await connect(command.opts<{ state?: string }>().state);
  const terminal = await client.get<TerminalView>(pathOf(routes.terminal, name));
  const installed = terminal.installed.map(({ module, version, sequence }) => `${module} ${version} (sequence ${sequence})`);
  const rows = [
    ["name", terminal.name],
    ["model", terminal.model],
    ["status", terminal.status],
    ["enrolled", formatTime(terminal.enrolledAtSeconds)],
    ["last seen", terminal.lastSeenSeconds === null ? "never" : formatTime(terminal.lastSeenSeconds)],
    ["certificate expires", formatTime(terminal.certificateExpiresAtSeconds)],
    ["installed, as it said", installed.length === 0 ? "nothing" : installed.join(", ")],
  ];
  outputOf(command).result({ ...terminal }, formatTable(["terminal", ""], rows));
}
