import { join } from "node:path";
import { exitCodes } from "@sealane/wire";
import type { Attempt, Kill, Victim } from "./crash-everywhere.ts";
import { demand } from "./failure.ts";
import { EffectFolder, type EffectPlan } from "./hooks.ts";
import { filesBelow, type Installation, succeeded } from "./installation.ts";
import { type CommandRun, said } from "./processes.ts";
import { Snapshot } from "./snapshot.ts";
import { demandRuns, type Software } from "./software.ts";

export interface TerminalVictimWish {
  readonly name: string;
  readonly installation: Installation;
  readonly terminal: string;
  /** The command that is killed. */
  readonly command: readonly string[];
  /** What may run after a kill. */
  readonly mayRun: readonly Software[];
  /** What runs after the second attempt. */
  readonly endsWith: Software;
  /** Before every attempt, behind the snapshot: an offer of the server. */
  readonly arrange?: () => Promise<void>;
  /** A file that the second attempt need not make: what it says is of no use any more. */
  readonly mayMiss?: string;
  /** What else holds of the second attempt. */
  readonly checkAgain?: (again: CommandRun, kill: Kill) => void;
}

/** A terminal's command; the state that the terminal is in now is what every attempt begins with. */
export class TerminalVictim implements Victim {
  readonly effects: EffectFolder;
  readonly #wish: TerminalVictimWish;
  readonly #snapshot: Snapshot;
  #expectedFiles: readonly string[] = [];

  private constructor(wish: TerminalVictimWish, parts: { readonly effects: EffectFolder; readonly snapshot: Snapshot }) {
    this.#wish = wish;
    this.effects = parts.effects;
    this.#snapshot = parts.snapshot;
  }

  /** Records the state of now, and the files that the command leaves when nothing disturbs it. */
  static async make(wish: TerminalVictimWish): Promise<TerminalVictim> {
    const { installation, terminal, name } = wish;
    const place = join(installation.folder, `${terminal}, ${name}`.replaceAll(/[^a-z0-9]+/g, "-"));
    const snapshot = Snapshot.take(installation.terminalState(terminal), place);
    const victim = new TerminalVictim(wish, { effects: new EffectFolder(`${place}-effects`), snapshot });
    await victim.prepare();
    succeeded(await installation.terminal(terminal, wish.command));
    await demandRuns(installation, terminal, [wish.endsWith]);
    victim.#expectedFiles = victim.#files();
    return victim;
  }

  get name(): string {
    return this.#wish.name;
  }

  async prepare(): Promise<void> {
    this.#snapshot.restore();
    await this.#wish.arrange?.();
  }

  async run(plan: EffectPlan): Promise<Attempt> {
    const { installation, terminal, command } = this.#wish;
    this.effects.plan(plan);
    const run = await installation.terminal(terminal, command, { hooks: { effects: this.effects } });
    return { run, killed: run.signal === "SIGKILL", seen: this.effects.seen() };
  }

  /** The terminal says how it is, and a version that may run runs. */
  async checkAfterKill(): Promise<void> {
    const { installation, terminal, mayRun } = this.#wish;
    const status = installation.terminal(terminal, ["status"]);
    await Promise.all([status.then(succeeded), demandRuns(installation, terminal, mayRun)]);
  }

  async complete(kill: Kill): Promise<void> {
    const { installation, terminal, command, checkAgain, endsWith } = this.#wish;
    const again = await installation.terminal(terminal, command);
    const wasDone = again.exitCode === exitCodes.nothingToDo; // the kill came behind the last effect that counts
    demand(again.exitCode === exitCodes.done || wasDone, "The second attempt failed.", said(again));
    checkAgain?.(again, kill);
    await demandRuns(installation, terminal, [endsWith]);
    this.#demandFiles();
  }

  #files(): readonly string[] {
    const { installation, terminal } = this.#wish;
    return [...filesBelow(installation.terminalState(terminal))].sort();
  }

  /** The same files as without the kill, none besides. */
  #demandFiles(): void {
    const files = this.#files();
    const surplus = files.filter((name) => !this.#expectedFiles.includes(name));
    const missing = this.#expectedFiles.filter((name) => !files.includes(name) && name !== this.#wish.mayMiss);
    demand(surplus.length === 0, "After the second attempt there are files that should not be.", surplus.join("\n"));
    demand(missing.length === 0, "After the second attempt there are files missing.", missing.join("\n"));
  }
}
