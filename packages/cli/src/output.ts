import type { SealaneError } from "@sealane/wire";
import { SingleBar } from "cli-progress";
import { safeLine, safeText } from "./safe-text.ts";

/** How a command speaks: data on standard output, words on standard error. */
export interface OutputOptions {
  /** One JSON object a line on standard output, and no words. */
  readonly json: boolean;
  /** No words but errors. */
  readonly quiet: boolean;
}

export type EventFields = Readonly<Record<string, unknown>>;

/** A measured piece of work. */
export interface Progress {
  /** Bytes done so far. */
  update(bytes: number): void;
  end(): void;
}

/** The voice of a command. */
export class Output {
  readonly #options: OutputOptions;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  get json(): boolean {
    return this.#options.json;
  }

  /** Something happened: a JSON line for programs, a sentence for people. */
  event(name: string, fields: EventFields, sentence?: string): void {
    if (this.#options.json) printJson({ event: name, ...fields });
    else if (sentence !== undefined) this.say(sentence);
  }

  /** Words for people. */
  say(sentence: string): void {
    if (!this.#options.json && !this.#options.quiet) process.stderr.write(`${safeText(sentence)}\n`);
  }

  /** What the command was asked for: an object for programs, text for people, also with --quiet. */
  result(fields: EventFields, text: string): void {
    if (this.#options.json) printJson(fields);
    else process.stdout.write(`${safeText(text)}\n`);
  }

  error(error: SealaneError): void {
    if (this.#options.json) {
      printJson({ event: "error", ...error.toJSON() });
      return;
    }
    process.stderr.write(`${paint("31", "error")} ${safeLine(error.code)}: ${safeLine(error.message)}\n  ${error.entry.advice}.\n`);
  }

  /** A bar where a person watches, a JSON line at each tenth for programs, nothing elsewhere. */
  progress(label: string, totalBytes: number): Progress {
    if (this.#options.json) return this.#progressEvents(label, totalBytes);
    if (this.#options.quiet || !process.stderr.isTTY) return { update: () => undefined, end: () => undefined };
    const bar = new SingleBar({
      format: `  ${safeLine(label)} {bar} {percentage}%  {done} of {all}  {rate}/s`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      ...(useColour() ? {} : { barCompleteChar: "#", barIncompleteChar: "-" }),
    });
    const started = performance.now();
    const fields = (bytes: number) => ({
      done: formatBytes(bytes),
      all: formatBytes(totalBytes),
      rate: formatBytes(bytes / Math.max(0.001, (performance.now() - started) / 1000)),
    });
    bar.start(totalBytes, 0, fields(0));
    return { update: (bytes) => bar.update(bytes, fields(bytes)), end: () => bar.stop() };
  }

  #progressEvents(label: string, totalBytes: number): Progress {
    let tenth = 0;
    return {
      update: (bytes) => {
        const reached = totalBytes === 0 ? 10 : Math.floor((10 * bytes) / totalBytes);
        if (reached <= tenth) return;
        tenth = reached;
        this.event("progress", { of: label, bytes, totalBytes });
      },
      end: () => undefined,
    };
  }
}

/** "149.7 MB": decimal units, as disks and networks are sold. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Columns of a terminal that tables keep to. */
const maxColumns = 80;

/**
 * Aligns rows in columns under a heading, within 80 characters: columns at the end that do not fit stand below each row, with their
 * names. Pairs of a name and a value stay beside each other. For people only.
 */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const beside = heading.length <= 2 ? heading.length : fitting(widths);
  const below = heading.slice(beside);
  const nameWidth = Math.max(0, ...below.map((name) => name.length));
  return all
    .flatMap((row, index) => [
      row
        .slice(0, beside)
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
      ...below.flatMap((name, column) => {
        const cell = row[beside + column] ?? "";
        return index === 0 || cell === "" ? [] : wrapped(`  ${name.padEnd(nameWidth)}  `, cell);
      }),
    ])
    .join("\n");
}

/** How many columns fit beside each other; the first always does. */
function fitting(widths: readonly number[]): number {
  let total = -2;
  for (const [column, width] of widths.entries()) {
    total += width + 2;
    if (total > maxColumns) return Math.max(1, column);
  }
  return widths.length;
}

/** A value behind its name, with its words on as many lines as they need. */
function wrapped(lead: string, text: string): readonly string[] {
  const lines = [lead];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    const isFirst = line.length === lead.length;
    if (isFirst || line.length + 1 + word.length <= maxColumns) lines[lines.length - 1] = isFirst ? line + word : `${line} ${word}`;
    else lines.push(" ".repeat(lead.length) + word);
  }
  return lines;
}

function printJson(fields: EventFields): void {
  process.stdout.write(`${safeText(JSON.stringify(fields))}\n`);
}

/** Colours text where the terminal shows colours and the user wants them (NO_COLOR). */
function paint(code: string, text: string): string {
  return useColour() ? `\u001b[${code}m${text}\u001b[0m` : text;
}

function useColour(): boolean {
  return process.stderr.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}
