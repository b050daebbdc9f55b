import { relative, sep } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { root } from "../workspaces.ts";

/** A fast test file that takes longer than this is named: it belongs to the sweeps. */
const slowFileMilliseconds = 3000;

/** What is told of a run before its summary: what was skipped and why, and the files that were to be fast and were not. */
export class RunNotes {
  readonly #fast: ReadonlySet<string>;
  readonly #skipped = new Map<string, number>();
  readonly #milliseconds = new Map<string, number>();

  /** `fast`: the paths from the root of the files that are to be fast. */
  constructor(fast: readonly string[]) {
    this.#fast = new Set(fast);
  }

  take({ type, data }: TestEvent): void {
    if (type !== "test:pass" && type !== "test:fail") return;
    if (data.skip !== undefined && data.skip !== false) {
      const reason = data.skip === true ? "for no reason that it gives" : data.skip;
      this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
    }
    if (data.nesting > 0 || data.file === undefined) return;
    const file = relative(root, data.file).replaceAll(sep, "/");
    if (this.#fast.has(file)) this.#milliseconds.set(file, (this.#milliseconds.get(file) ?? 0) + data.details.duration_ms);
  }

  text(): string {
    const slow = [...this.#milliseconds].filter(([, milliseconds]) => milliseconds > slowFileMilliseconds);
    return [
      ...section(
        "Skipped, each a test or a group of tests:",
        rows(this.#skipped, (count) => `${count} ×`),
      ),
      ...section(
        "Slow for a fast test, and better in test/property:",
        rows(new Map(slow), (ms) => `${(ms / 1000).toFixed(1)} s`),
      ),
    ].join("");
  }
}

/** Puts the notes between the last test and the summary of node:test, which stays the end of the output. */
export async function* withNotes(events: AsyncIterable<TestEvent>, notes: RunNotes): AsyncGenerator<TestEvent> {
  let isTold = false;
  for await (const event of events) {
    notes.take(event);
    if (!isTold && event.type === "test:diagnostic" && event.data.file === undefined && event.data.message.startsWith("tests ")) {
      isTold = true;
      yield { type: "test:stdout", data: { file: "", message: notes.text() } };
    }
    yield event;
  }
}

function rows(counted: ReadonlyMap<string, number>, asText: (count: number) => string): string[] {
  const sorted = [...counted].sort(([, a], [, b]) => b - a);
  return sorted.map(([what, count]) => `${asText(count).padStart(6)}  ${what}\n`);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`\n${title}\n`, ...lines];
}
