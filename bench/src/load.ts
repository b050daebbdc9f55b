import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initServer } from "@sealane/server";
import { removeTree } from "@sealane/testkit/remove-tree";
import { parseName } from "@sealane/wire";
import { CannotRun } from "./cannot-run.ts";
import { Child } from "./load/child.ts";
import { loadDownloads, requireOpenFiles } from "./load/downloads.ts";
import type { LoadRow } from "./load/figures.ts";
import { publish } from "./load/installation.ts";
import { countRows, loadLinks } from "./load/links.ts";
import type { ServerQuestion } from "./load/server-process.ts";

/** What a run of the load benchmark measured, and what it lost: sentences; none when all went as it must. */
export interface LoadReport {
  readonly rows: readonly LoadRow[];
  readonly lost: readonly string[];
}

/** The longest run: replay entries are all there at its end. The first are forgotten after eight minutes. */
export const maxLoadSeconds = 300;

/** 8 MiB: a thousand of them take some seconds, and no socket's buffers hold one whole. */
const plaintextBytes = 8 * 1024 * 1024;
const model = "m1";

/**
 * One server process under load from others on this machine: a thousand downloads at once of one sealed artefact, then links at full
 * rate for so many seconds. Leaves nothing behind, also when it is ended by SIGINT or SIGTERM.
 */
export async function benchLoad(plan: { readonly seconds: number }): Promise<LoadReport> {
  requireOpenFiles();
  const ending = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => ending.abort(new CannotRun(`The load benchmark was ended by ${signal}.`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  const folder = await mkdtemp(join(tmpdir(), "sealane-bench-load-"));
  try {
    return await measure(join(folder, "server"), plan.seconds, ending.signal);
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    removeTree(folder);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
  }
}

async function measure(folder: string, seconds: number, signal: AbortSignal): Promise<LoadReport> {
  const { operatorToken } = await initServer({ folder, name: parseName("server"), nowSeconds: Math.floor(Date.now() / 1000) });
  await using server = new Child<ServerQuestion>("server-process", { args: [folder], signal });
  const url = await server.ask<string>("url");
  const published = await publish({ folder, url, operatorToken, model, plaintextBytes });
  const downloads = await loadDownloads({ server, url, published, signal });
  const links = await loadLinks({ server, url, operatorToken, model, seconds, signal });
  await server.ask("close");
  const kept = countRows(folder, links.perTerminal);
  return { rows: [...downloads.rows, ...links.rows, ...kept.rows], lost: [...downloads.lost, ...links.lost, ...kept.lost] };
}
