import { exitCodes } from "@sealane/wire";
import { buildCommands } from "./built-commands.ts";
import { type CrashResult, crashEverywhere, type Kill, type Victim } from "./crash-everywhere.ts";
import { demand } from "./failure.ts";
import { Installation, succeeded } from "./installation.ts";
import { type CommandRun, eventOf, said } from "./processes.ts";
import { PublishVictim } from "./publish-victim.ts";
import { deliver, fetchAndInstall, publishing, type Software, segmentBytes, segments, writeScript } from "./software.ts";
import { table } from "./table.ts";
import { TerminalVictim } from "./terminal-victim.ts";

const terminals = ["terminal-1", "terminal-2", "terminal-3", "terminal-4", "terminal-5"] as const;
const [fetching, waiting, installing, watching, listening] = terminals;

/** What everything begins with: one module that is delivered, and another that is published again and again. */
interface Start {
  readonly installation: Installation;
  readonly before: Software;
  readonly after: Software;
  readonly tool: Software;
  readonly newTool: Software;
}

/** A quick run kills at every eighth effect. */
const quickShare = 8;

/** One command that is killed. */
interface Lane {
  readonly name: string;
  readonly make: (start: Start) => Promise<Victim>;
  /** When its victim is through. */
  readonly finish?: (start: Start, victim: Victim) => Promise<void>;
  /** When all victims are through: what passes by is counted, and must be of one command. */
  readonly last?: (start: Start, victim: Victim) => Promise<void>;
}

const killedServer: Lane = {
  name: "publish, at the server",
  async make({ installation, tool, newTool }) {
    const victim = new PublishVictim({ installation, killed: "server", software: newTool, terminal: watching, before: tool });
    await installation.stopServer();
    await installation.startServer({ effects: victim.effects });
    return victim;
  },
};

/** These run at the same time: each has a terminal, and a server that stays. */
const lanes: readonly Lane[] = [
  {
    name: "publish, at the publisher",
    make: async ({ installation, tool, newTool }) =>
      new PublishVictim({ installation, killed: "publisher", software: newTool, terminal: watching, before: tool }),
    finish: async ({ installation, newTool }) => await fetchAndInstall(installation, newTool, watching),
  },
  {
    name: "fetch",
    make: async ({ installation, before }) =>
      await TerminalVictim.make({
        name: "fetch",
        installation,
        terminal: fetching,
        command: ["fetch", before.module],
        mayRun: [before],
        endsWith: before,
        checkAgain: demandResumed,
      }),
    last: demandFewerBytes,
  },
  {
    name: "fetch, begun by the server by three messages",
    make: async ({ installation, before }) =>
      await TerminalVictim.make({
        name: "fetch, begun by the server by three messages",
        installation,
        terminal: waiting,
        command: ["fetch", before.module, "--originator", "server", "--wait", "0"],
        mayRun: [before],
        endsWith: before,
        checkAgain: demandResumed,
        arrange: async () => {
          const offer = ["release", "offer", before.module, "--to", waiting, "--mechanism", "mutual-agreement"];
          succeeded(await installation.operator(offer));
        },
      }),
  },
  {
    name: "listen, as a member of a group",
    async make({ installation, before, after }) {
      succeeded(await installation.operator(["group", "create", "fleet"]));
      succeeded(await installation.operator(["group", "add", "fleet", listening]));
      const how = ["--mechanism", "group-broadcast", "--group", "fleet", "--life", "86400"];
      succeeded(await installation.operator(["broadcast", "start", after.module, ...how]));
      return await TerminalVictim.make({
        name: "listen, as a member of a group",
        installation,
        terminal: listening,
        command: ["listen", after.module, "--once", "--wait", "0"],
        mayMiss: "inbox.cbor", // which broadcast it was, once its software is there
        mayRun: [before],
        endsWith: before,
        checkAgain: demandResumed,
      });
    },
  },
  {
    name: "install",
    async make({ installation, before, after }) {
      succeeded(await installation.terminal(installing, ["fetch", after.module]));
      const command = ["install", after.module];
      return await TerminalVictim.make({
        name: "install",
        installation,
        terminal: installing,
        command,
        mayRun: [before, after],
        endsWith: after,
      });
    },
  },
];

/** Kills publish (at both ends), fetch, listen and install at each of their effects, and checks that nothing is ever lost or half there. */
export async function runCrash({ only, quick }: { readonly only: string; readonly quick: boolean }): Promise<void> {
  const allow = ["group-broadcast"];
  await using installation = await Installation.raise({ commands: await buildCommands(), terminals, proxied: true, allow });
  const start = await begin(installation);
  const results: CrashResult[] = [];
  const remaining: (() => Promise<void>)[] = [];
  const run = async ({ make, finish, last }: Lane): Promise<void> => {
    const victim = await make(start);
    results.push(await crashEverywhere(victim, quick ? quickShare : 1));
    await finish?.(start, victim);
    if (last !== undefined) remaining.push(() => last(start, victim));
  };
  try {
    if (killedServer.name.includes(only)) await run(killedServer);
    await all(lanes.filter(({ name }) => name.includes(only)).map(run));
    for (const last of remaining) await last();
  } finally {
    const rows = results.map(({ name, effects, kills, seconds }) => [name, String(effects), String(kills), seconds.toFixed(1)]);
    process.stdout.write(`${table(["command", "effects", "kills", "seconds"], rows)}\n`);
  }
  installation.demandNoSecretPrinted();
}

async function begin(installation: Installation): Promise<Start> {
  const script = (module: string, version: string): Software => writeScript(installation.folder, { module, version });
  const start = {
    installation,
    before: script("app", "1.0"),
    after: script("app", "2.0"),
    tool: script("tool", "1.0"),
    newTool: script("tool", "2.0"),
  };
  await deliver(installation, start.before, [fetching, waiting, installing, listening]);
  await deliver(installation, start.tool, [watching]);
  succeeded(await installation.operator(publishing(start.after)));
  return start;
}

/** Waits for all, so that none runs on in a folder that is being removed, then throws what one of them threw. */
async function all(lanes: readonly Promise<void>[]): Promise<void> {
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
}

/** A fetch goes on at the segment that the kill left unwritten; one that was complete may have nothing to do. */
function demandResumed(again: CommandRun, kill: Kill): void {
  const isComplete = kill.before.some(({ name, target }) => name === "rename" && target.endsWith("/software"));
  if (isComplete && again.exitCode === exitCodes.nothingToDo) return;
  const { resumedAtSegment } = eventOf(again, "fetched");
  const written = writtenSegments(kill);
  const holds = typeof resumedAtSegment === "number" && resumedAtSegment >= written;
  demand(holds, `${written} segments were written, but the fetch went on at ${resumedAtSegment}.`, said(again));
}

function writtenSegments({ before }: Pick<Kill, "before">): number {
  return before.filter(({ name, target }) => name === "write" && target.endsWith("/software.part")).length;
}

/** A fetch that was killed behind its fourth segment asks for the rest alone: counted where the bytes pass by. */
async function demandFewerBytes({ installation }: Start, victim: Victim): Promise<void> {
  await victim.prepare();
  const { seen } = await victim.run("count");
  const fifth = seen.find(({ number }) => writtenSegments({ before: seen.slice(0, number) }) === 5);
  demand(fifth !== undefined, "The fetch wrote fewer than five segments.");
  await victim.prepare();
  const { run, killed } = await victim.run(`kill ${fifth.number}`);
  demand(killed, "The fetch was not killed.", said(run));
  installation.proxy.forget();
  const again = await victim.run("count");
  const fetched = installation.proxy.seen.filter(({ request }) => request.path.startsWith("/v1/artefacts/") && "range" in request.headers);
  const bytes = fetched.reduce((sum, { reply }) => sum + reply.body.length, 0);
  const left = (segments - 4) * (segmentBytes + 16);
  demand(bytes > 0 && bytes <= left, `${bytes} bytes were fetched where ${left} were missing at most.`, said(again.run));
}
