import { join } from "node:path";
import type { ExitCode } from "@sealane/wire";
import { buildCommands } from "./built-commands.ts";
import { demand } from "./failure.ts";
import { EffectFolder, type Hooks } from "./hooks.ts";
import { filesBelow, Installation, succeeded } from "./installation.ts";
import { type CommandEvent, type CommandRun, eventOf, said } from "./processes.ts";
import { Snapshot } from "./snapshot.ts";
import { deliver, demandRuns, publishing, type Software, writeScript } from "./software.ts";
import type { TamperingProxy } from "./tampering-proxy.ts";

/** One fault and what is expected of it. */
export interface TamperCase {
  readonly name: string;
  readonly exit: ExitCode;
  /** Codes of which the command has to print one: in its error, or in an event about a message that it passed over. */
  readonly codes: readonly string[];
  /** The code in the server's log, where the command is told only that it was refused. */
  readonly logged?: string;
  /** Brings the fault about and gives the run of the command that meets it. */
  readonly meet: (bench: TamperBench) => Promise<CommandRun>;
  /** Mends what the fault broke, where the same command again does not. */
  readonly mend?: (bench: TamperBench) => Promise<void>;
}

/** The terminal that meets the faults, and the one that an attacker controls. */
export const victim = "terminal-1";
export const insider = "terminal-2";

/** An installation with the old version installed and the new one published, which every case begins with. */
export class TamperBench implements AsyncDisposable {
  readonly installation: Installation;
  readonly before: Software;
  readonly after: Software;
  /** Of another module, to be published. */
  readonly spare: Software;
  /** The sealed file of the old version. */
  readonly olderArtefact: Uint8Array;
  readonly effects: EffectFolder;
  readonly #snapshots: readonly Snapshot[];
  #expectedFiles: readonly string[] = [];
  #isServerOdd = false;

  private constructor(parts: {
    readonly installation: Installation;
    readonly before: Software;
    readonly after: Software;
    readonly olderArtefact: Uint8Array;
    readonly snapshots: readonly Snapshot[];
  }) {
    this.installation = parts.installation;
    this.before = parts.before;
    this.after = parts.after;
    this.spare = writeScript(parts.installation.folder, { module: "spare", version: "1.0" });
    this.olderArtefact = parts.olderArtefact;
    this.#snapshots = parts.snapshots;
    this.effects = new EffectFolder(join(parts.installation.folder, "effects"));
  }

  static async make(): Promise<TamperBench> {
    const installation = await Installation.raise({ commands: await buildCommands(), terminals: [victim, insider], proxied: true });
    const before = writeScript(installation.folder, { module: "app", version: "1.0" });
    const after = writeScript(installation.folder, { module: "app", version: "2.0" });
    await deliver(installation, before, [victim, insider]);
    const older = installation.proxy.seen.find(({ request: { method, path } }) => method === "GET" && path.startsWith("/v1/artefacts/"));
    demand(older !== undefined, "No artefact passed by.");
    succeeded(await installation.operator(publishing(after)));
    const snapshots = [victim, insider].map((name) => Snapshot.take(installation.terminalState(name), join(installation.folder, name)));
    const bench = new TamperBench({ installation, before, after, olderArtefact: older.reply.body, snapshots });
    await bench.demandDeliverable();
    return bench;
  }

  get proxy(): TamperingProxy {
    return this.installation.proxy;
  }

  /** Ends faults and brings both terminals to where the cases begin. */
  async reset(): Promise<void> {
    if (this.#isServerOdd) await this.restartServer();
    this.proxy.fault = null;
    this.proxy.forget();
    this.effects.plan("count");
    for (const snapshot of this.#snapshots) snapshot.restore();
  }

  async fetch(...options: readonly string[]): Promise<CommandRun> {
    return await this.installation.terminal(victim, ["fetch", this.after.module, ...options]);
  }

  /** Runs a command of a terminal that has to succeed. */
  async terminal(name: string, ...args: readonly string[]): Promise<CommandRun> {
    return succeeded(await this.installation.terminal(name, args));
  }

  async offer(...terminals: readonly string[]): Promise<void> {
    succeeded(await this.installation.operator(["release", "offer", this.after.module, "--to", ...terminals]));
  }

  /** Starts the server anew, with hooks that last until {@link reset} or the next start. */
  async restartServer(hooks: Hooks = {}): Promise<void> {
    await this.installation.stopServer();
    await this.installation.startServer(hooks);
    this.#isServerOdd = Object.keys(hooks).length > 0;
  }

  /** What `release list` says. */
  async releases(): Promise<string> {
    return succeeded(await this.installation.operator(["release", "list"])).stdout;
  }

  /** What holds while a fault lasts: the old software is installed and runs, and the terminal can say so. */
  async demandUnharmed(mayRun: readonly Software[] = [this.before]): Promise<void> {
    const status = this.installation.terminal(victim, ["status"]).then(succeeded);
    await Promise.all([status, demandRuns(this.installation, victim, mayRun)]);
  }

  /** What holds once the fault is gone: the new software comes, and nothing of the fault is left in the state. */
  async demandDeliverable(): Promise<void> {
    const module = this.after.module;
    eventOf(succeeded(await this.fetch()), "fetched");
    eventOf(await this.terminal(victim, "install", module), "installed");
    await demandRuns(this.installation, victim, [this.after]);
    const files = this.#files();
    if (this.#expectedFiles.length === 0) this.#expectedFiles = files;
    const surplus = files.filter((name) => !this.#expectedFiles.includes(name));
    const missing = this.#expectedFiles.filter((name) => !files.includes(name));
    demand(surplus.length + missing.length === 0, "The fault left files behind, or took some.", [...surplus, ...missing].join("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.installation[Symbol.asyncDispose]();
  }

  /** Without what comes with the first message that waits, whatever it is: the record of the inbox and its lock. */
  #files(): readonly string[] {
    const ofInbox = ["inbox.cbor", "inbox.lock"];
    return [...filesBelow(this.installation.terminalState(victim))].filter((name) => !ofInbox.includes(name)).sort();
  }
}

/** Every code in what a command printed. */
export function codesOf(run: CommandRun): readonly string[] {
  return run.events.flatMap((event: CommandEvent) => (typeof event["code"] === "string" ? [event["code"]] : []));
}

/** Fails unless a run ended as the case expects. */
export function demandExpected(run: CommandRun, { exit, codes }: TamperCase): void {
  const printed = codesOf(run);
  const asExpected = run.exitCode === exit && (codes.length === 0 || codes.some((code) => printed.includes(code)));
  demand(asExpected, `Expected exit code ${exit}${codes.length === 0 ? "" : ` with ${codes.join(" or ")}`}.`, said(run));
  const error = run.events.findLast(({ event }) => event === "error" || event === "nothing");
  const hasError = error !== undefined && error["exitCode"] === run.exitCode && typeof error["message"] === "string";
  demand(run.exitCode === 0 || hasError, "The command printed no error with its exit code.", said(run));
}
