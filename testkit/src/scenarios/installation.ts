import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { onEnd } from "./clean-up.ts";
import { demand } from "./failure.ts";
import { type Hooks, hookEnvironment } from "./hooks.ts";
import { type CommandRun, Processes, type RunOptions, type StayingCommand, said } from "./processes.ts";
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
const workingCopy: Commands = {
  operator: [process.execPath, join(root, "apps/sealane/bin/sealane.js")],
  terminal: [process.execPath, join(root, "apps/sealane-terminal/bin/sealane-terminal.js")],
};

export interface InstallationWish {
  readonly commands?: Commands;
  /** Names of the terminals that are enrolled. */
  readonly terminals: readonly string[];
  /** Puts a proxy between the server and everybody else. */
  readonly proxied?: boolean;
}

export interface CommandOptions extends RunOptions {
  readonly hooks?: Hooks;
}

/** The model of every terminal here. */
export const model = "scenario";

/** A server and terminals as processes below one temporary folder, which is removed with all that is in it. */
export class Installation implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "sealane-scenario-"));
  readonly processes: Processes;
  readonly #commands: Commands;
  readonly #secrets: KnownSecret[] = [];
  #proxy: TamperingProxy | null = null;
  #server: StayingCommand | null = null;
  readonly #earlierServers: StayingCommand[] = [];
  readonly #end: () => Promise<void> = onEnd(() => this.#remove());
  #url = "";

  private constructor(commands: Commands) {
    this.#commands = commands;
    const home = join(this.folder, "home");
    mkdirSync(home);
    // SEALANE_DEBUG: what is printed with it must hold no secret either.
    const environment = { PATH: outsidePath(), HOME: home, NODE_COMPILE_CACHE: join(this.folder, "cache"), SEALANE_DEBUG: "1" };
    this.processes = new Processes(environment);
  }

  /** Makes a server, starts it and enrols terminals. */
  static async raise(wish: InstallationWish): Promise<Installation> {
    const installation = new Installation(wish.commands ?? workingCopy);
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

  /** Where the server itself listens. */
  get url(): string {
    return this.#url;
  }

  get proxy(): TamperingProxy {
    demand(this.#proxy !== null, "This installation has no proxy.");
    return this.#proxy;
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

  async startServer(hooks: Hooks = {}): Promise<void> {
    const port = new URL(this.#url).port;
    const line = [...this.#commands.operator, "server", "run", "--port", port, "--state", this.serverState, "--json"];
    if (this.#server !== null) this.#earlierServers.push(this.#server);
    this.#server = this.processes.stay(line, { environment: hookEnvironment(hooks) });
    await this.#server.awaited("listening");
    if (this.#proxy !== null) this.#proxy.target = this.#url;
  }

  /** Ends the server as an operator does. */
  async stopServer(): Promise<CommandRun> {
    const run = await this.processes.stop(this.serverProcess);
    demand(run.exitCode === 0, "The server did not stop in order.", said(run));
    return run;
  }

  /** Makes a token and enrols a terminal with it. */
  async enrol(name: string): Promise<void> {
    const tokenFile = join(this.folder, `${name}.token`);
    succeeded(await this.operator(["terminal", "token", name, "--model", model, "--out", tokenFile]));
    this.#secrets.push(...secretsBelow(this.folder));
    succeeded(await this.terminal(name, ["enroll", "--token-file", tokenFile]));
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
    removeFolder(this.folder);
  }

  async #raise({ terminals, proxied = false }: InstallationWish): Promise<void> {
    this.#url = `http://127.0.0.1:${await freePort()}`;
    if (proxied) this.#proxy = await TamperingProxy.listen();
    mkdirSync(join(this.folder, "terminals"));
    succeeded(await this.operator(["init", "--name", "scenario-server", "--url", this.#proxy?.url ?? this.#url]));
    await this.startServer();
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

/** Removes a folder in which folders may be read-only, as installed software is. */
export function removeFolder(path: string): void {
  makeWritable(path);
  rmSync(path, { recursive: true, force: true });
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

function makeWritable(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return;
  chmodSync(path, 0o700);
  for (const name of readdirSync(path)) makeWritable(join(path, name));
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
