import { DatabaseSync } from "node:sqlite";
import { maxLinksPerTerminal, serverFolder } from "@sealane/server";
import { Child } from "./child.ts";
import { type LoadRow, mebibytes, slopeOf } from "./figures.ts";
import type { Enrolled, LinkQuestion, LinkRun } from "./link-process.ts";
import type { ServerQuestion, ServerUse } from "./server-process.ts";

/** So many that none meets its quota, 256 messages in eight minutes, in the longest run either, below 850 links a second. */
const terminals = 1_000;

export interface LinkLoad {
  readonly server: Child<ServerQuestion>;
  readonly url: string;
  readonly operatorToken: string;
  readonly model: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

interface LinksReport {
  readonly rows: readonly LoadRow[];
  readonly lost: readonly string[];
  /** Links that each terminal established. */
  readonly perTerminal: readonly number[];
}

export async function loadLinks({ server, url, operatorToken, model, seconds, signal }: LinkLoad): Promise<LinksReport> {
  await using client = new Child<LinkQuestion>("link-process", { signal });
  const enrolled = await client.ask<Enrolled>({ kind: "enrol", url, operatorToken, terminals, model });
  await server.ask("begin");
  const run = await client.ask<LinkRun>({ kind: "run", seconds });
  const after = await server.ask<ServerUse>("read");
  const enrolment = { what: `enrolment of ${terminals} terminals`, unit: "/s", values: { mean: terminals / enrolled.seconds } };
  return {
    rows: [enrolment, ...rowsOf(run, after)],
    lost: Object.entries(run.failures).map(([said, times]) => `${times} links: ${said}`),
    perTerminal: run.links,
  };
}

function rowsOf(run: LinkRun, { memory, seconds, cpuSeconds }: ServerUse): readonly LoadRow[] {
  const links = sum(run.links);
  const errors = sum(Object.values(run.failures));
  const residentAt = (share: number): number => mebibytes(memory[Math.round(share * (memory.length - 1))]?.resident ?? Number.NaN);
  const settled = memory.slice(Math.floor(memory.length / 3)).map((each) => [each.seconds, each.resident] as const);
  const perMinute = mebibytes(slopeOf(settled)) * 60;
  return [
    { what: "links", unit: "", values: { made: links, errors, seconds: run.seconds } },
    { what: "links in a second", unit: "/s", values: run.perSecond },
    { what: "M1 to answer", unit: "ms", values: run.answer },
    { what: "first record to reply", unit: "ms", values: run.record },
    { what: "server's processor", unit: "CPU s/1,000 links", values: { mean: (cpuSeconds * 1_000) / links } },
    { what: "server's memory", unit: "MiB", values: { start: residentAt(0), middle: residentAt(1 / 2), end: residentAt(1) } },
    {
      what: "its slope over the last two thirds",
      unit: "MiB",
      values: { "a minute": perMinute, "1,000 links": (perMinute * (seconds / 60) * 1_000) / links },
    },
  ];
}

/** Counts what the database has, when the server has closed it: every link and the replay entry of its first message. */
export function countRows(
  folder: string,
  perTerminal: readonly number[],
): { readonly rows: readonly LoadRow[]; readonly lost: readonly string[] } {
  const { database } = serverFolder(folder);
  using db = new DatabaseSync(database, { readOnly: true });
  const count = (table: string): number => Number(db.prepare(`select count(*) as rows from ${table}`).get()?.["rows"]);
  const made = sum(perTerminal);
  const expected = { replay: made, links: sum(perTerminal.map((links) => Math.min(links, maxLinksPerTerminal))) };
  const found = { replay: count("replay_entries"), links: count("links") };
  const lost = (["replay", "links"] as const).flatMap((what) =>
    found[what] === expected[what] ? [] : [`the database has ${found[what]} rows of ${what} where ${expected[what]} belong`],
  );
  const most = Math.max(...perTerminal);
  const values = { "replay entries": found.replay, links: found.links, "links expected": expected.links, "most of one terminal": most };
  return { rows: [{ what: "rows in the database", unit: "", values }], lost };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
