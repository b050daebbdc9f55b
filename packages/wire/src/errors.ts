/**
 * The error base of every package: one class, and tables of codes that say who is to blame and what to do.
 */

/** Process exit codes, the same numbers in JSON output, hooks and `docs/errors.md`. */
export const exitCodes = {
  done: 0,
  internal: 1,
  usage: 2,
  notTrusted: 3,
  retryLater: 4,
  expired: 5,
  incompatible: 6,
  needsActivation: 7,
  nothingToDo: 8,
  refused: 9,
  configuration: 10,
} as const;

/** One of them. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Who has to act: the party at the other end, the person at this end, the machine (disk, network) or Sealane's own code. */
export type Blame = "peer" | "user" | "system" | "internal";

/** Whether the same call may succeed later without a change: never, after a while, or at once with fresh messages. */
export type Retry = "never" | "later" | "fresh";

/** One row of a package's error table. */
export interface ErrorEntry {
  readonly blame: Blame;
  readonly retry: Retry;
  readonly http: number;
  readonly exit: ExitCode;
  /** What failed, as one sentence without a trailing full stop. */
  readonly sentence: string;
  /** What to do next, as one sentence without a trailing full stop. */
  readonly advice: string;
}

/** Facts for the reader of an error: names, ids in hex, sizes, times. Never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** The one error class of Sealane; `code` is stable, the message is for people. */
export class SealaneError extends Error {
  readonly code: string;
  readonly entry: ErrorEntry;
  readonly details: ErrorDetails;

  constructor(code: string, entry: ErrorEntry, details: ErrorDetails = {}, cause?: unknown) {
    super(sentenceOf(entry, details), cause === undefined ? undefined : { cause });
    this.name = "SealaneError";
    this.code = code;
    this.entry = entry;
    this.details = details;
  }

  toJSON(): Record<string, unknown> {
    return { code: this.code, message: this.message, advice: this.entry.advice, exitCode: this.entry.exit, details: this.details };
  }
}

/** The codes of one package with a maker of errors for exactly these codes. */
export interface ErrorTable<Code extends string> {
  readonly entries: Readonly<Record<Code, ErrorEntry>>;
  /** Makes (does not throw) the error of `code`. */
  error(code: Code, details?: ErrorDetails, cause?: unknown): SealaneError;
}

/** Declares the error table of one package. Codes are `AREA_THING_WRONG`. */
export function errorTable<Code extends string>(entries: Readonly<Record<Code, ErrorEntry>>): ErrorTable<Code> {
  return {
    entries,
    error(code: Code, details?: ErrorDetails, cause?: unknown): SealaneError {
      return new SealaneError(code, entries[code], details, cause);
    },
  };
}

/** True when `error` is a SealaneError with this code. */
export function hasCode(error: unknown, code: string): error is SealaneError {
  return error instanceof SealaneError && error.code === code;
}

function sentenceOf(entry: ErrorEntry, details: ErrorDetails): string {
  const facts = Object.entries(details).map(([key, value]) => `${key} ${String(value)}`);
  return facts.length === 0 ? entry.sentence : `${entry.sentence} (${facts.join(", ")})`;
}
