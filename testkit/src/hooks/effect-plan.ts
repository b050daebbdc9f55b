import fs from "node:fs";
import { join } from "node:path";

/**
 * What is to happen at which effect of this process, as the file `plan` of the folder SEALANE_EFFECTS says: `count`, `kill 12`,
 * `torn 12` or `full 12`. Every effect is written to the file `log` of that folder before it happens. SIGUSR2 has the plan read
 * again and the count begun anew, for processes that stay; the log is begun anew too, with the line `armed`.
 */

/** One change of the file system, or one thing sent, that is about to happen. */
export interface Effect {
  readonly name: string;
  readonly target: string;
  /** A full disk refuses it. */
  readonly needsSpace: boolean;
  /** Does a part of it at once, as a power cut might. */
  readonly half?: () => void;
}

/** `kill`: the process ends before the effect; `torn`: after half of it; `full`: from there on the disk is full. */
type Plan = { readonly kind: "count" } | { readonly kind: "kill" | "torn" | "full"; readonly at: number };

const { openSync, writeSync, readFileSync, ftruncateSync } = fs; // as they were before they are wrapped

const folder = process.env["SEALANE_EFFECTS"] ?? ".";
const log = openSync(join(folder, "log"), "a");
let plan = readPlan();
let count = 0;

process.on("SIGUSR2", () => {
  ftruncateSync(log);
  plan = readPlan();
  count = 0;
  writeSync(log, "armed\n");
});

/** Counts an effect; ends the process, or gives the error that the effect is to fail with. */
export function reach(effect: Effect): Error | null {
  count++;
  writeSync(log, `${count} ${effect.name} ${effect.target}\n`);
  if (plan.kind === "count" || count < plan.at) return null;
  if (plan.kind === "full") return effect.needsSpace ? noSpace(effect) : null;
  if (plan.kind === "torn") effect.half?.();
  die();
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;) Atomics.wait(never, 0, 0); // the signal may take its time; nothing else may happen meanwhile
}

function readPlan(): Plan {
  const [kind = "count", at = ""] = readFileSync(join(folder, "plan"), "utf8").trim().split(" ");
  if (kind === "count") return { kind };
  const number = Number(at);
  if ((kind !== "kill" && kind !== "torn" && kind !== "full") || !Number.isInteger(number)) throw new Error(`No such plan: ${kind} ${at}.`);
  return { kind, at: number };
}

function noSpace({ name, target }: Effect): Error {
  if (name.startsWith("sqlite")) {
    const facts = { code: "ERR_SQLITE_ERROR", errcode: 13, errstr: "database or disk is full" }; // SQLITE_FULL
    return Object.assign(new Error(facts.errstr), facts);
  }
  const facts = { errno: -28, code: "ENOSPC", syscall: name, path: target };
  return Object.assign(new Error(`ENOSPC: no space left on device, ${name} '${target}'`), facts);
}
