import { formatBytes, formatTable, formatTime } from "@sealane/cli";
import { type DownloadStatus, type LinkEvent, type OrderStatus, type SlotStatus, type Status, status } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal status`. */
export async function runStatus(command: Command): Promise<void> {
  const { terminal, output } = openTerminal(command);
  const overview = await status(terminal);
  output.result({ ...overview }, describe(overview));
}

function describe({ identity, listener, order, modules, downloads }: Status): string {
  if (identity === null && listener === null) return "Not enrolled: run `sealane-terminal enroll` with a token of the operator.";
  const head = identity === null ? headOfListener(listener) : headOf(identity);
  const slotRows = modules.flatMap(({ module, current, previous }) => [
    ...(current === null ? [] : [slotRow(module, "in use", current)]),
    ...(previous === null ? [] : [slotRow(module, "kept", previous)]),
  ]);
  const downloadRows = downloads.map((each) => [each.module, each.version, downloadWords(each)]);
  const parts = [head, ...(order === null ? [] : [orderWords(order)])];
  parts.push(
    slotRows.length === 0
      ? "Nothing is installed."
      : formatTable(["module", "version", "", "publisher", "permitted", "licence until", "link"], slotRows),
  );
  if (downloadRows.length > 0) parts.push(formatTable(["fetched", "version", ""], downloadRows));
  return parts.join("\n");
}

function headOf({
  name,
  model,
  serverName,
  url,
  certificateExpiresAtSeconds,
  suites,
  suiteFloor,
}: NonNullable<Status["identity"]>): string {
  const words = `${name} (${model}), enrolled with ${serverName} at ${url}; certificates until ${formatTime(certificateExpiresAtSeconds)}`;
  return `${words}\nSuites: ${suites.join(", ")}; nothing weaker than ${suiteFloor} is taken unless it is named.`;
}

function headOfListener(listener: Status["listener"]): string {
  if (listener === null) return "";
  const { url, model, standing, fingerprint } = listener;
  return `Not enrolled; listens to ${url}${model === "" ? "" : ` as ${model}`} and trusts the CA ${fingerprint} (${standing}).`;
}

function orderWords({ number, issuer, issuedAtSeconds, actions, stage }: OrderStatus): string {
  const what = actions.map(({ kind }) => kind).join(", ");
  const outcome = stage === "done" ? "done" : "pending: the next command finishes it";
  return `Last order: ${number} of ${formatTime(issuedAtSeconds)} by ${issuer} (${what}), ${outcome}.`;
}

function downloadWords({ complete, stagedBytes, totalBytes }: DownloadStatus): string {
  if (complete) return "complete";
  const some = stagedBytes === 0 ? "" : `${formatBytes(stagedBytes)} of `;
  return `licence and content key are here; ${some}${formatBytes(totalBytes)} awaited`;
}

function linkWords({ mechanism, suite, originator, trust }: LinkEvent): string {
  const server = trust === "untrusted" ? "the server, untrusted" : `the ${originator}`;
  return `${mechanism} on ${suite}, by ${server}`;
}

function slotRow(module: string, use: string, slot: SlotStatus): readonly string[] {
  const until = slot.licenceExpiresAtSeconds === null ? "" : formatTime(slot.licenceExpiresAtSeconds);
  const link = slot.link === null ? "" : linkWords(slot.link);
  return [module, slot.version ?? "", use, slot.publisher ?? "unknown", slot.problem ?? "yes", until, link];
}
