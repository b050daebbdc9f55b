import { createHash } from "node:crypto";
import { createReadStream, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hangingSeconds } from "../eventually.ts";
import { buildCommands } from "./built-commands.ts";
import { demand } from "./failure.ts";
import { Installation, succeeded } from "./installation.ts";
import { type CommandRun, eventOf } from "./processes.ts";
import { writeLargeFile } from "./software.ts";
import { table } from "./table.ts";

/** Peak of resident memory that publish and fetch may reach, whatever the size (150 MiB). */
const maxResidentBytes = 157_286_400;

/** Copies of the software that are on the disk at the same time: sealed, uploaded, fetched, with a fifth in reserve. */
const copies = 3.2;

/** Time for one command: as if the disk took 20 MB a second. */
const slowestBytesPerSecond = 20_000_000;

interface Measured {
  readonly command: string;
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Publishes, fetches and installs software of `bytes` with the built commands; fails when publish or fetch had more than 150 MiB resident. */
export async function runLarge(bytes: number): Promise<void> {
  const needed = bytes * copies;
  const { bavail, bsize } = statfsSync(tmpdir());
  demand(bavail * bsize > needed, `${tmpdir()} has ${mebibytes(bavail * bsize)} free; this size needs ${mebibytes(needed)}.`);
  await using installation = await Installation.raise({ commands: await buildCommands(), terminals: ["terminal-1"] });
  const path = join(installation.folder, "large.bin");
  writeLargeFile(path, bytes);
  const limitSeconds = hangingSeconds + bytes / slowestBytesPerSecond;
  const measured: Measured[] = [];
  const measure = async (command: string, run: (peakMemory: string) => Promise<CommandRun>): Promise<CommandRun> => {
    const peakMemory = join(installation.folder, `${command}.peak`);
    const done = succeeded(await run(peakMemory));
    measured.push({ command, seconds: done.seconds, peakBytes: Number(readFileSync(peakMemory, "utf8")) });
    return done;
  };
  await installation.stopServer();
  const serverPeak = join(installation.folder, "server.peak");
  await installation.startServer({ peakMemory: serverPeak });
  const publish = ["publish", path, "--name", "large", "--version", "1", "--format", "file"];
  await measure("publish", (peakMemory) => installation.operator(publish, { limitSeconds, hooks: { peakMemory } }));
  const terminal = async (command: string): Promise<CommandRun> =>
    await measure(command, (peakMemory) =>
      installation.terminal("terminal-1", [command, "large"], { limitSeconds, hooks: { peakMemory } }),
    );
  await terminal("fetch");
  const installed = eventOf(await terminal("install"), "installed");
  const { seconds } = await installation.stopServer();
  measured.push({ command: "server", seconds, peakBytes: Number(readFileSync(serverPeak, "utf8")) });
  process.stdout.write(`${describe(bytes, measured)}\n`);
  for (const { command, peakBytes } of measured) {
    const limited = command === "publish" || command === "fetch";
    demand(
      !limited || peakBytes <= maxResidentBytes,
      `${command} had ${mebibytes(peakBytes)} resident; ${mebibytes(maxResidentBytes)} are allowed.`,
    );
  }
  demand((await sha256Of(String(installed["path"]))) === (await sha256Of(path)), "The installed software is not what was published.");
  installation.demandNoSecretPrinted();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(piece);
  return hash.digest("hex");
}

function describe(bytes: number, measured: readonly Measured[]): string {
  const rows = measured.map(({ command, seconds, peakBytes }) => [
    command,
    mebibytes(peakBytes),
    `${seconds.toFixed(1)} s`,
    command === "server" ? "" : `${(bytes / seconds / 1e6).toFixed(0)} MB/s`,
  ]);
  return `Software of ${mebibytes(bytes)}:\n\n${table(["command", "most resident", "time", "speed"], rows)}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
