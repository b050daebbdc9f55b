import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { constants } from "node:os";
import { type SoftwareDescription, softwareErrors, systemReason, type VerifiedLicence } from "@sealane/software";
import type { Clock } from "./clock.ts";
import { terminalErrors } from "./errors.ts";
import type { StartEvent } from "./events.ts";
import { Guardian } from "./guardian.ts";
import { loadTrust } from "./identity.ts";
import { verifyInstalled } from "./installed-check.ts";
import { descriptionOf } from "./licence.ts";
import { licenceToleranceSeconds, licenceWatchSeconds, stopGraceSeconds } from "./limits.ts";
import { loadModule } from "./module-record.ts";
import { finishOrder } from "./orders.ts";
import { type InstalledSlot, proveSlot } from "./slot.ts";
import { softwareEnvironment } from "./software-environment.ts";
import { softwareNumber } from "./software-number.ts";
import { closedFolder, type SoftwareUser, softwareUser } from "./software-user.ts";
import { findStarter, type Starter, startSoftware } from "./start-software.ts";
import type { Terminal } from "./terminal.ts";

export interface ExecInput {
  readonly module: string;
  readonly args?: readonly string[];
  /** Name or number of the user as whom it runs: see {@link softwareUser}. */
  readonly user?: string;
  /** Variables of its environment beside the few that it always has: see {@link softwareEnvironment}. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard input, output and errors; default: this process's own. */
  readonly stdio?: StdioOptions;
}

/** A program that runs. */
export interface RunningSoftware {
  readonly pid: number;
  readonly software: SoftwareDescription;
  /**
   * Resolves when the program has ended. Rejects with LICENCE_EXPIRED when it was stopped because its licence ended.
   */
  readonly ended: Promise<EndedSoftware>;
}

export interface EndedSoftware {
  /** Its exit status, or 128 and the signal's number, as shells have it. */
  readonly status: number;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs an installed program while it is permitted (PERMIT): release and licence are proven, the licence for now, the software's hash
 * is computed from what is installed and compared, then the program that was hashed is started with this process's input and output,
 * an environment and a user of its own, and without a way to gain rights (docs/adr/0023). Signals are passed on. When the licence ends
 * meanwhile the program is asked to stop and, {@link stopGraceSeconds} later, made to. It ends with this process, however that ends.
 *
 * The program gets a session and a group of its own, which is stopped as a whole, also when the program itself has ended. Only where it has
 * this process's user, on a terminal screen, it shares this process's group, so that the keyboard's signals reach it once: another user in
 * the session of that screen could type into the shell of whoever started it (TIOCSTI).
 *
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_MODULE_UNKNOWN, LICENCE_*, RELEASE_*, TERMINAL_LICENCE_CONTRADICTS, TERMINAL_NOT_A_PROGRAM,
 * TERMINAL_USER_*, TERMINAL_VARIABLE_WRONG, TERMINAL_PROTECTION_MISSING, TERMINAL_SOFTWARE_CHANGED, TERMINAL_START_FAILED.
 */
export async function exec(terminal: Terminal, input: ExecInput): Promise<RunningSoftware> {
  const { module, args = [], stdio = "inherit", environment: given = {} } = input;
  await finishOrder(terminal);
  const slot = await currentSlot(terminal, module);
  const program = programOf(slot.licence);
  const user = await softwareUser(await softwareNumber(terminal, module), input.user);
  const environment = softwareEnvironment({ environment: terminal.environment, user, folder: slot.folder.software, given });
  const starter = await findStarter(user);
  terminal.onEvent({ kind: "stage", command: "exec", stage: "check" });
  const files = await verifyInstalled(slot.folder, slot.licence, terminal.onEvent);
  terminal.onEvent({ kind: "stage", command: "exec", stage: "run" });
  terminal.onEvent(await startEvent(terminal, { slot, user, starter }));
  const isGroup = user !== null || process.stdin.isTTY !== true;
  const guardian = process.platform === "win32" ? null : await Guardian.start();
  try {
    const child = startSoftware({ starter, module, slot: slot.folder, files, program, args, environment, stdio, isGroup });
    const exited = once(child, "exit");
    exited.catch(() => {}); // a failed start is reported by the next line
    if (child.pid !== undefined) guardian?.watch(isGroup ? -child.pid : child.pid);
    const pid = await started(child, module);
    const send = (signal: NodeJS.Signals): void => deliver(isGroup ? -pid : pid, signal);
    const ended = supervise({ clock: terminal.clock, licence: slot.licence, exited, send, isGroup }).finally(() => guardian?.dismiss());
    return { pid, software: descriptionOf(slot.licence), ended };
  } catch (error) {
    guardian?.dismiss();
    throw error;
  }
}

async function startEvent(
  { folder }: Terminal,
  given: { readonly slot: InstalledSlot; readonly user: SoftwareUser | null; readonly starter: Starter },
): Promise<StartEvent> {
  const { slot, user, starter } = given;
  const owner = (await stat(folder.path)).uid;
  return {
    kind: "start",
    module: slot.licence.module,
    user: user?.uid ?? process.getuid?.() ?? null,
    readsKeys: user === null || user.uid === 0 || user.uid === owner,
    noNewPrivileges: starter.prefix !== null,
    endsWithExec: process.platform !== "win32",
    closedFolder: await closedFolder(slot.folder.software, user),
  };
}

async function currentSlot(terminal: Terminal, module: string): Promise<InstalledSlot> {
  const trust = await loadTrust(terminal);
  const folder = terminal.folder.module(module);
  const { current } = await loadModule(folder);
  if (current === null) throw terminalErrors.error("TERMINAL_MODULE_UNKNOWN", { module });
  return await proveSlot(folder.slot(current), { terminal, trust, module, sequence: current });
}

/** The program's path below the software's folder. */
function programOf({ entry, format, module }: VerifiedLicence): string {
  if (entry === null) throw terminalErrors.error("TERMINAL_NOT_A_PROGRAM", { module });
  return format === "file" ? module : entry;
}

async function started(child: ChildProcess, module: string): Promise<number> {
  try {
    await once(child, "spawn");
    if (child.pid === undefined) throw terminalErrors.error("TERMINAL_START_FAILED", { module });
    return child.pid;
  } catch (error) {
    const reason = systemReason(error);
    if (reason === null) throw error;
    throw terminalErrors.error("TERMINAL_START_FAILED", { module, reason }, error);
  }
}

/** Signals that are passed on; the last two come from a keyboard to the whole group already. */
const passedOn = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT"] as const;
const fromKeyboard: readonly string[] = ["SIGINT", "SIGQUIT"];

interface Supervised {
  readonly clock: Clock;
  readonly licence: VerifiedLicence;
  /** Resolves with the arguments of the event "exit". */
  readonly exited: Promise<unknown[]>;
  readonly send: (signal: NodeJS.Signals) => void;
  readonly isGroup: boolean;
}

async function supervise({ clock, licence, exited, send, isGroup }: Supervised): Promise<EndedSoftware> {
  const pass = (signal: NodeJS.Signals): void => {
    if (isGroup || !fromKeyboard.includes(signal)) send(signal);
  };
  for (const signal of passedOn) process.on(signal, pass);
  const watching = new AbortController();
  const until = licence.expiresAtSeconds + licenceToleranceSeconds;
  const over = licenceEnd({ clock, until, signal: watching.signal }).catch(() => null); // ended with the program
  try {
    const isOver = await Promise.race([exited.then(() => false), over.then(() => true)]);
    if (isOver) {
      await stop({ clock, exited, send, signal: watching.signal });
      throw softwareErrors.error("LICENCE_EXPIRED", { expiresAtSeconds: licence.expiresAtSeconds, nowSeconds: clock.nowSeconds() });
    }
    return endedOf(await exited);
  } finally {
    watching.abort();
    if (isGroup) send("SIGKILL"); // what the program has left in its group would run without a watch
    for (const signal of passedOn) process.off(signal, pass);
  }
}

/** Resolves once the licence is over; looks at the clock often enough to notice one that is set. */
async function licenceEnd(input: { readonly clock: Clock; readonly until: number; readonly signal: AbortSignal }): Promise<void> {
  const { clock, until, signal } = input;
  for (;;) {
    const left = until - clock.nowSeconds();
    if (left <= 0) return;
    await clock.sleep(Math.min(left, licenceWatchSeconds) * 1000, signal);
  }
}

async function stop(input: Omit<Supervised, "licence" | "isGroup"> & { readonly signal: AbortSignal }): Promise<void> {
  const { clock, exited, send, signal } = input;
  send("SIGTERM");
  const grace = clock.sleep(stopGraceSeconds * 1000, signal).catch(() => {}); // ended with the program
  await Promise.race([exited, grace]);
  send("SIGKILL");
  await exited;
}

function endedOf([code, signal]: readonly unknown[]): EndedSoftware {
  if (typeof code === "number") return { status: code, signal: null };
  const name = (Object.keys(constants.signals) as NodeJS.Signals[]).find((each) => each === signal);
  return name === undefined ? { status: 1, signal: null } : { status: 128 + constants.signals[name], signal: name };
}

/** Sends a signal to a process or, with a negative number, to its group; one that has ended needs none. */
function deliver(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemReason(error) !== "ESRCH") throw error;
  }
}
