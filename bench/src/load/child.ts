import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** How long a process may take to end by itself. */
const endMilliseconds = 15_000;

/** A process of the load benchmark, which answers one question at a time; it ends with this one, however that ends. */
export class Child<Question> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<string>;

  /** Runs a file of this folder; `signal` kills it. */
  constructor(name: string, given: { readonly args?: readonly string[]; readonly signal: AbortSignal }) {
    const { args = [], signal } = given;
    this.#name = name;
    this.#process = fork(join(import.meta.dirname, `${name}.ts`), [...args]);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#ended = promise;
    this.#process.once("exit", (code, by) => resolve(`${name} ended with ${by ?? code}`));
    const kill = (): void => void this.#process.kill("SIGKILL");
    signal.addEventListener("abort", kill);
    void promise.then(() => signal.removeEventListener("abort", kill));
    if (signal.aborted) kill();
  }

  /** Asks, and gives the answer; fails when the process ends before. */
  async ask<Answer>(question: Question): Promise<Answer> {
    const gone = new AbortController();
    const answered = once(this.#process, "message", { signal: gone.signal }) as Promise<[Answer]>;
    const ended = this.#ended.then((how) => {
      throw new Error(how);
    });
    this.#process.send({ question }, () => {}); // a process that has gone is told of by `ended`
    try {
      const [answer] = await Promise.race([answered, ended]);
      return answer;
    } finally {
      answered.catch(() => {});
      gone.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => {
      process.stderr.write(`${this.#name} does not end and is killed.\n`);
      this.#process.kill("SIGKILL");
    }, endMilliseconds);
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
    clearTimeout(timer);
  }
}

/** The other end: answers each question in turn, and ends when the benchmark does. */
export function answering<Question>(answer: (question: Question) => Promise<unknown>): void {
  process.on("message", ({ question }: { readonly question: Question }) => {
    void answer(question).then((value) => process.send?.(value ?? null));
  });
  process.on("disconnect", () => process.exit(0));
}
