import { pathOf, routes, type TerminalView } from "@sealane/api";
import { formatTable, formatTime, outputOf } from "@sealane/cli";
import type { Command } from "commander";
import { connect } from "../connect.ts";

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
