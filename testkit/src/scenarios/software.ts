import { randomBytes } from "node:crypto";
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { demand } from "./failure.ts";
import { type Installation, succeeded } from "./installation.ts";
import { eventOf, said } from "./processes.ts";

/** Software of one version. */
export interface Software {
  readonly path: string;
  readonly module: string;
  readonly version: string;
  /** What it prints when it is run. */
  readonly marker: string;
}

/** Small enough to be delivered a hundred times, large enough to be cut in the middle of. */
export const segmentBytes = 65_536;
export const segments = 6;

/** Makes a shell script that prints its marker, padded to six segments, the last a short one, with what no two versions share. */
export function writeScript(folder: string, { module, version }: { readonly module: string; readonly version: string }): Software {
  const marker = `this is ${module} ${version}`;
  const path = join(folder, `${module}-${version}.sh`);
  const size = segments * segmentBytes - 1000;
  const padding = randomBytes(size).toString("hex").slice(0, size);
  writeFileSync(path, `#!/bin/sh\necho "${marker} $*"\nexit 0\n${padding}`.slice(0, size), { mode: 0o755 });
  return { path, module, version, marker };
}

/** Makes a large file quickly: holes, with random bytes at every 64 MiB so that no two parts are equal. */
export function writeLargeFile(path: string, bytes: number): void {
  const file = openSync(path, "wx");
  ftruncateSync(file, bytes);
  const block = Math.min(65_536, bytes);
  for (let at = 0; at + block <= bytes; at += 64 * 1024 * 1024) writeSync(file, randomBytes(block), 0, block, at);
  closeSync(file);
}

/** The arguments that publish a software. */
export function publishing({ path, module, version }: Software): readonly string[] {
  return ["publish", path, "--name", module, "--version", version, "--format", "file", "--segment-bytes", String(segmentBytes)];
}

/** The same, also where the version is published. */
export function publishingAgain(software: Software): readonly string[] {
  return [...publishing(software), "--again"];
}

/** Publishes, fetches and installs a software, and sees it run. */
export async function deliver(installation: Installation, software: Software, terminals: readonly string[]): Promise<void> {
  eventOf(succeeded(await installation.operator(publishing(software))), "published");
  for (const terminal of terminals) await fetchAndInstall(installation, software, terminal);
}

export async function fetchAndInstall(installation: Installation, software: Software, terminal: string): Promise<void> {
  eventOf(succeeded(await installation.terminal(terminal, ["fetch", software.module])), "fetched");
  eventOf(succeeded(await installation.terminal(terminal, ["install", software.module])), "installed");
  await demandRuns(installation, terminal, [software]);
}

/** Fails unless the installed software is one of these versions and runs; gives it. */
export async function demandRuns(installation: Installation, terminal: string, versions: readonly Software[]): Promise<Software> {
  const module = versions[0]?.module ?? "";
  const run = await installation.terminal(terminal, ["exec", module, "--", "a1", "b2"]);
  const running = versions.find(({ marker }) => run.stdout.includes(`${marker} a1 b2`));
  const expected = versions.map(({ version }) => version).join(" or ");
  demand(run.exitCode === 0 && running !== undefined, `${module} ${expected} does not run as installed.`, said(run));
  return running;
}
