import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { GivenDescriptors } from "./inherited-descriptors.ts";
import { findTool } from "./system-tools.ts";

/** Waits for a target, then for a word; without the word whoever was to say it has died, and the target is killed. */
const script = 'read -r target || exit 0; read -r word && exit 0; kill -s KILL -- "$target"';

/**
 * Ends a program with everything in its group when this process dies without a chance to do so itself (`kill -9`, out of memory): a
 * shell in a session of its own, which waits at a pipe that closes with this process. What has left the group is beyond it.
 */
export class Guardian {
  readonly #shell: ChildProcess;

  private constructor(shell: ChildProcess) {
    this.#shell = shell;
  }

  /** Error: TERMINAL_PROTECTION_MISSING where there is no shell. */
  static async start(): Promise<Guardian> {
    const tool = await findTool("sh");
    using descriptors = new GivenDescriptors(["pipe", "ignore", "ignore"]);
    const shell = spawn(tool, ["-c", script], { stdio: descriptors.stdio, detached: true, cwd: "/", env: {} });
    shell.stdin?.on("error", () => {}); // it was killed; the program's own signal of its parent's death is left
    await once(shell, "spawn");
    shell.unref();
    return new Guardian(shell);
  }

  /** From now on this process's death is the target's: a process, or a group as a negative number. */
  watch(target: number): void {
    this.#shell.stdin?.write(`${target}\n`);
  }

  /** The target has ended, or was never started. */
  dismiss(): void {
    this.#shell.stdin?.end("done\n");
  }
}
