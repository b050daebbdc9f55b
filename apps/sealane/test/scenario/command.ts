import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

/** Runs the real commands as processes of their own, as a shell does. */

export type ProgramName = "sealane" | "sealane-terminal";

const programs: Readonly<Record<ProgramName, string>> = {
  sealane: fileURLToPath(new URL("../../bin/sealane.js", import.meta.url)),
  "sealane-terminal": fileURLToPath(new URL("../../../sealane-terminal/bin/sealane-terminal.js", import.meta.url)),
};

export function programPath(program: ProgramName): string {
  return programs[program];
}

/** How a command ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output, line by line, where it is JSON. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

export async function run(
  program: ProgramName,
  args: readonly string[],
  input = "",
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  const child = start(program, args, environment);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  child.stdin?.end(input);
  const [exitCode] = (await once(child, "exit")) as [number | null];
  const text = await stdout;
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  return { exitCode, stdout: text, stderr: await stderr, events: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** Starts a command that stays. */
export function start(program: ProgramName, args: readonly string[], environment: NodeJS.ProcessEnv = process.env): ChildProcess {
  return spawn(process.execPath, [programs[program], ...args], { stdio: ["pipe", "pipe", "pipe"], env: environment });
}

/** The code that a command ended with: of an error, or of what there was not to do. */
export function codeOf({ events }: Ended): unknown {
  return events.findLast(({ event }) => event === "error" || event === "nothing")?.["code"];
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await once(probe.listen(0, "127.0.0.1"), "listening");
  const address = probe.address();
  probe.close();
  return typeof address === "object" && address !== null ? address.port : assert.fail();
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  const pieces: Buffer[] = [];
  if (stream !== null) for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString("utf8");
}
