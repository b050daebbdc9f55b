import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { layoutOf, parseHeaderFront, segmentRange } from "@sealane/software";
import { concatBytes, exitCodes } from "@sealane/wire";
import { demand } from "./failure.ts";
import { filesBelow, succeeded } from "./installation.ts";
import { cut } from "./message-faults.ts";
import { type CommandRun, said } from "./processes.ts";
import { segments } from "./software.ts";
import { insider, type TamperBench, type TamperCase, victim } from "./tamper-bench.ts";
import { type Fault, type ProxiedReply, rangeStart } from "./tampering-proxy.ts";

/** Artefacts, licences and files that were changed, and disks that are full. */

const { done, notTrusted, retryLater } = exitCodes;
const toArtefact: Fault["on"] = ({ method, path }) => method === "GET" && path.startsWith("/v1/artefacts/");

/** Flips a bit of an artefact at the place that its own header tells. */
function flippedAt(place: (artefact: Uint8Array) => number): Fault {
  return {
    on: toArtefact,
    reply: (reply) => {
      demand(rangeStart(reply) === 0, "The first reply was to begin at the beginning.");
      const body = Uint8Array.from(reply.body);
      const at = place(body);
      body[at] = (body[at] ?? 0) ^ 1;
      return { ...reply, body };
    },
  };
}

const inSegment = (index: number) => (artefact: Uint8Array) =>
  segmentRange(layoutOf(parseHeaderFront(artefact).header), index).fileStart + 100;

const changed = (change: (reply: ProxiedReply) => Uint8Array): Fault => ({
  on: toArtefact,
  reply: (reply) => ({ ...reply, body: change(reply) }),
});

export const fileCases: readonly TamperCase[] = [
  artefactCase("first segment changed", { exit: notTrusted, codes: ["ARTEFACT_SEGMENT_WRONG"] }, () => flippedAt(inSegment(0))),
  artefactCase("last segment changed", { exit: notTrusted, codes: ["ARTEFACT_SEGMENT_WRONG"] }, () => flippedAt(inSegment(segments - 1))),
  artefactCase("header changed: its form", { exit: notTrusted, codes: ["ARTEFACT_FORMAT_WRONG"] }, () => flippedAt(() => 3)),
  artefactCase("header changed: the salt", { exit: notTrusted, codes: ["ARTEFACT_ID_WRONG"] }, () => flippedAt(() => 30)),
  artefactCase("header changed: the list of digests", { exit: notTrusted, codes: ["ARTEFACT_ID_WRONG"] }, () => flippedAt(() => 200)),
  artefactCase("artefact truncated", { exit: retryLater, codes: ["ARTEFACT_TRUNCATED"] }, () =>
    changed(({ body }) => body.subarray(0, body.length - 1)),
  ),
  artefactCase("bytes behind the artefact", { exit: notTrusted, codes: ["ARTEFACT_TRAILING_BYTES"] }, () =>
    changed(({ body }) => concatBytes(body, new Uint8Array(1))),
  ),
  artefactCase("another artefact in its place", { exit: notTrusted, codes: ["ARTEFACT_ID_WRONG"] }, (bench) =>
    changed(() => bench.olderArtefact),
  ),
  artefactCase("connection cut in the third segment", { exit: done, codes: [] }, () => cut(toArtefact, 3 * 65_536)),
  {
    name: "licence of another terminal",
    exit: notTrusted,
    codes: ["LICENCE_RECIPIENT_WRONG"],
    async meet(bench) {
      const licence = slotFile(bench, victim, "licence.cwt");
      overwrite(licence, readFileSync(slotFile(bench, insider, "licence.cwt")));
      return await refusedExec(bench);
    },
    mend: async (bench) => await bench.reset(),
  },
  {
    name: "licence changed on the disk",
    exit: notTrusted,
    codes: ["LICENCE_SIGNATURE_WRONG"],
    async meet(bench) {
      flipLast(slotFile(bench, victim, "licence.cwt"));
      return await refusedExec(bench);
    },
    mend: async (bench) => await bench.reset(),
  },
  {
    name: "release changed on the disk",
    exit: notTrusted,
    codes: ["RELEASE_SIGNATURE_WRONG"],
    async meet(bench) {
      flipLast(slotFile(bench, victim, "release.cose"));
      return await refusedExec(bench);
    },
    mend: async (bench) => await bench.reset(),
  },
  {
    name: "release taken away",
    exit: notTrusted,
    codes: ["TERMINAL_SOFTWARE_CHANGED"],
    async meet(bench) {
      rmSync(slotFile(bench, victim, "release.cose"));
      return await refusedExec(bench);
    },
    mend: async (bench) => await bench.reset(),
  },
  {
    name: "installed software changed on the disk",
    exit: notTrusted,
    codes: ["TERMINAL_SOFTWARE_CHANGED"],
    async meet(bench) {
      flipLast(programOf(bench));
      return await refusedExec(bench);
    },
    mend: async (bench) => await bench.reset(),
  },
  {
    name: "fetched software changed on the disk",
    exit: retryLater,
    codes: ["TERMINAL_STAGED_CHANGED"],
    async meet(bench) {
      succeeded(await bench.fetch());
      flipLast(join(downloadOf(bench, victim), "software"));
      return await bench.installation.terminal(victim, ["install", bench.after.module]);
    },
  },
  {
    name: "download, key and licence of another terminal",
    exit: notTrusted,
    codes: ["LICENCE_RECIPIENT_WRONG"],
    async meet(bench) {
      await bench.terminal(insider, "fetch", bench.after.module);
      const folder = downloadOf(bench, insider);
      cpSync(folder, folder.replace(bench.installation.terminalState(insider), bench.installation.terminalState(victim)), {
        recursive: true,
      });
      return await bench.installation.terminal(victim, ["install", bench.after.module]);
    },
  },
];

function artefactCase(name: string, expected: Pick<TamperCase, "exit" | "codes">, fault: (bench: TamperBench) => Fault): TamperCase {
  return {
    name,
    ...expected,
    async meet(bench) {
      bench.proxy.fault = fault(bench);
      const run = await bench.fetch();
      demand(bench.proxy.changes > 0, "No artefact passed by.", said(run));
      return run;
    },
  };
}

async function refusedExec(bench: TamperBench): Promise<CommandRun> {
  const run = await bench.installation.terminal(victim, ["exec", bench.before.module, "--", "a1"]);
  demand(!run.stdout.includes(bench.before.marker), "The program ran although it should not.", said(run));
  return run;
}

function slotFile(bench: TamperBench, terminal: string, name: string): string {
  return join(bench.installation.terminalState(terminal), "modules", bench.before.module, "current", name);
}

/** The one file below the installed software. */
function programOf(bench: TamperBench): string {
  const folder = slotFile(bench, victim, "software");
  if (!statSync(folder).isDirectory()) return folder;
  const [name] = filesBelow(folder);
  demand(name !== undefined, "Nothing is installed.");
  return join(folder, name);
}

function downloadOf(bench: TamperBench, terminal: string): string {
  const folder = join(bench.installation.terminalState(terminal), "downloads");
  const [name] = readdirSync(folder);
  demand(name !== undefined, "Nothing was fetched.");
  return join(folder, name);
}

function flipLast(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  overwrite(path, bytes);
}

function overwrite(path: string, bytes: Uint8Array): void {
  chmodSync(path, 0o600 | (statSync(path).mode & 0o777));
  writeFileSync(path, bytes);
}
