import { cliErrors } from "./errors.ts";

/**
 * Standard output and standard error, whose readers may go away (`| head`) or whose disk may be full: a command ends its work all the
 * same, and what could not be printed is dropped.
 */

/** Why standard output does not take what is printed; null while it does, and where nobody reads it any more. */
let outputFailure: string | null = null;

/** From now on no failure to print ends this process. Asked again, it changes nothing. */
export function outliveReaders(): void {
  if (process.stdout.listeners("error").includes(noteFailure)) return;
  process.stdout.on("error", noteFailure);
  process.stderr.on("error", ignore);
}

/** Waits until all that was printed has been written or dropped. Error: CLI_OUTPUT_FAILED, where something was lost that is read. */
export async function settleOutput(): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  if (outputFailure !== null) throw cliErrors.error("CLI_OUTPUT_FAILED", { failure: outputFailure });
}

/** Who closed the other end has read enough: no failure. */
function noteFailure(error: NodeJS.ErrnoException): void {
  const code = error.code ?? error.message;
  if (code !== "EPIPE") outputFailure ??= code;
}

function ignore(): void {}
