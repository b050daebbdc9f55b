import { formatBytes, formatTable, formatTime } from "@sealane/cli";
import { type SlotStatus, type Status, status } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal status`. */
export async function runStatus(command: Command): Promise<void> {
  const { terminal, output } = openTerminal(command);
  const overview = await status(terminal);
  output.result({ ...overview }, describe(overview));
}

function describe({ identity, modules, downloads }: Status): string {
  if (identity === null) return "Not enrolled: run `sealane-terminal enroll` with a token of the operator.";
  const { name, model, serverName, url, certificateExpiresAtSeconds } = identity;
  const head = `${name} (${model}), enrolled with ${serverName} at ${url}; certificates until ${formatTime(certificateExpiresAtSeconds)}`;
  const slotRows = modules.flatMap(({ module, current, previous }) => [
    ...(current === null ? [] : [slotRow(module, "in use", current)]),
    ...(previous === null ? [] : [slotRow(module, "kept", previous)]),
  ]);
  const downloadRows = downloads.map((each) => [
    each.module,
    each.version,
    each.complete ? "complete" : `${formatBytes(each.stagedBytes)} of ${formatBytes(each.totalBytes)}`,
  ]);
  const parts = [head];
  parts.push(
    slotRows.length === 0
      ? "Nothing is installed."
      : formatTable(["module", "version", "", "permitted", "licence until", "link"], slotRows),
  );
  if (downloadRows.length > 0) parts.push(formatTable(["fetched", "version", ""], downloadRows));
  return parts.join("\n");
}

function slotRow(module: string, use: string, slot: SlotStatus): readonly string[] {
  const until = slot.licenceExpiresAtSeconds === null ? "" : formatTime(slot.licenceExpiresAtSeconds);
  const link = slot.link === null ? "" : `${slot.link.mechanism} on ${slot.link.suite}, by the ${slot.link.originator}`;
  return [module, slot.version ?? "", use, slot.problem ?? "yes", until, link];
}
