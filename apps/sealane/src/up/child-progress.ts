import type { Output, Progress } from "@sealane/cli";
import type { ChildEvent } from "./children.ts";

/** Shows to a person how far the measured work of the child processes is, from the events that they print. */
export class ChildProgress {
  readonly #output: Output;
  #shown: { readonly label: unknown; readonly bar: Progress } | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Takes each event of a child: one that measures moves the bar of its work, any other one ends it. */
  take({ event, of: label, bytes, totalBytes }: ChildEvent): void {
    if (event !== "progress" || typeof label !== "string" || typeof bytes !== "number" || typeof totalBytes !== "number") {
      this.end();
      return;
    }
    if (this.#shown?.label !== label) {
      this.end();
      this.#shown = { label, bar: this.#output.progress(label, totalBytes) };
    }
    this.#shown?.bar.update(bytes);
  }

  end(): void {
    this.#shown?.bar.end();
    this.#shown = null;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
