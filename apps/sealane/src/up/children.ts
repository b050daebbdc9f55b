import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SealaneError } from "@sealane/wire";
import { commandErrors } from "../errors.ts";

/** A JSON line that a command of ours printed. */
export type ChildEvent = Readonly<Record<string, unknown>> & { readonly event?: string };

/** How long a server may take to stop before it is killed, milliseconds. */
const stopMilliseconds = 10_000;

/** The two commands as programs to start: both are run by this very Node. */
export interface Commands {
  readonly operator: string;
  readonly terminal: string;
}

/** Finds both commands. Error: UP_COMMAND_MISSING when the package sealane-terminal is not installed beside this one. */
export function findCommands(): Commands {
  const operator = process.argv[1];
  if (operator === undefined) throw commandErrors.error("UP_COMMAND_MISSING", { command: "sealane" });
  try {
    const manifest = import.meta.resolve("sealane-terminal/package.json");
    return { operator, terminal: fileURLToPath(new URL("./bin/sealane-terminal.js", manifest)) };
  } catch (cause) {
    throw commandErrors.error("UP_COMMAND_MISSING", { command: "sealane-terminal" }, cause);
  }
}

/** Starts processes of our commands, and ends exactly these. */
export class Children {
  readonly #running = new Set<ChildProcess>();
  readonly #lost = Promise.withResolvers<never>();
  #stopping = false;

  constructor() {
    this.#lost.promise.catch(() => undefined); // a loss before anybody waits for one shows in the step that needs the process
  }

  /** Never settles but with UP_STEP_FAILED, when a command that was to stay has ended by itself. */
  get lost(): Promise<never> {
    return this.#lost.promise;
  }

  /** Runs a command to its end and gives its JSON lines. Throws the command's own error, with its code and exit code. */
  async run(
    program: string,
    args: readonly string[],
    onEvent: (event: ChildEvent) => void = () => undefined,
  ): Promise<readonly ChildEvent[]> {
    const child = this.#start(program, args);
    const events: ChildEvent[] = [];
    for await (const event of eventsOf(child)) {
      events.push(event);
      onEvent(event);
    }
    const exitCode = await exitOf(child);
    if (exitCode !== 0) throw failureOf(events, { args, exitCode });
    return events;
  }

  /** Runs a program of the terminal with its own output: gives what it wrote to standard output. */
  async capture(program: string, args: readonly string[]): Promise<string> {
    const child = this.#start(program, args);
    const pieces: Buffer[] = [];
    child.stdout?.on("data", (piece: Buffer) => pieces.push(piece));
    const exitCode = await exitOf(child);
    const text = Buffer.concat(pieces).toString("utf8");
    if (exitCode !== 0) throw commandErrors.error("UP_STEP_FAILED", { command: args.slice(0, 2).join(" "), exitCode });
    return text;
  }

  /**
   * Starts a command that stays, with its log in a file, and waits for its first event of a name. Throws the command's own error
   * when it ends before.
   */
  async stay(program: string, args: readonly string[], wish: { readonly awaited: string; readonly log: string }): Promise<ChildEvent> {
    const log = openSync(wish.log, "a", 0o600);
    const child = this.#start(program, args, log);
    closeSync(log);
    const events: ChildEvent[] = [];
    const lines = eventsOf(child);
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw failureOf(events, { args, exitCode: await exitOf(child) });
      events.push(value);
      if (value.event === wish.awaited) break;
    }
    void drain(lines);
    void exitOf(child).then((exitCode) => {
      if (this.#stopping) return;
      this.#lost.reject(commandErrors.error("UP_STEP_FAILED", { command: commandOf(args), exitCode, log: wish.log }));
    });
    return events.at(-1) ?? {};
  }

  /** Ends every process that is still running, by SIGTERM and, if it does not go, by SIGKILL. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      [...this.#running].map(async (child) => {
        const timer = setTimeout(() => child.kill("SIGKILL"), stopMilliseconds);
        child.kill("SIGTERM");
        await exitOf(child);
        clearTimeout(timer);
      }),
    );
  }

  #start(program: string, args: readonly string[], errors: number | "inherit" = "inherit"): ChildProcess {
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", errors] });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    return child;
  }
}

async function* eventsOf(child: ChildProcess): AsyncGenerator<ChildEvent> {
  if (child.stdout === null) return;
  for await (const line of createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
    const event = parseEvent(line);
    if (event !== null) yield event;
  }
}

function parseEvent(line: string): ChildEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as ChildEvent) : null;
  } catch {
    return null;
  }
}

async function drain(lines: AsyncGenerator<ChildEvent>): Promise<void> {
  for await (const _ of lines);
}

async function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return child.exitCode;
  if (child.signalCode !== null) return 1;
  return await new Promise((resolve) => child.once("exit", (exitCode) => resolve(exitCode ?? 1)));
}

/** The words of a command line before its options. */
function commandOf(args: readonly string[]): string {
  const options = args.findIndex((arg) => arg.startsWith("-"));
  return args.slice(0, options === -1 ? undefined : options).join(" ");
}

/** The error that a command printed as its last event, made into ours with the same code and exit code. */
function failureOf(events: readonly ChildEvent[], run: { readonly args: readonly string[]; readonly exitCode: number }): SealaneError {
  const command = commandOf(run.args);
  const failure = commandErrors.error("UP_STEP_FAILED", { command, exitCode: run.exitCode });
  const printed = events.findLast(({ event }) => event === "error" || event === "nothing");
  if (typeof printed?.["code"] !== "string") return failure;
  const { code, message, advice } = printed as { code: string; message?: unknown; advice?: unknown };
  const entry = {
    ...failure.entry,
    exit: run.exitCode as typeof failure.entry.exit,
    sentence: typeof message === "string" ? message : failure.entry.sentence,
    advice: typeof advice === "string" ? advice : failure.entry.advice,
  };
  return new SealaneError(code, entry, { command });
}
