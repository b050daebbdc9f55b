import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { dropServerSchema } from "@sealane/server";
import { removeTree } from "../remove-tree.ts";
import { onEnd } from "./clean-up.ts";
import { demand } from "./failure.ts";
import { type Hooks, hookEnvironment } from "./hooks.ts";
import { type CommandRun, Processes, type RunOptions, type StayingCommand, said } from "./processes.ts";
import { RecordingRelay } from "./recording-relay.ts";
import { demandNoSecret, type KnownSecret, secretsBelow } from "./secrets.ts";
import { TamperingProxy } from "./tampering-proxy.ts";

/** How both commands are started. */
export interface Commands {
  readonly operator: readonly string[];
  readonly terminal: readonly string[];
}

/** The root of this repository. */
export const root: string = resolve(import.meta.dirname, "../../..");

/** The commands of this working copy. */
export const workingCopy: Commands = {
  operator: [process.execPath, join(root, "apps/sealane/bin/sealane.js")],
  terminal: [process.execPath, join(root, "apps/sealane-terminal/bin/sealane-terminal.js")],
};

export interface InstallationWish {
  readonly commands?: Commands;
  /** Names of the terminals that are enrolled. */
  readonly terminals: readonly string[];
  /** Puts a proxy between the server and everybody else. */
  readonly proxied?: boolean;
  /** Puts a relay there in its place, which changes nothing and keeps what passes. */
  readonly recorded?: boolean;
  /** Mechanisms that applications may be delivered by, beside the usual ones. */
  readonly allow?: readonly string[];
  /** postgres://user@host/database; that of the scenario unless told. */
  readonly database?: string;
  /** More options of `sealane init`. */
  readonly init?: readonly string[];
  /** More options of every `sealane-terminal enroll`. */
  readonly enrol?: readonly string[];
  /** More that every command sees. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of the server that is started. */
  readonly hooks?: Hooks;
}

/** The database of every installation of this run, each in a schema of its own; SQLite unless `--database` names one. */
const scenarioDatabase: string | undefined = process.env["SEALANE_SCENARIO_DATABASE"];

export interface CommandOptions extends RunOptions {
  readonly hooks?: Hooks;
}

/** A second server process. */
export interface AnotherServer {
  readonly url: string;
  readonly process: StayingCommand;
}

/** The model of a terminal unless told. */
export const model = "scenario";

/** A server and terminals as processes below one temporary folder, which is removed with all that is in it. */
export class Installation implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "sealane-scenario-"));
  readonly processes: Processes;
  readonly #commands: Commands;
  readonly #enrolOptions: readonly string[];
  readonly #secrets: KnownSecret[] = [];
  #proxy: TamperingProxy | null = null;
  #relay: RecordingRelay | null = null;
  #server: StayingCommand | null = null;
  readonly #earlierServers: StayingCommand[] = [];
  readonly #end: () => Promise<void> = onEnd(() => this.#remove());
  #url = "";
  #database: string | null = null;

  private constructor({ commands = workingCopy, enrol = [], environment: more = {} }: InstallationWish) {
    this.#commands = commands;
    this.#enrolOptions = enrol;
    const home = join(this.folder, "home");
    mkdirSync(home);
    // SEALANE_DEBUG: what is printed with it must hold no secret either.
    const environment = { PATH: outsidePath(), HOME: home, NODE_COMPILE_CACHE: join(this.folder, "cache"), SEALANE_DEBUG: "1", ...more };
    this.processes = new Processes(environment);
  }

  /** Makes a server, starts it and enrols terminals. */
  static async raise(wish: InstallationWish): Promise<Installation> {
    const installation = new Installation(wish);
    try {
      await installation.#raise(wish);
      return installation;
    } catch (error) {
      await installation[Symbol.asyncDispose]();
      throw error;
    }
  }

  get serverState(): string {
    return join(this.folder, "server");
  }

  /** The address of its schema; null on SQLite. */
  get database(): string | null {
    return this.#database;
  }

  /** Where the server itself listens. */
  get url(): string {
    return this.#url;
  }

  get proxy(): TamperingProxy {
    demand(this.#proxy !== null, "This installation has no proxy.");
    return this.#proxy;
  }

  get relay(): RecordingRelay {
    demand(this.#relay !== null, "This installation has no relay.");
    return this.#relay;
  }

  get serverProcess(): StayingCommand {
    demand(this.#server !== null, "The server does not run.");
    return this.#server;
  }

  /** What all servers of this installation have logged so far. */
  serverLog(): string {
    return [...this.#earlierServers, this.serverProcess].map((server) => server.errorText()).join("");
  }

  terminalState(name: string): string {
    return join(this.folder, "terminals", name);
  }

  /** Runs the operator's command, however it ends. */
  async operator(args: readonly string[], options: CommandOptions = {}): Promise<CommandRun> {
    return await this.#run([...this.#commands.operator, ...withState(args, this.serverState)], options);
  }

  /** Runs a terminal's command, however it ends. */
  async terminal(name: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandRun> {
    return await this.#run([...this.#commands.terminal, ...withState(args, this.terminalState(name))], options);
  }

  /** Starts a terminal's command that stays. */
  terminalStays(name: string, args: readonly string[]): StayingCommand {
    return this.processes.stay([...this.#commands.terminal, ...withState(args, this.terminalState(name))]);
  }

  async startServer(hooks: Hooks = {}): Promise<void> {
    const port = new URL(this.#url).port;
    const line = [...this.#commands.operator, "server", "run", "--port", port, "--state", this.serverState, "--json"];
    if (this.#server !== null) this.#earlierServers.push(this.#server);
    this.#server = this.processes.stay(line, { environment: hookEnvironment(hooks) });
    await this.#server.awaited("listening");
    if (this.#proxy !== null) this.#proxy.targets = [this.#url];
    if (this.#relay !== null) this.#relay.target = this.#url;
  }

  /** Starts one more server process on the same folder and database; it is ended with the others. */
  async startAnother(): Promise<AnotherServer> {
    const url = `http://127.0.0.1:${await freePort()}`;
    const line = [...this.#commands.operator, "server", "run", "--port", new URL(url).port, "--state", this.serverState, "--json"];
    const process = this.processes.stay(line);
    await process.awaited("listening");
    this.#earlierServers.push(process);
    return { url, process };
  }

  /** Ends the server as an operator does. */
  async stopServer(): Promise<CommandRun> {
    const run = await this.processes.stop(this.serverProcess);
    demand(run.exitCode === 0, "The server did not stop in order.", said(run));
    return run;
  }

  /** Makes a token and enrols a terminal with it. */
  async enrol(name: string, ofModel: string = model): Promise<void> {
    const tokenFile = join(this.folder, `${name}.token`);
    succeeded(await this.operator(["terminal", "token", name, "--model", ofModel, "--out", tokenFile]));
    this.#secrets.push(...secretsBelow(this.folder));
    succeeded(await this.terminal(name, ["enroll", "--token-file", tokenFile, ...this.#enrolOptions]));
  }

  /** Adds to what no output may hold. */
  keepSecret(secret: KnownSecret): void {
    this.#secrets.push(secret);
  }

  /** Fails when anything that any command printed so far holds a secret of this installation. */
  demandNoSecretPrinted(): void {
    const ended = this.processes.runs.flatMap(({ command, stdout, stderr }) => [
      { from: command, text: stdout },
      { from: command, text: stderr },
    ]);
    const texts = [...ended, { from: "the server", text: this.serverLog() }];
    const files = new Map(
      [...this.#secrets, ...secretsBelow(this.folder)].map((secret) => [Buffer.from(secret.bytes).toString("hex"), secret]),
    );
    demandNoSecret(texts, [...files.values()]);
  }

  /** Ends what runs and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #remove(): Promise<void> {
    await this.processes.stopAll();
    await this.#proxy?.close();
    await this.#relay?.close();
    removeTree(this.folder);
    if (this.#database !== null) await dropServerSchema({ databaseUrl: this.#database });
  }

  async #raise(wish: InstallationWish): Promise<void> {
    const { terminals, proxied = false, recorded = false, allow = [], database = scenarioDatabase, init = [], hooks = {} } = wish;
    if (database !== undefined) {
      const url = new URL(database);
      url.searchParams.set("schema", `sealane_scenario_${randomBytes(6).toString("hex")}`);
      this.#database = url.href;
    }
    const databaseOptions = this.#database === null ? [] : ["--database", this.#database];
    this.#url = `http://127.0.0.1:${await freePort()}`;
    if (proxied) this.#proxy = await TamperingProxy.listen();
    if (recorded) this.#relay = await RecordingRelay.listen();
    mkdirSync(join(this.folder, "terminals"));
    const url = this.#proxy?.url ?? this.#relay?.url ?? this.#url;
    const allowOptions = allow.length === 0 ? [] : ["--allow", ...allow];
    succeeded(await this.operator(["init", "--name", "scenario-server", "--url", url, ...databaseOptions, ...allowOptions, ...init]));
    await this.startServer(hooks);
    for (const name of terminals) await this.enrol(name);
  }

  async #run(line: readonly string[], { hooks = {}, ...options }: CommandOptions): Promise<CommandRun> {
    return await this.processes.run(line, { ...options, environment: { ...hookEnvironment(hooks), ...options.environment } });
  }
}

/** Fails unless a command ended well. */
export function succeeded(run: CommandRun): CommandRun {
  demand(run.exitCode === 0, `${run.command} failed.`, said(run));
  return run;
}

/** Every file below a folder, as paths from there. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => !lstatSync(join(folder, name)).isDirectory());
}

/** PATH without this repository's programs. */
export function outsidePath(): string {
  const path = process.env["PATH"] ?? "";
  return path
    .split(":")
    .filter((entry) => !`${entry}/`.startsWith(`${root}${sep}`))
    .join(":");
}

/** Puts the state before `--`, behind which the arguments are another program's. */
function withState(args: readonly string[], state: string): readonly string[] {
  const end = args.indexOf("--");
  const [own, rest] = end === -1 ? [args, []] : [args.slice(0, end), args.slice(end)];
  return [...own, "--state", state, "--json", ...rest];
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  demand(typeof address === "object" && address !== null, "There is no free port.");
  return address.port;
}
