import { rmSync } from "node:fs";
import { join } from "node:path";
import { routes } from "@sealane/api";
import { standardSuites } from "@sealane/crypto";
import { mechanisms } from "@sealane/link";
import { serverFolder } from "@sealane/server";
import { exitCodes } from "@sealane/wire";
import { type FindingKind, findingsIn, linkIdsOf, type SeenDownload } from "./anonymity-check.ts";
import { changesBetween, type DumpedRow, dumpRows } from "./database-rows.ts";
import { demand } from "./failure.ts";
import { type CommandOptions, Installation, succeeded } from "./installation.ts";
import { eventOf, said } from "./processes.ts";
import { clientAddress } from "./recording-relay.ts";
import { secretsBelow } from "./secrets.ts";
import { publishing, writeScript } from "./software.ts";
import { table } from "./table.ts";
import { type Trace, tracesOf } from "./terminal-traces.ts";

/** Terminals that differ in everything: name and model, also in length, and what they have installed. */
const first = { name: "pump-station-north-17", model: "hydraulic-press-9000", module: "pump-controller-firmware" };
const second = { name: "turnstile-at-gate-42", model: "turnstile-mk-iii", module: "turnstile-display-messages" };
const both = [first, second] as const;

/** What both download in the end. */
const shared = "news-of-the-harbour";

/** The downloads happen this much after everything else, so that a time that is noted seldom would be noted anew. */
const later: CommandOptions = { hooks: { clockSeconds: 120 } };

/**
 * Two terminals that a server knows by name download the same software without one (ANON). A packet capture, the log, the metrics
 * and the database are searched for anything that tells one from the other; the same search must find them when they give their
 * names.
 */
export async function runAnonymous(): Promise<void> {
  const anonymous = Object.values(mechanisms).filter((each) => each.anonymous === "originator" && each.equations.terminal !== undefined);
  const allow = anonymous.map(({ name }) => name);
  await using installation = await Installation.raise({ terminals: [], recorded: true, allow });
  demand(installation.database === null, "This scenario reads the database of SQLite only.");
  const traces = await makeKnown(installation);
  const rows: string[][] = [];
  const links: string[] = [];
  for (const mechanism of allow) {
    for (const suite of standardSuites) {
      const pair = await downloadBoth(installation, ["--mechanism", mechanism, "--suite", suite.name]);
      const findings = findingsIn(pair, traces);
      demand(findings.length === 0, `By ${mechanism} on ${suite.name} terminals are told apart.`, findings.map(sentence).join("\n"));
      links.push(...pair.flatMap(linkIdsOf));
      rows.push([`${mechanism} on ${suite.name}`, `${capturedBytes(pair)} bytes captured`, "nothing"]);
    }
  }
  demand(new Set(links).size === 2 * rows.length, "Two links have one id.");

  rows.push(await named(installation, traces, { originator: "terminal", kinds: ["difference", "row", "trace"] }));
  for (const { name } of both) succeeded(await installation.operator(["release", "offer", shared, "--to", name]));
  rows.push(await named(installation, traces, { originator: "server", kinds: ["difference", "header", "row", "trace"] }));

  await installedInSilence(installation, allow[0] ?? "");
  rows.push(["installed, then asked by name", first.name, "not reported"]);

  await installation.stopServer();
  installation.demandNoSecretPrinted();
  process.stdout.write(`${table(["two downloads", "", "what tells them apart"], rows)}\n`);
}

/** Enrols both, lets each install something by name, and says by what they could be known again. */
async function makeKnown(installation: Installation): Promise<readonly Trace[]> {
  for (const { name, model, module } of both) {
    await installation.enrol(name, model);
    succeeded(await installation.operator(publishing(writeScript(installation.folder, { module, version: "1.0" }))));
    eventOf(succeeded(await installation.terminal(name, ["fetch", module])), "fetched");
    eventOf(succeeded(await installation.terminal(name, ["install", module])), "installed");
  }
  succeeded(await installation.operator(publishing(writeScript(installation.folder, { module: shared, version: "1.0" }))));
  await installation.stopServer();
  await installation.startServer(later.hooks);
  const known = rowsOf(installation);
  const tokens = secretsBelow(installation.folder).filter(({ name }) => name.includes(".token"));
  const ofBoth = both.flatMap(({ name, model, module }) => {
    const secrets = [...secretsBelow(installation.terminalState(name)), ...tokens.filter((token) => token.name.includes(name))];
    return tracesOf({ name, model, modules: [module], secrets }, known);
  });
  return [...ofBoth, { name: "address of the client", forms: [clientAddress] }];
}

/** The check itself: it must find what there is to find in downloads by name. */
async function named(
  installation: Installation,
  traces: readonly Trace[],
  expected: { readonly originator: string; readonly kinds: readonly FindingKind[] },
): Promise<string[]> {
  const { originator, kinds } = expected;
  const findings = findingsIn(await downloadBoth(installation, ["--originator", originator]), traces);
  const found = kinds.filter((kind) => findings.some((finding) => finding.kind === kind));
  demand(found.length === kinds.length, `Of ${kinds.join(", ")} only these are found by name.`, findings.map(sentence).join("\n"));
  return [`by name, begun by the ${originator}`, "must be found", `${findings.length} findings: ${kinds.join(", ")}`];
}

/** A terminal that installed what came without its name does not report it when it gives its name later. */
async function installedInSilence(installation: Installation, mechanism: string): Promise<void> {
  const { name, module } = first;
  await download(installation, name, ["--mechanism", mechanism]);
  succeeded(await installation.terminal(name, ["install", shared], later));
  const asked = await installation.terminal(name, ["fetch", module], later);
  demand(asked.exitCode === exitCodes.nothingToDo, "There is something new.", said(asked));
  const row = rowsOf(installation).find(({ table, columns }) => table === "terminals" && columns["name"] === name);
  const reported = row?.columns["installed"] ?? "";
  demand(reported.includes(module), `${name} did not report what it installed by name.`);
  demand(!reported.includes(shared), `${name} reported what it installed without its name.`);
}

async function downloadBoth(installation: Installation, options: readonly string[]): Promise<readonly [SeenDownload, SeenDownload]> {
  return [await download(installation, first.name, options), await download(installation, second.name, options)];
}

async function download(installation: Installation, terminal: string, options: readonly string[]): Promise<SeenDownload> {
  rmSync(join(installation.terminalState(terminal), "downloads"), { recursive: true, force: true });
  const before = rowsOf(installation);
  const logged = installation.serverLog().length;
  installation.relay.take();
  eventOf(succeeded(await installation.terminal(terminal, ["fetch", shared, ...options], later)), "fetched");
  const connections = installation.relay.take();
  const metrics = await (await fetch(new URL(routes.metrics, installation.url))).text();
  return {
    terminal,
    connections,
    log: installation.serverLog().slice(logged),
    metrics,
    rows: changesBetween(before, rowsOf(installation)),
  };
}

function rowsOf({ serverState }: Installation): readonly DumpedRow[] {
  return dumpRows(serverFolder(join(serverState, "server")).database);
}

function capturedBytes(pair: readonly SeenDownload[]): number {
  const connections = pair.flatMap((each) => each.connections);
  return connections.reduce((sum, { sent, received }) => sum + sent.length + received.length, 0);
}

function sentence(finding: { readonly sentence: string }): string {
  return finding.sentence;
}
