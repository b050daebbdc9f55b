import { type ChildProcess, spawn } from "node:child_process";
import { hangingSeconds } from "../eventually.ts";
import { ScenarioFailure } from "./failure.ts";

/** One JSON line of a command. */
export type CommandEvent = Readonly<Record<string, unknown>> & { readonly event?: string };

/** A command that has ended. */
export interface CommandRun {
  /** For messages: the program's name and its arguments. */
  readonly command: string;
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly CommandEvent[];
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** After this the command is killed and the scenario fails; default: {@link hangingSeconds}. */
  readonly limitSeconds?: number;
}

/** A command that stays. */
export interface StayingCommand {
  readonly pid: number;
  /** Its first event of a name, and that fits if that is told; fails when it ends before. */
  awaited(name: string, fits?: (event: CommandEvent) => boolean): Promise<CommandEvent>;
  readonly ended: Promise<CommandRun>;
  /** What it wrote to standard error so far. */
  errorText(): string;
}

/** Runs commands as processes of their own, keeps all that they print, and ends exactly these. */
export class Processes {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #running = new Set<ChildProcess>();
  readonly #runs: CommandRun[] = [];
  #isStopped = false;

  /** `environment` is all that the commands see of ours. */
  constructor(environment: Readonly<Record<string, string>>) {
    this.#environment = environment;
  }

  /** Every command that has ended, with all that it printed. */
  get runs(): readonly CommandRun[] {
    return this.#runs;
  }

  /** Runs a command to its end, however it ends. */
  async run(line: readonly string[], options: RunOptions = {}): Promise<CommandRun> {
    const limitSeconds = options.limitSeconds ?? hangingSeconds;
    const { child, ended } = this.#start(line, options);
    const timer = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1000);
    const run = await ended;
    clearTimeout(timer);
    if (run.seconds >= limitSeconds) throw new ScenarioFailure(`${run.command} did not end within ${limitSeconds} s.`, said(run));
    return run;
  }

  /** Starts a command that stays. */
  stay(line: readonly string[], options: RunOptions = {}): StayingCommand {
    const { child, ended, onEvent, errors } = this.#start(line, options);
    return {
      pid: child.pid ?? 0,
      ended,
      errorText: () => Buffer.concat(errors).toString("utf8"),
      awaited: async (name, fits = () => true) => {
        const { promise, resolve, reject } = Promise.withResolvers<CommandEvent>();
        const timer = setTimeout(() => reject(new ScenarioFailure(`${nameOf(line)} gave no event "${name}".`)), hangingSeconds * 1000);
        onEvent((event) => event.event === name && fits(event) && resolve(event));
        void ended.then((run) => reject(new ScenarioFailure(`${run.command} ended before its event "${name}".`, said(run))));
        return await promise.finally(() => clearTimeout(timer));
      },
    };
  }

  /** Ends one process of ours: SIGTERM, and SIGKILL if it does not go. */
  async stop(process: StayingCommand): Promise<CommandRun> {
    const child = [...this.#running].find(({ pid }) => pid === process.pid);
    child?.kill("SIGTERM");
    const timer = setTimeout(() => child?.kill("SIGKILL"), hangingSeconds * 1000);
    const run = await process.ended;
    clearTimeout(timer);
    return run;
  }

  /** Ends whatever still runs; nothing can be started any more. */
  async stopAll(): Promise<void> {
    this.#isStopped = true;
    const children = [...this.#running];
    await Promise.all(
      children.map(async (child) => {
        const gone = new Promise((resolve) => child.once("close", resolve));
        child.kill("SIGKILL");
        await gone;
      }),
    );
  }

  #start(line: readonly string[], options: RunOptions): Started {
    if (this.#isStopped) throw new ScenarioFailure(`${nameOf(line)} was to be started behind the end of the scenario.`);
    const [program = "", ...args] = line;
    const began = performance.now();
    const env = { ...this.#environment, ...options.environment };
    const child = spawn(program, args, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.folder === undefined ? {} : { cwd: options.folder }),
    });
    this.#running.add(child);
    const lines = new EventLines();
    const errors: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => lines.add(piece));
    child.stderr.on("data", (piece: Buffer) => errors.push(piece));
    const { promise: ended, resolve, reject } = Promise.withResolvers<CommandRun>();
    child.once("error", (error) => reject(new ScenarioFailure(`${nameOf(line)} could not be started.`, error.message)));
    child.once("close", (exitCode, signal) => {
      this.#running.delete(child);
      const texts = { stdout: lines.text, stderr: Buffer.concat(errors).toString("utf8") };
      const seconds = (performance.now() - began) / 1000;
      const run = { command: nameOf(line), exitCode, signal, events: lines.events, ...texts, seconds };
      this.#runs.push(run);
      resolve(run);
    });
    return { child, ended, errors, onEvent: (see) => lines.see(see) };
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandRun>;
  /** Pieces of standard error. */
  readonly errors: readonly Buffer[];
  readonly onEvent: (see: (event: CommandEvent) => void) => void;
}

/** What a command printed, for messages. */
export function said(run: CommandRun): string {
  return `${run.command} ended with ${run.signal ?? run.exitCode}:\n${run.stdout}${run.stderr}`;
}

/** The last event of a name that a command gave. */
export function eventOf(run: CommandRun, name: string): CommandEvent {
  const found = run.events.findLast(({ event }) => event === name);
  if (found === undefined) throw new ScenarioFailure(`${run.command} gave no event "${name}".`, said(run));
  return found;
}

/** Collects standard output and reads its JSON lines as they come. */
class EventLines {
  readonly events: CommandEvent[] = [];
  readonly #pieces: Buffer[] = [];
  readonly #watchers: ((event: CommandEvent) => void)[] = [];
  #rest = "";

  get text(): string {
    return Buffer.concat(this.#pieces).toString("utf8");
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    const lines = (this.#rest + piece.toString("utf8")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = parseEvent(line);
      if (event === null) continue;
      this.events.push(event);
      for (const watcher of this.#watchers) watcher(event);
    }
  }

  /** Shows every event, also those before. */
  see(watcher: (event: CommandEvent) => void): void {
    this.events.forEach(watcher);
    this.#watchers.push(watcher);
  }
}

function parseEvent(line: string): CommandEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as CommandEvent) : null;
  } catch {
    return null;
  }
}

/** `sealane publish ...` in place of the paths of Node and of the command's file. */
function nameOf(line: readonly string[]): string {
  const words = line.map((word) =>
    word.replace(/^.*\/((?:sealane(?:-terminal)?|node|npm)(?:\.js)?)$/, "$1").replace(/^(sealane.*)\.js$/, "$1"),
  );
  return (words[0] === "node" ? words.slice(1) : words).join(" ");
}
