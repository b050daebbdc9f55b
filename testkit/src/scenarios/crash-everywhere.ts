import { demand, ScenarioFailure } from "./failure.ts";
import type { EffectPlan, SeenEffect } from "./hooks.ts";
import { type CommandRun, said } from "./processes.ts";
import { shareOf } from "./share.ts";

/** A process that is killed at each of its effects in turn. */
export interface Victim {
  /** For the table. */
  readonly name: string;
  /** Effects at which it is killed; default: all. */
  readonly isTarget?: (effect: SeenEffect) => boolean;
  /** Brings everything to where the command has not run yet. */
  prepare(): Promise<void>;
  /** Runs the command with this plan to its end. */
  run(plan: EffectPlan): Promise<Attempt>;
  /** Checks what holds between the kill and the next attempt. */
  checkAfterKill(kill: Kill): Promise<void>;
  /** Runs the command again, undisturbed, and checks where that ends. */
  complete(kill: Kill): Promise<void>;
}

export interface Attempt {
  readonly run: CommandRun;
  /** The kill came: the command ended by it, or the server did. */
  readonly killed: boolean;
  /** The effects until then, of which the last was the kill's if one came. */
  readonly seen: readonly SeenEffect[];
}

/** A kill before an effect, or after half of it: of a statement, sent and not answered. */
export interface Kill {
  readonly at: SeenEffect;
  readonly torn: boolean;
  /** The effects that happened before. */
  readonly before: readonly SeenEffect[];
}

/** A row of the table. */
export interface CrashResult {
  readonly name: string;
  readonly effects: number;
  readonly kills: number;
  readonly seconds: number;
}

/**
 * Counts the effects of a command, then kills it at each of them (with `every` at each of so many), and at each write, and each statement to
 * PostgreSQL, a second time in the middle.
 */
export async function crashEverywhere(victim: Victim, every: number): Promise<CrashResult> {
  const began = performance.now();
  await victim.prepare();
  const { run, killed, seen } = await victim.run("count");
  const counted = seen.filter(victim.isTarget ?? (() => true));
  demand(!killed && run.exitCode === 0 && counted.length > 0, `${victim.name} failed without any kill.`, said(run));
  let kills = 0;
  const chosen = shareOf(counted, every);
  for (const effect of chosen) {
    for (const torn of /^(?:write|postgres)/.test(effect.name) ? [false, true] : [false]) {
      if (await crashOnce(victim, `${torn ? "torn" : "kill"} ${effect.number}`)) kills++;
    }
  }
  demand(kills >= Math.floor(chosen.length * 0.9), `Of ${chosen.length} effects of ${victim.name} only ${kills} could be reached again.`);
  return { name: victim.name, effects: counted.length, kills, seconds: (performance.now() - began) / 1000 };
}

/** False when the command ended before the effect was reached: their number varies a little. */
async function crashOnce(victim: Victim, plan: EffectPlan): Promise<boolean> {
  await victim.prepare();
  const { run, killed, seen } = await victim.run(plan);
  const at = seen.at(-1);
  if (!killed) {
    demand(run.exitCode === 0, `${victim.name} failed without being killed (${plan}).`, said(run));
    return false;
  }
  if (at === undefined) throw new ScenarioFailure(`${victim.name} was killed before its first effect.`, said(run));
  const kill = { at, torn: plan.startsWith("torn"), before: seen.slice(0, -1) };
  try {
    await victim.checkAfterKill(kill);
    await victim.complete(kill);
  } catch (error) {
    const where = `${victim.name}, killed ${kill.torn ? "in the middle of" : "before"} effect ${at.number}, ${at.name} ${at.target}`;
    throw new ScenarioFailure(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return true;
}
