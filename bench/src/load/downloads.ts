import { CannotRun } from "../cannot-run.ts";
import { Child } from "./child.ts";
import type { DownloadQuestion, Wave } from "./download-process.ts";
import { type LoadRow, mebibytes } from "./figures.ts";
import type { Published } from "./installation.ts";
import type { ServerQuestion, ServerUse } from "./server-process.ts";

/** The waves: downloads at the same time. The first one fills what the server keeps for good; the others show whether it grows. */
const waves: readonly number[] = [100, 1_000, 1_000, 1_000, 1_000, 1_000];

/** Files that the server has open for each download, a socket and the artefact, and some for itself. */
const filesEach = 2;
const filesBesides = 100;

/** Refuses to begin where a process may not have enough files open. Node raises its own limit as far as it is allowed to. */
export function requireOpenFiles(): void {
  const needed = Math.max(...waves) * filesEach + filesBesides;
  const allowed = openFilesAllowed();
  if (allowed >= needed) return;
  throw new CannotRun(
    `The load benchmark needs ${needed} open files a process; this shell allows ${allowed}. Run "ulimit -n ${needed}" first.`,
  );
}

function openFilesAllowed(): number {
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly hard?: number | string } };
  };
  const hard = userLimits?.open_files?.hard ?? "unlimited";
  return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}

export interface DownloadLoad {
  readonly server: Child<ServerQuestion>;
  readonly url: string;
  readonly published: Published;
  readonly signal: AbortSignal;
}

export async function loadDownloads({
  server,
  url,
  published,
  signal,
}: DownloadLoad): Promise<{ readonly rows: readonly LoadRow[]; readonly lost: readonly string[] }> {
  await using client = new Child<DownloadQuestion>("download-process", { signal });
  const rows: LoadRow[] = [];
  const lost: string[] = [];
  for (const count of waves) {
    await server.ask("begin");
    const wave = await client.ask<Wave>({ url, ...published, count });
    rows.push(...rowsOf(count, wave, await server.ask<ServerUse>("read")));
    lost.push(...lostOf(count, wave));
  }
  rows.push(collectedRow(await server.ask<ServerUse>("collect")));
  return { rows, lost };
}

function rowsOf(count: number, wave: Wave, { memory, cpuSeconds }: ServerUse): readonly LoadRow[] {
  const what = `${count} downloads`;
  const gigabytes = wave.bytes / 1e9;
  const resident = memory.map((each) => mebibytes(each.resident));
  const peak = (of: "resident" | "objects" | "buffers"): number => mebibytes(Math.max(...memory.map((each) => each[of])));
  return [
    {
      what,
      unit: "",
      values: { "connected first": wave.connected, "running at once": wave.running, GB: gigabytes, seconds: wave.seconds },
    },
    { what: `${what}: first byte`, unit: "ms", values: wave.firstByte },
    { what: `${what}: at full speed`, unit: "ms", values: wave.fullSpeed },
    { what: `${what}: whole`, unit: "ms", values: wave.whole },
    {
      what: `${what}: server's memory`,
      unit: "MiB",
      values: {
        before: resident[0] ?? Number.NaN,
        peak: peak("resident"),
        after: resident.at(-1) ?? Number.NaN,
        "most in objects": peak("objects"),
        "most in buffers": peak("buffers"),
      },
    },
    { what: `${what}: server's processor`, unit: "CPU s/GB", values: { mean: cpuSeconds / gigabytes } },
  ];
}

/** What is left when everything has ended and was collected: whether something stays behind. */
function collectedRow({ memory }: ServerUse): LoadRow {
  const { resident, objects, buffers } = memory.at(-1) ?? { resident: Number.NaN, objects: Number.NaN, buffers: Number.NaN };
  return {
    what: "afterwards, garbage collected: server's memory",
    unit: "MiB",
    values: { resident: mebibytes(resident), objects: mebibytes(objects), buffers: mebibytes(buffers) },
  };
}

function lostOf(count: number, { connected, running, failures }: Wave): readonly string[] {
  const lost = Object.entries(failures).map(([said, times]) => `${times} of ${count} downloads: ${said}`);
  if (connected !== count) lost.push(`${connected} of ${count} connections were open before the first request`);
  if (running !== count) lost.push(`${running} of ${count} downloads ran at the same time`);
  return lost;
}
