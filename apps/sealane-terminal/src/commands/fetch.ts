import { formatBytes, parseWholeNumber, shellWord } from "@sealane/cli";
import type { Role } from "@sealane/link";
import { fetchSoftware } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** Seconds that --wait may name: to eleven days. */
const waitBounds = { min: 0, max: 999_999 };

interface FetchOptions {
  readonly mechanism: string;
  readonly suite: string;
  readonly originator: Role;
  readonly source?: string;
  readonly wait?: string;
  readonly state?: string;
}

/** `sealane-terminal fetch [MODULE]`. */
export async function runFetch(module: string | undefined, command: Command): Promise<void> {
  const { mechanism, suite, originator, source, wait, state } = command.opts<FetchOptions>();
  const { terminal, output, quiesce } = openTerminal(command);
  try {
    const fetched = await fetchSoftware(terminal, {
      mechanism,
      suite,
      originator,
      ...(module === undefined ? {} : { module }),
      ...(source === undefined ? {} : { source }),
      ...(wait === undefined ? {} : { waitSeconds: parseWholeNumber({ option: "--wait", text: wait, ...waitBounds }) }),
    });
    quiesce();
    const { software, link, resumedAtSegment, seconds, wasComplete } = fetched;
    const fields = {
      module: software.module,
      version: software.version,
      sequence: software.sequence,
      artefactId: software.artefactId.toHex(),
      sha256: software.sha256.toHex(),
      mechanism: link.mechanism,
      suite: link.suite,
      originator: link.originator,
      promise: link.promise,
      readers: link.readers,
      bytes: fetched.bytes,
      totalBytes: fetched.totalBytes,
      segments: fetched.segments,
      resumedAtSegment,
      wasComplete,
      seconds,
      licenceExpiresAtSeconds: fetched.licenceExpiresAtSeconds,
    };
    const how = wasComplete
      ? "It was here already, complete"
      : `Fetched ${formatBytes(software.plaintextBytes)} in ${seconds.toFixed(1)} s`;
    const resumed = wasComplete || resumedAtSegment === 0 ? "" : `, going on at segment ${resumedAtSegment}`;
    output.event(
      "fetched",
      fields,
      `${how}${resumed}: ${software.module} ${software.version}, every segment checked.\nNext: sealane-terminal install ${software.module}${state === undefined ? "" : ` --state ${shellWord(state)}`}`,
    );
  } finally {
    quiesce();
  }
}
