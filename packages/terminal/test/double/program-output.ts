import { type ChildProcessByStdio, type StdioOptions, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** A pipe for what a program writes. It ends when the program and everything that it started have ended or closed it. */
export class ProgramOutput implements Disposable {
  readonly #through: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  readonly #lines: AsyncIterator<string> = createInterface({ input: this.#through.stdout })[Symbol.asyncIterator]();

  get stdio(): StdioOptions {
    return ["ignore", this.#through.stdin, this.#through.stdin];
  }

  /** The next line; null at the end. */
  async line(): Promise<string | null> {
    this[Symbol.dispose](); // the program has its own end of the pipe by now
    const { value, done } = await this.#lines.next();
    return done === true ? null : value;
  }

  /** Waits for the end and gives the lines until then. */
  async end(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== null; line = await this.line()) lines.push(line);
    return lines;
  }

  /** Closes this process's end of the pipe; `end` in place of `destroy` would close the program's too. */
  [Symbol.dispose](): void {
    this.#through.stdin.destroy();
  }
}
