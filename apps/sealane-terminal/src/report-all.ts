import { formatTable, type Output } from "@sealane/cli";
import type { FailedModule, FetchedKey } from "@sealane/terminal";
import { exitCodes, type SealaneError } from "@sealane/wire";

/** A module of which the command did something, and what. */
export interface Done {
  readonly software: FetchedKey["software"];
  readonly result: string;
}

/** What became of the modules that a command was for, as it went on. */
interface Outcome {
  readonly done: readonly Done[];
  readonly failed: readonly FailedModule[];
}

/**
 * Says of each module what became of it, and ends with a summary of all, also where an error ends the work in its midst. Throws the gravest
 * error of a module that failed, so that the exit code is its.
 */
export async function reportAll<T>(
  output: Output,
  work: {
    readonly command: "fetch" | "install";
    readonly each: AsyncGenerator<T, readonly FailedModule[]>;
    /** Says what became of one module, and gives it in a word. */
    readonly report: (one: T) => Done;
    /** The command that comes next. */
    readonly next: string | null;
  },
): Promise<void> {
  const { command, each, report, next } = work;
  const done: Done[] = [];
  let failed: readonly FailedModule[] = [];
  try {
    for (;;) {
      const step = await each.next();
      if (step.done === true) {
        failed = step.value;
        break;
      }
      done.push(report(step.value));
    }
  } catch (error) {
    if (done.length > 0) summarise(output, { command, next: null, done, failed });
    throw error;
  }
  summarise(output, { command, next, done, failed });
  const gravest = gravestOf(failed);
  if (gravest !== null) throw gravest;
}

function summarise(
  output: Output,
  { command, next, done, failed }: Outcome & { readonly command: string; readonly next: string | null },
): void {
  const modules = [
    ...done.map(({ software: { module, version, sequence }, result }) => ({ module, version, sequence, result, code: null })),
    ...failed.map(({ module, error: { code } }) => ({ module, version: null, sequence: null, result: "failed", code })),
  ].toSorted((a, b) => (a.module < b.module ? -1 : 1));
  const rows = modules.map(({ module, version, result, code }) => [module, version ?? "", code ?? result]);
  const words = [formatTable(["module", "version", "result"], rows), ...(next === null || done.length === 0 ? [] : [`Next: ${next}`])];
  output.event("summary", { command, done: done.length, failed: failed.length, modules }, words.join("\n"));
}

/** The gravest first: what nobody should trust, then what does not mend itself, then what later mends. */
const gravity: readonly number[] = [
  exitCodes.internal,
  exitCodes.notTrusted,
  exitCodes.refused,
  exitCodes.expired,
  exitCodes.incompatible,
  exitCodes.configuration,
  exitCodes.usage,
  exitCodes.retryLater,
];

function gravestOf(failed: readonly FailedModule[]): SealaneError | null {
  const rankOf = ({ error }: FailedModule): number => {
    const rank = gravity.indexOf(error.entry.exit);
    return rank === -1 ? gravity.length : rank;
  };
  const [gravest] = failed.toSorted((a, b) => rankOf(a) - rankOf(b));
  return gravest?.error ?? null;
}
