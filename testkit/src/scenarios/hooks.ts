import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../eventually.ts";
import { ScenarioFailure } from "./failure.ts";

/** What is preloaded into a command; see the files below `hooks`. */
export interface Hooks {
  readonly effects?: EffectFolder;
  /** Whether the statements that it sends to PostgreSQL are effects too. */
  readonly statements?: boolean;
  /** How far the command's clock is ahead of the machine's. */
  readonly clockSeconds?: number;
  /** Where the command writes its peak of resident memory. */
  readonly peakMemory?: string;
  /** A PKCS #11 module, of which SIGUSR2 closes all sessions; each time a byte is added to the file. */
  readonly lostSessions?: { readonly modulePath: string; readonly countFile: string };
}

/** The environment that preloads hooks into a command. */
export function hookEnvironment(hooks: Hooks): Record<string, string> {
  const { effects, statements = false, clockSeconds, peakMemory, lostSessions } = hooks;
  const given: [URL, Record<string, string>][] = [];
  if (effects !== undefined) given.push([effectsHook, { SEALANE_EFFECTS: effects.path }]);
  if (effects !== undefined && statements) given.push([statementsHook, {}]);
  if (clockSeconds !== undefined) given.push([clockHook, { SEALANE_CLOCK_SECONDS: String(clockSeconds) }]);
  if (peakMemory !== undefined) given.push([peakMemoryHook, { SEALANE_PEAK_MEMORY: peakMemory }]);
  if (lostSessions !== undefined) {
    const { modulePath, countFile } = lostSessions;
    given.push([lostSessionsHook, { SEALANE_TOKEN_MODULE: modulePath, SEALANE_TOKEN_COUNT: countFile }]);
  }
  const imports = given.map(([url]) => `--import ${url.href}`).join(" ");
  return Object.assign({ NODE_OPTIONS: imports }, ...given.map(([, values]) => values)) as Record<string, string>;
}

const effectsHook = new URL("../hooks/effects.ts", import.meta.url);
const statementsHook = new URL("../hooks/postgres-effects.ts", import.meta.url);
const clockHook = new URL("../hooks/clock.ts", import.meta.url);
const peakMemoryHook = new URL("../hooks/peak-memory.ts", import.meta.url);
const lostSessionsHook = new URL("../hooks/lost-sessions.ts", import.meta.url);

/** `count` only; end before an effect (`kill`) or after half of it (`torn`); let the disk be full from an effect on. */
export type EffectPlan = "count" | `${"kill" | "torn" | "full"} ${number}`;

/** One change of the file system that a command was about to make. */
export interface SeenEffect {
  readonly number: number;
  readonly name: string;
  readonly target: string;
}

/** A process that stays, with these hooks preloaded. */
interface Running {
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

/** The folder by which the hook `effects` is told what to do and tells what it saw. */
export class EffectFolder {
  readonly path: string;

  constructor(path: string) {
    mkdirSync(path, { recursive: true });
    this.path = path;
    this.plan("count");
  }

  /** For the next start. */
  plan(plan: EffectPlan): void {
    writeFileSync(join(this.path, "plan"), plan);
    writeFileSync(join(this.path, "log"), "");
  }

  /** For a process that runs: it reads the plan and begins to count anew before this returns. */
  async rearm(plan: EffectPlan, running: Running): Promise<void> {
    if (!(await this.#isTakenUp(plan, running)))
      throw new ScenarioFailure(`The process ${running.pid} ended instead of taking up its plan.`);
  }

  /**
   * Ends the plan of a process that runs: afterwards nothing kills it any more. `killed` when the plan was faster, however late it
   * was. With what had been seen by then.
   */
  async disarm(running: Running): Promise<{ readonly killed: boolean; readonly seen: readonly SeenEffect[] }> {
    const seen = this.seen();
    if (await this.#isTakenUp("count", running)) return { killed: false, seen };
    return { killed: true, seen: this.seen() };
  }

  /** False when the process ended before it could: it reads a plan between two effects, or dies at one. */
  async #isTakenUp(plan: EffectPlan, { pid, ended }: Running): Promise<boolean> {
    let hasEnded = false;
    void ended.then(() => {
      hasEnded = true;
    });
    writeFileSync(join(this.path, "plan"), plan);
    appendFileSync(join(this.path, "log"), "not yet\n"); // gone when the process begins its log anew, which may say armed already
    sendSignal(pid);
    const isArmed = (): boolean => {
      const log = this.#log(); // read once: the process empties it before it writes that it is armed
      return log.startsWith("armed\n") && !log.includes("not yet\n");
    };
    await eventually(() => hasEnded || isArmed(), `The process ${pid} does not take up its plan.`);
    return isArmed();
  }

  /** What has been seen since the plan was made. */
  seen(): readonly SeenEffect[] {
    return [...this.#log().matchAll(/^(\d+) (sqlite \w+|\w+) (.*)$/gm)].map(([, number, name = "", target = ""]) => ({
      number: Number(number),
      name,
      target,
    }));
  }

  #log(): string {
    return readFileSync(join(this.path, "log"), "utf8");
  }
}

/** To a process of ours, which may have ended since. */
function sendSignal(pid: number): void {
  try {
    process.kill(pid, "SIGUSR2");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
