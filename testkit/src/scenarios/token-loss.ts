import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { kill } from "node:process";
import { mediaType, routes } from "@sealane/api";
import { exitCodes } from "@sealane/wire";
import { eventually } from "../eventually.ts";
import type { SoftToken } from "../soft-token.ts";
import { demand } from "./failure.ts";
import { type Installation, model, succeeded } from "./installation.ts";
import { type CommandRun, eventOf, said } from "./processes.ts";
import { publishing, writeScript } from "./software.ts";
import { codesOf } from "./tamper-bench.ts";
import type { Fault } from "./tampering-proxy.ts";

export interface TokenBench {
  readonly installation: Installation;
  /** That of the server and of the publisher, who have names of their own in it. */
  readonly plant: SoftToken;
  /** That of the terminals. */
  readonly device: SoftToken;
  /** Grows by a byte when the server has lost its sessions (`Hooks.lostSessions`). */
  readonly countFile: string;
  readonly terminal: string;
  readonly module: string;
}

const gone = "KEYSTORE_TOKEN_GONE";
const busy = "API_SERVER_BUSY";
const toLinks: Fault["on"] = ({ method, path }) => method === "POST" && path === routes.links;
const toRecords: Fault["on"] = ({ method, path }) => method === "POST" && path.startsWith(`${routes.links}/`);
const toPoll: Fault["on"] = ({ path, headers }) => path.startsWith(routes.inbox) && !String(headers["accept"]).includes(mediaType.events);

/** Tokens are pulled out, and sessions lost, in the middle of everything that uses them. */
export async function loseTokens(bench: TokenBench): Promise<readonly string[][]> {
  return [
    ...(await loseServersToken(bench)),
    ...(await loseSessions(bench)),
    ...(await loseTerminalsToken(bench)),
    ...(await losePublishersToken(bench)),
  ];
}

async function loseServersToken(bench: TokenBench): Promise<readonly string[][]> {
  const { installation, plant, module, terminal } = bench;
  const { pid } = installation.serverProcess;
  for (const [on, backAt] of [
    [toLinks, 2], // the first M1 finds it gone, the second finds it back
    [toRecords, 3], // gone at the request for the offers, which needs no key; that for the licence is sent twice
  ] as const) {
    let count = 0;
    const request: Fault["request"] = async (passing) => {
      count++;
      if (count === 1) {
        plant.takeAway();
        await demandReadiness(installation, { status: 503, code: gone });
      }
      if (count === backAt) {
        plant.bringBack();
        await demandReadiness(installation, { status: 200, code: null });
      }
      return passing;
    };
    const run = await fetchUnder(bench, { on, request }, []);
    demand(codesOf(succeeded(run)).includes(busy) && count >= backAt, "The server never said that it is busy.", said(run));
  }
  demand(installation.serverLog().includes(gone), `The server's log does not say ${gone}.`);

  plant.takeAway();
  const offer = ["release", "offer", module, "--to", terminal];
  demandUnavailable(await installation.operator(offer), gone);
  plant.bringBack();
  succeeded(await installation.operator(offer));
  succeeded(await fetchUnder(bench, null, ["--originator", "server"]));
  demand(installation.serverProcess.pid === pid, "The server was started anew.");
  return [["the server's token goes at M1, at the licence, at an offer", "busy meanwhile, not ready; goes on without a restart"]];
}

async function loseSessions(bench: TokenBench): Promise<readonly string[][]> {
  const { installation, countFile } = bench;
  const request: Fault["request"] = async (passing) => {
    const before = readFileSync(countFile).length;
    kill(installation.serverProcess.pid, "SIGUSR2");
    await eventually(() => readFileSync(countFile).length > before, "The server does not notice the signal.");
    return passing;
  };
  let lost = 0;
  for (const on of [toLinks, toRecords]) {
    const run = succeeded(await fetchUnder(bench, { on, request }, []));
    demand(!codesOf(run).includes(busy), "A lost session was noticed outside.", said(run));
    lost += installation.proxy.changes;
  }
  return [[`${readFileSync(countFile).length} sessions of the server are lost in the middle`, lost > 0 ? "nobody notices" : "none"]];
}

async function loseTerminalsToken(bench: TokenBench): Promise<readonly string[][]> {
  const { installation, device, module, terminal } = bench;
  succeeded(await installation.operator(["release", "offer", module, "--to", terminal]));
  const fromServer = ["--originator", "server"];
  const reply: Fault["reply"] = (passing) => {
    device.takeAway();
    return passing;
  };
  installation.proxy.passesStreams = false; // the server's M1 comes by a poll, which the fault reaches
  demandUnavailable(await fetchUnder(bench, { on: toPoll, reply, times: 1 }, fromServer), gone);
  installation.proxy.passesStreams = true;
  for (const args of [["status"], ["exec", "app"]]) succeeded(await installation.terminal(terminal, args));
  demandUnavailable(await fetchUnder(bench, null, []), gone);
  device.bringBack();
  succeeded(await fetchUnder(bench, null, fromServer));

  const other = "terminal-2";
  const tokenFile = join(installation.folder, `${other}.token`);
  succeeded(await installation.operator(["terminal", "token", other, "--model", model, "--out", tokenFile]));
  const enrol = ["enroll", "--token-file", tokenFile, "--suites", "p256,rsa3072", "--key", device.uri("fleet")];
  device.takeAway();
  demandUnavailable(await installation.terminal(other, enrol), gone);
  device.bringBack();
  const status = succeeded(await installation.terminal(other, ["status"]));
  demand(status.stdout.includes('"identity":null'), `${other} is half enrolled.`, said(status));
  succeeded(await installation.terminal(other, enrol));
  return [["the terminal's token goes at M1 of the server, at an enrolment", "exit code 4; the same commands work when it is back"]];
}

async function losePublishersToken({ installation, plant }: TokenBench): Promise<readonly string[][]> {
  const software = writeScript(installation.folder, { module: "later", version: "1.0" });
  plant.takeAway();
  demandUnavailable(await installation.operator(publishing(software)), gone);
  plant.bringBack();
  const list = succeeded(await installation.operator(["release", "list"]));
  demand(!list.stdout.includes(software.module), "A release was made without the publisher's key.", said(list));
  eventOf(succeeded(await installation.operator(publishing(software))), "published");
  return [["the publisher's token goes before a release", "exit code 4, no release; then published"]];
}

/** Fetches the module as if it had never been fetched, under a fault. */
async function fetchUnder(bench: TokenBench, fault: Fault | null, options: readonly string[]): Promise<CommandRun> {
  const { installation, terminal, module } = bench;
  rmSync(join(installation.terminalState(terminal), "downloads"), { recursive: true, force: true });
  const { proxy } = installation;
  proxy.fault = fault;
  const run = await installation.terminal(terminal, ["fetch", module, ...options]);
  const { changes } = proxy;
  demand(fault === null || changes > 0, "Nothing passed by that the fault is for.", said(run));
  return run;
}

function demandUnavailable(run: CommandRun, code: string): void {
  const isTold = run.exitCode === exitCodes.retryLater && codesOf(run).includes(code);
  demand(isTold, `Expected exit code ${exitCodes.retryLater} with ${code}.`, said(run));
}

async function demandReadiness(
  installation: Installation,
  expected: { readonly status: number; readonly code: string | null },
): Promise<void> {
  const reply = await fetch(new URL(routes.ready, installation.url));
  const body = (await reply.json()) as { readonly code?: string };
  const isSo = reply.status === expected.status && (body.code ?? null) === expected.code;
  demand(isSo, `The server's readiness is ${reply.status} ${body.code ?? ""}.`);
  const health = await fetch(new URL(routes.health, installation.url));
  demand(health.status === 200, "The server is not healthy.");
}
