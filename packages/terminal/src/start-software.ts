import { type ChildProcess, execFile, type StdioOptions, spawn } from "node:child_process";
import { accessSync, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { systemReason } from "@sealane/software";
import { permissionDenied } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import type { HashedFiles } from "./hashed-files.ts";
import { GivenDescriptors } from "./inherited-descriptors.ts";
import type { SoftwareUser } from "./software-user.ts";
import type { SlotFolder } from "./state-folder.ts";
import { findTool } from "./system-tools.ts";

/** How programs are started here: by `setpriv`, proven to work for this user; or as they are, where there is no such tool. */
export interface Starter {
  /** `setpriv` with what stands before the program; null on systems other than Linux. */
  readonly prefix: readonly string[] | null;
}

/**
 * Finds out how a program is started with less than this process may: as another user, with no group and no capability of this one,
 * never to gain any (no_new_privs), and killed by the system when this process dies.
 *
 * Error: TERMINAL_PROTECTION_MISSING where `setpriv` is not here, is one that cannot do all this, or is not permitted to.
 */
export async function findStarter(user: SoftwareUser | null): Promise<Starter> {
  if (process.platform !== "linux") return { prefix: null };
  const tool = await findTool("setpriv");
  const groups = user?.isAccount === true ? "--init-groups" : "--clear-groups";
  const identity = user === null ? [] : ["--reuid", String(user.uid), "--regid", String(user.gid), groups];
  const prefix = [tool, ...identity, "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs", "--pdeathsig", "KILL", "--"];
  try {
    await promisify(execFile)(tool, [...prefix.slice(1), tool, "--version"], { encoding: "utf8", env: {} });
  } catch (error) {
    const reason = error instanceof Error && "stderr" in error ? String(error.stderr).trim().slice(0, 256) : "";
    throw terminalErrors.error("TERMINAL_PROTECTION_MISSING", { tool, reason }, error);
  }
  return { prefix };
}

export interface StartInput {
  readonly starter: Starter;
  readonly module: string;
  readonly slot: SlotFolder;
  /** What was hashed. */
  readonly files: HashedFiles;
  /** The program's path below the software's folder. */
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  readonly isGroup: boolean;
}

/**
 * Starts the program that was hashed, in the software's folder, with three descriptors and that folder's.
 *
 * Its path is `/proc/self/fd/3/PROGRAM`: through a descriptor of the folder that was checked, which leads there for a user who may not
 * pass the folders above it, and whatever they are called by now. `dirname "$0"` is the program's folder (docs/adr/0023). The last
 * thing before the start is a look at the program: it must be one of the files that were hashed, unchanged since.
 *
 * Errors: TERMINAL_SOFTWARE_CHANGED; TERMINAL_START_FAILED where its interpreter is not here.
 */
export function startSoftware(input: StartInput): ChildProcess {
  const { starter, slot, program, args, environment: env, stdio, isGroup: detached } = input;
  if (starter.prefix === null) {
    requireHashed(input, join(slot.software, program));
    return spawn(join(slot.software, program), args, { stdio, detached, env, cwd: slot.software });
  }
  const folder = openFolder(slot);
  try {
    using descriptors = new GivenDescriptors(stdio, [folder]);
    const [tool = "", ...options] = starter.prefix;
    requireHashed(input, `/proc/self/fd/${folder}/${program}`);
    const started = [...options, `/proc/self/fd/${givenFolder}/${program}`, ...args];
    return spawn(tool, started, { stdio: descriptors.stdio, detached, env, cwd: slot.software });
  } finally {
    closeSync(folder);
  }
}

/** The number that the folder's descriptor has in the program: the first behind standard input, output and errors. */
const givenFolder = 3;

function openFolder(slot: SlotFolder): number {
  try {
    return openSync(slot.software, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const what = systemReason(error) ?? "folder";
    throw permissionDenied(error, slot.software) ?? terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { slot: slot.path, what }, error);
  }
}

function requireHashed({ module, slot, files }: StartInput, path: string): void {
  const head = new Uint8Array(maxInterpreterBytes);
  let headBytes: number;
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!files.has(fstatSync(file, { bigint: true })))
        throw terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { slot: slot.path, what: "program" });
      headBytes = readSync(file, head, 0, head.length, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const reason = systemReason(error);
    if (reason === null) throw error;
    throw permissionDenied(error, path) ?? terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { slot: slot.path, what: reason }, error);
  }
  requireInterpreter(module, Buffer.from(head.buffer, 0, headBytes).toString("latin1"));
}

/** Bytes of a script's first line that Linux looks at (BINPRM_BUF_SIZE). */
const maxInterpreterBytes = 256;

/** `setpriv` could only end with a status that a program may have too: what can be known before is looked at here. */
function requireInterpreter(module: string, head: string): void {
  const interpreter = /^#![ \t]*([^ \t\n]+)/.exec(head)?.[1];
  if (interpreter === undefined || !isAbsolute(interpreter)) return;
  try {
    accessSync(interpreter, constants.X_OK);
  } catch (error) {
    throw terminalErrors.error("TERMINAL_START_FAILED", { module, interpreter, reason: systemReason(error) }, error);
  }
}
