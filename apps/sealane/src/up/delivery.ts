import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Triple } from "@sealane/link";
import { commandErrors } from "../errors.ts";
import type { ChildEvent, Children, Commands } from "./children.ts";
import type { Installation } from "./installation.ts";

/** One software version on its way to one terminal by one triple. */
export interface Delivery {
  readonly terminal: string;
  readonly mechanism: string;
  readonly suite: string;
  readonly originator: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Path of the installed software. */
  readonly installed: string;
  readonly seconds: number;
  readonly promise: string;
  readonly readers: string;
}

/** The software that is delivered. */
export interface Software {
  readonly path: string;
  readonly module: string;
  readonly version: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface DeliveryTools {
  readonly installation: Installation;
  readonly children: Children;
  readonly commands: Commands;
  readonly onEvent: (event: ChildEvent) => void;
}

/** Seals and releases the software once, for all terminals; publicly where the mechanism gives its key to everybody. */
export async function publishSoftware(software: Software, { mechanism }: Triple, tools: DeliveryTools): Promise<void> {
  const { children, commands, installation } = tools;
  const name = ["--name", software.module, "--version", software.version, "--again", ...(mechanism.grade === "public" ? ["--public"] : [])];
  await children.run(commands.operator, ["publish", software.path, ...name, "--state", installation.state, "--json"], tools.onEvent);
}

/** Link, licence, fetch, check, install at one terminal; then the installed bytes are read again. Error: UP_DELIVERY_WRONG. */
export async function deliver(
  software: Software,
  to: { readonly terminal: string; readonly folder: string; readonly triple: Triple },
  tools: DeliveryTools,
): Promise<Delivery> {
  const { children, commands, installation, onEvent } = tools;
  const { mechanism, suite, originator } = to.triple;
  const began = performance.now();
  const way = ["--mechanism", mechanism.name, "--suite", suite.name];
  if (originator === "server" && !mechanism.broadcast) {
    const offer = ["release", "offer", software.module, "--to", to.terminal, ...way, "--state", installation.state, "--json"];
    await children.run(commands.operator, offer, onEvent);
  }
  const fetch = ["fetch", software.module, ...way, "--originator", originator, "--state", to.folder, "--json"];
  const fetched = await children.run(commands.terminal, fetch, onEvent);
  const installed = await children.run(commands.terminal, ["install", software.module, "--state", to.folder, "--json"], onEvent);
  const path = textOf(installed, "installed", "path");
  const { sha256, bytes } = await hashFile(path);
  if (sha256 !== software.sha256) throw commandErrors.error("UP_DELIVERY_WRONG", { expected: software.sha256, got: sha256, path });
  return {
    terminal: to.terminal,
    mechanism: mechanism.name,
    suite: suite.name,
    originator,
    bytes,
    sha256,
    installed: path,
    seconds: Math.round(performance.now() - began) / 1000,
    promise: textOf(fetched, "link", "promise"),
    readers: textOf(fetched, "link", "readers"),
  };
}

/** SHA-256 (hex) and size of a file, read in pieces. */
export async function hashFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(piece);
  return { sha256: hash.digest("hex"), bytes: (await stat(path)).size };
}

/** A member of the last event of a name. Error: UP_STEP_FAILED. */
export function textOf(events: readonly ChildEvent[], name: string, field: string): string {
  const value = events.findLast(({ event }) => event === name)?.[field];
  if (typeof value !== "string") throw commandErrors.error("UP_STEP_FAILED", { event: name, field });
  return value;
}
