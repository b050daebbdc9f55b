import { kill } from "node:process";
import { routes } from "@sealane/api";
import { exitCodes } from "@sealane/wire";
import { buildCommands } from "./built-commands.ts";
import { demand } from "./failure.ts";
import { Installation, succeeded } from "./installation.ts";
import { said } from "./processes.ts";
import { demandRuns, fetchAndInstall, publishing, writeScript } from "./software.ts";
import { table } from "./table.ts";
import { exchange, type ProxiedRequest } from "./tampering-proxy.ts";

const defaultDatabase = process.env["SEALANE_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";
const terminals = ["terminal-1", "terminal-2"];

/**
 * Two server processes on one PostgreSQL behind one address, each request to the other one: links that are begun on one end on the
 * other; one message given to three at the same time makes one link; one server is killed in the middle and nothing is lost.
 */
export async function runTwoServers(database: string = defaultDatabase): Promise<void> {
  const commands = await buildCommands();
  await using installation = await Installation.raise({ commands, terminals, proxied: true, database });
  const { proxy } = installation;
  const second = await installation.startAnother();
  const both = [installation.url, second.url];
  const rows: string[][] = [];

  proxy.targets = both;
  const first = writeScript(installation.folder, { module: "app", version: "1.0" });
  succeeded(await installation.operator(publishing(first)));
  for (const terminal of terminals) await fetchAndInstall(installation, first, terminal);
  rows.push(["each request to the other server", `${terminals.length} deliveries`]);

  rows.push(["one message to three at once", `${await raceMessages(installation, both)} races, one link each`]);

  const next = writeScript(installation.folder, { module: "app", version: "2.0" });
  succeeded(await installation.operator(publishing(next)));
  succeeded(await installation.operator(["release", "offer", "app", "--to", ...terminals]));
  const killed = installation.serverProcess;
  let isKilled = false;
  proxy.fault = {
    on: ({ method, path }) => method === "POST" && path.startsWith(`${routes.links}/`), // a record: the link is there
    times: 1,
    request: async (request) => {
      kill(killed.pid, "SIGKILL");
      await killed.ended;
      isKilled = true;
      return request;
    },
  };
  succeeded(await installation.terminal("terminal-1", ["fetch", "app"]));
  proxy.fault = null;
  demand(isKilled, "No server was killed in the middle of a link.");
  succeeded(await installation.terminal("terminal-1", ["install", "app"]));
  await demandRuns(installation, "terminal-1", [next]);
  await fetchAndInstall(installation, next, "terminal-2");
  rows.push(["one server killed in the middle of a link", "it ends on the other, both offers are taken there"]);

  await installation.startServer();
  proxy.targets = both;
  kill(second.process.pid, "SIGKILL");
  const last = writeScript(installation.folder, { module: "app", version: "3.0" });
  succeeded(await installation.operator(publishing(last)));
  for (const terminal of terminals) await fetchAndInstall(installation, last, terminal);
  rows.push(["it comes back, the other one is killed", "2 deliveries"]);

  await installation.stopServer();
  installation.demandNoSecretPrinted();
  process.stdout.write(`${table(["what", "result"], rows)}\n`);
}

const races = 8;

/** Lets each first message of a terminal reach both servers three times at once, before it goes its way. */
async function raceMessages(installation: Installation, both: readonly string[]): Promise<number> {
  const { proxy } = installation;
  const [left = "", right = ""] = both;
  for (let race = 0; race < races; race++) {
    const sent: ProxiedRequest[] = [];
    const answers: string[] = [];
    proxy.fault = {
      on: ({ method, path }) => method === "POST" && path === routes.links,
      times: 1,
      request: async (request) => {
        sent.push(request);
        answers.push(...(await Promise.all([left, right, left].map((url) => answer(url, request)))));
        return request;
      },
    };
    const run = await installation.terminal("terminal-1", ["fetch", "app"]);
    proxy.fault = null;
    demand(run.exitCode === exitCodes.done || run.exitCode === exitCodes.nothingToDo, "The terminal's link came to nothing.", said(run));
    const [first] = answers;
    demand(answers.length === 3 && first !== "refused" && new Set(answers).size === 1, `Answers to one message: ${answers.join(" ")}`);
    for (const request of sent) {
      const late = await Promise.all(both.map((url) => answer(url, request)));
      demand(late.join() === "refused,refused", `A message was taken again after its link had moved on: ${late.join(" ")}`);
    }
  }
  return races;
}

/** The answer's bytes, or "refused". */
async function answer(url: string, request: ProxiedRequest): Promise<string> {
  const { status, body } = await exchange(new URL(url), request);
  return status === 200 ? Buffer.from(body).toString("hex") : status === 403 ? "refused" : `status ${status}`;
}
