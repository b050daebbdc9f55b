import { parseWholeNumber } from "@sealane/cli";
import type { Role } from "@sealane/link";
import { type FetchInput, fetchKey, fetchSoftware } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";
import { reportFetched, reportKey } from "../report-fetched.ts";

/** Seconds that --wait may name: to eleven days. */
export const waitBounds = { min: 0, max: 999_999 };

interface FetchOptions {
  readonly mechanism?: string;
  readonly suite?: string;
  readonly originator: Role;
  readonly source?: string;
  readonly wait?: string;
  readonly keyOnly?: boolean;
  readonly state?: string;
}

/** `sealane-terminal fetch [MODULE]`. */
export async function runFetch(module: string | undefined, command: Command): Promise<void> {
  const { mechanism, suite, originator, source, wait, keyOnly = false, state } = command.opts<FetchOptions>();
  const { terminal, output, quiesce } = openTerminal(command);
  const input: FetchInput = {
    ...(mechanism === undefined ? {} : { mechanism }),
    ...(suite === undefined ? {} : { suite }),
    originator,
    ...(module === undefined ? {} : { module }),
    ...(source === undefined ? {} : { source }),
    ...(wait === undefined ? {} : { waitSeconds: parseWholeNumber({ option: "--wait", text: wait, ...waitBounds }) }),
  };
  try {
    if (keyOnly) {
      const fetched = await fetchKey(terminal, input);
      quiesce();
      reportKey(output, fetched, state);
    } else {
      const fetched = await fetchSoftware(terminal, input);
      quiesce();
      reportFetched(output, fetched, state);
    }
  } finally {
    quiesce();
  }
}
