import { parseWholeNumber, shellWord } from "@sealane/cli";
import type { Role } from "@sealane/link";
import {
  type Fetched,
  type FetchedKey,
  type FetchInput,
  fetchAll,
  fetchAllKeys,
  fetchKey,
  fetchSoftware,
  type Terminal,
} from "@sealane/terminal";
import type { Command } from "commander";
import { type OpenTerminal, openTerminal } from "../open-terminal.ts";
import { type Done, reportAll } from "../report-all.ts";
import { reportFetched, reportKey, sayNext } from "../report-fetched.ts";

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
    if (module === undefined) await fetchEverything({ output, quiesce }, { terminal, input, keyOnly, state });
    else if (keyOnly) {
      const fetched = await fetchKey(terminal, input);
      quiesce();
      reportKey(output, fetched, state);
    } else {
      const fetched = await fetchSoftware(terminal, input);
      quiesce();
      reportFetched(output, fetched);
      sayNext(output, "install", fetched.software, state);
    }
  } finally {
    quiesce();
  }
}

/** Whatever is for this terminal, or the licences and content keys of it. */
async function fetchEverything(
  { output, quiesce }: Pick<OpenTerminal, "output" | "quiesce">,
  wish: { readonly terminal: Terminal; readonly input: FetchInput; readonly keyOnly: boolean; readonly state: string | undefined },
): Promise<void> {
  const { terminal, input, keyOnly, state } = wish;
  if (keyOnly) {
    const report = (fetched: FetchedKey): Done => {
      quiesce();
      reportKey(output, fetched, state);
      return { software: fetched.software, result: fetched.wasComplete ? "here already" : "key fetched" };
    };
    await reportAll(output, { command: "fetch", each: fetchAllKeys(terminal, input), report, next: null });
    return;
  }
  const report = (fetched: Fetched): Done => {
    quiesce();
    reportFetched(output, fetched);
    return { software: fetched.software, result: fetched.wasComplete ? "here already" : "fetched" };
  };
  const next = ["sealane-terminal", "install", ...(state === undefined ? [] : ["--state", state])].map(shellWord).join(" ");
  await reportAll(output, { command: "fetch", each: fetchAll(terminal, input), report, next });
}
