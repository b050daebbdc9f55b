import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { cliErrors, parseFingerprint, parseWholeNumber, stateFolder } from "@sealane/cli";
import { allowedTriples, type Role, type Triple } from "@sealane/link";
import type { Command } from "commander";
import { commandErrors } from "../errors.ts";

/** What `sealane up` is asked to run. */
export interface UpOptions {
  readonly once: boolean;
  /** The software to deliver; null for one of our own: the Node binary that runs this, or something small. */
  readonly file: string | null;
  /** Every mechanism is to be shown: with a small software, so that it does not take long. */
  readonly everyMechanism: boolean;
  readonly triples: readonly Triple[];
  readonly terminals: readonly string[];
  readonly port: number | null;
  readonly trustFingerprint: string | null;
  /** postgres://user@host/database in place of SQLite; null for SQLite. */
  readonly database: string | null;
  readonly state: string;
  /** The state folder is the command's own, and is made anew by each run. */
  readonly ownState: boolean;
}

const maxTerminals = 100;

/** Reads the options of `sealane up`. Errors: UP_OPTION_WRONG, CLI_USAGE_WRONG; a missing file as by `runProgram`. */
export async function readUpOptions(argument: string | undefined, command: Command): Promise<UpOptions> {
  const options = command.opts<{
    file?: string;
    once?: boolean;
    mechanism: string;
    suite: string;
    originator?: Role;
    terminals: string;
    port?: string;
    trustFingerprint?: string;
    database?: string;
    state?: string;
  }>();
  if (options.file !== undefined && argument !== undefined) {
    throw cliErrors.error("CLI_USAGE_WRONG", { option: "--file", expected: "one file, as --file or as the argument" });
  }
  const file = options.file ?? argument ?? null;
  if (file !== null && !(await stat(file)).isFile()) {
    throw commandErrors.error("UP_OPTION_WRONG", { option: "--file", value: file, expected: "a file" });
  }
  const count = parseWholeNumber({ option: "--terminals", text: options.terminals, min: 1, max: maxTerminals });
  const { port, trustFingerprint } = options;
  return {
    once: options.once === true,
    file: file === null ? null : resolve(file),
    everyMechanism: options.mechanism === "all",
    triples: chooseTriples(options),
    terminals: Array.from({ length: count }, (_, i) => `terminal-${i + 1}`),
    port: port === undefined ? null : parseWholeNumber({ option: "--port", text: port, min: 1, max: 65_535 }),
    trustFingerprint: trustFingerprint === undefined ? null : parseFingerprint({ option: "--trust-fingerprint", text: trustFingerprint }),
    database: options.database ?? null,
    state: stateFolder("sealane-up", options.state),
    ownState: options.state === undefined,
  };
}

function chooseTriples(wish: { readonly mechanism: string; readonly suite: string; readonly originator?: Role }): readonly Triple[] {
  const matches = (wanted: string, name: string): boolean => wanted === "all" || wanted === name;
  const chosen = allowedTriples().filter(
    ({ mechanism, suite, originator }) =>
      matches(wish.mechanism, mechanism.name) && matches(wish.suite, suite.name) && (wish.originator ?? originator) === originator,
  );
  if (chosen.length === 0) throw commandErrors.error("UP_OPTION_WRONG", { ...wish, expected: "a line of `sealane mechanisms`" });
  return chosen;
}
