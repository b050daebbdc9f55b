import { SealaneError } from "@sealane/wire";

/** What one check of `doctor` found. */
export interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do about a fault, and of what ends soon. */
  readonly advice?: string;
}

/** A check that ended with an error of ours; any other error is thrown. */
export function faultOf(check: string, error: unknown): Finding {
  if (!(error instanceof SealaneError)) throw error;
  const { code, message, entry } = error;
  return { check, ok: false, found: `${code}: ${message}`, advice: entry.advice };
}
