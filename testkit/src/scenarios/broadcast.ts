import { join } from "node:path";
import { routes } from "@sealane/api";
import { exitCodes } from "@sealane/wire";
import { meetRefusals } from "./broadcast-refusals.ts";
import { buildCommands } from "./built-commands.ts";
import { demand } from "./failure.ts";
import { Installation, succeeded } from "./installation.ts";
import { eventOf, type StayingCommand, said } from "./processes.ts";
import { demandRuns, publishing, type Software, writeScript } from "./software.ts";
import { table } from "./table.ts";
import { codesOf } from "./tamper-bench.ts";
import { TamperingProxy } from "./tampering-proxy.ts";

const members = ["member-1", "member-2"] as const;
const listeners = ["listener-1", "listener-2", "listener-3"] as const;

/**
 * A channel that three listeners hear who were never enrolled, one of them offline for a while; content that is substituted, expired,
 * repeated and older; a group whose epoch changes, and a removed member who cannot open what comes then.
 */
export async function runBroadcast(): Promise<void> {
  const allow = ["open-broadcast", "group-broadcast"];
  await using installation = await Installation.raise({ commands: await buildCommands(), terminals: members, proxied: true, allow });
  const rows: string[][] = [];
  const newest = await hearTogether(installation, rows);
  rows.push(...(await meetRefusals(installation, newest)));
  await hearInGroup(installation, rows);
  await installation.stopServer();
  installation.demandNoSecretPrinted();
  process.stdout.write(`${table(["what", "result"], rows)}\n`);
}

/** The CA certificate, as its operator hands it out. */
export function authorityFile(installation: Installation): string {
  return join(installation.serverState, "operator", "authority.der");
}

/** Makes a version, publishes it for everybody or not, and broadcasts it. */
export async function broadcastVersion(installation: Installation, version: string, ...how: readonly string[]): Promise<Software> {
  const software = writeScript(installation.folder, { module: "app", version });
  const isForGroup = how.includes("--group");
  succeeded(await installation.operator([...publishing(software), ...(isForGroup ? [] : ["--public"])]));
  const onSuite = isForGroup ? [] : ["--suite", "x25519"]; // members are enrolled, and take no weaker one than they have
  eventOf(succeeded(await installation.operator(["broadcast", "start", "app", ...onSuite, ...how])), "broadcast-started");
  return software;
}

async function hearTogether(installation: Installation, rows: string[][]): Promise<Software> {
  await using ownWay = await openWay(installation);
  const trust = ["--trust", authorityFile(installation)];
  const running = listeners.map((name, i) => {
    const url = i === 2 ? ownWay.proxy.url : installation.proxy.url;
    return installation.terminalStays(name, ["listen", "app", "--url", url, ...trust]);
  });
  const [one, two, three] = running;
  demand(one !== undefined && two !== undefined && three !== undefined, "There are three listeners.");
  await broadcastVersion(installation, "1.0");
  await Promise.all(running.map(async (each) => await heard(each, "1.0")));
  rows.push(["a broadcast to three listeners without enrolment", "all have it"]);

  ownWay.proxy.targets = [];
  await three.awaited("retry");
  const second = await broadcastVersion(installation, "2.0");
  await Promise.all([heard(one, "2.0"), heard(two, "2.0")]);
  ownWay.proxy.targets = [installation.url];
  await heard(three, "2.0");
  rows.push(["another while one of them is offline", "two have it at once, the third when it hears again"]);

  for (const [i, each] of running.entries()) {
    await installation.processes.stop(each);
    const name = listeners[i] ?? "";
    succeeded(await installation.terminal(name, ["install", "app"]));
    await demandRuns(installation, name, [second]);
  }
  rows.push(["what they heard is installed and run", `${running.length} times`]);
  demandNobodyKnown(installation);
  return second;
}

/** A way to the server for one listener alone, which can be cut. */
async function openWay(installation: Installation): Promise<AsyncDisposable & { readonly proxy: TamperingProxy }> {
  const proxy = await TamperingProxy.listen();
  proxy.targets = [installation.url];
  return { proxy, [Symbol.asyncDispose]: async () => await proxy.close() };
}

async function heard(listener: StayingCommand, version: string): Promise<void> {
  await listener.awaited("fetched", (event) => event["version"] === version);
}

/** Listeners say nothing of themselves, and all are given the same bytes: the key role does nothing for one more of them. */
function demandNobodyKnown({ proxy }: Installation): void {
  const messages = new Map<string, number>();
  for (const { request, reply } of proxy.seen) {
    const isChannel = request.path.startsWith(routes.broadcasts);
    demand(request.headers["authorization"] === undefined || !isChannel || request.method === "POST", "A listener said who it is.");
    if (!isChannel || request.method !== "GET" || reply.body.length < 100) continue;
    const key = Buffer.from(reply.body).toString("base64");
    messages.set(key, (messages.get(key) ?? 0) + 1);
  }
  const counts = [...messages.values()];
  demand(
    counts.some((count) => count >= 2),
    "Two listeners were given different bytes.",
    counts.join(" "),
  );
}

async function hearInGroup(installation: Installation, rows: string[][]): Promise<void> {
  const [staying, leaving] = members;
  succeeded(await installation.operator(["group", "create", "fleet"]));
  succeeded(await installation.operator(["group", "add", "fleet", ...members]));
  const toFleet = ["--mechanism", "group-broadcast", "--group", "fleet"];
  const third = await broadcastVersion(installation, "3.0", ...toFleet);
  for (const name of members) await takes(installation, name, third);
  rows.push(["a broadcast to a group", "both members run it"]);

  const removed = eventOf(succeeded(await installation.operator(["group", "remove", "fleet", leaving])), "group-changed");
  demand(removed["epoch"] === 2, "The removal of a member began no new epoch.");
  const fourth = await broadcastVersion(installation, "4.0", ...toFleet);
  await takes(installation, staying, fourth);
  const refused = await installation.terminal(leaving, ["listen", "app", "--once", "--wait", "1"]);
  demand(refused.exitCode === exitCodes.notTrusted && codesOf(refused).at(-1) === "LINK_GROUP_UNKNOWN", "It was let in.", said(refused));
  await demandRuns(installation, leaving, [third]);
  rows.push(["the next epoch, without one member", "it cannot open it (LINK_GROUP_UNKNOWN), the other runs it"]);

  const rotated = eventOf(succeeded(await installation.operator(["group", "rotate", "fleet"])), "group-rotated");
  demand(rotated["epoch"] === 3, "The group was not rotated.");
  await takes(installation, staying, await broadcastVersion(installation, "5.0", ...toFleet));
  const outside = await installation.terminal("listener-1", ["listen", "app", "--once", "--wait", "1"]);
  demand(outside.exitCode === exitCodes.nothingToDo, "A listener that is in no group did not pass it over.", said(outside));
  rows.push(["another epoch with the same member", "it runs it; listeners outside pass it over"]);
}

async function takes(installation: Installation, name: string, software: Software): Promise<void> {
  const run = succeeded(await installation.terminal(name, ["listen", "app", "--once"]));
  demand(eventOf(run, "fetched")["version"] === software.version, `${name} took another version.`, said(run));
  succeeded(await installation.terminal(name, ["install", "app"]));
  await demandRuns(installation, name, [software]);
}
