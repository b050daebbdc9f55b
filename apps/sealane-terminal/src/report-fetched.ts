import { commandLine, type EventFields, formatBytes, formatTime, type Output } from "@sealane/cli";
import type { Fetched, FetchedKey } from "@sealane/terminal";

/** Says what was fetched. */
export function reportFetched(output: Output, fetched: Fetched): void {
  const { software, bytes, totalBytes, segments, resumedAtSegment, seconds, wasComplete } = fetched;
  const how = wasComplete ? "It was here already, complete" : `Fetched ${formatBytes(software.plaintextBytes)} in ${seconds.toFixed(1)} s`;
  const resumed = wasComplete || resumedAtSegment === 0 ? "" : `, going on at segment ${resumedAtSegment}`;
  output.event(
    "fetched",
    { ...fieldsOf(fetched), bytes, totalBytes, segments, resumedAtSegment, wasComplete, seconds },
    `${how}${resumed}: ${software.module} ${software.version}, every segment checked.`,
  );
}

/** `Next: …`, with the same state folder. */
export function sayNext(output: Output, command: string, { module }: Fetched["software"], state: string | undefined): void {
  output.say(next(command, module, state));
}

/** Says what is there and what is awaited (WAIT). */
export function reportKey(output: Output, fetched: FetchedKey, state: string | undefined): void {
  const { software, licenceExpiresAtSeconds, keyExpiresAtSeconds, wasComplete } = fetched;
  const { module, version, artefactId, plaintextBytes } = software;
  const until = formatTime(Math.min(licenceExpiresAtSeconds, keyExpiresAtSeconds ?? licenceExpiresAtSeconds));
  const words = wasComplete
    ? `Nothing is awaited: ${module} ${version} is here already, complete.\n${next("install", module, state)}`
    : `Here: the licence and the content key of ${module} ${version}, good until ${until}.\n` +
      `Awaited, by any way: the software (${formatBytes(plaintextBytes)}, artefact ${artefactId.toHex()}).\n` +
      next("fetch", module, state, ["--source", "FILE"]);
  const there = ["licence", "content key", ...(wasComplete ? ["software"] : [])];
  output.event("key-fetched", { ...fieldsOf(fetched), there, awaited: wasComplete ? [] : ["software"] }, words);
}

function next(command: string, module: string, state: string | undefined, options: readonly string[] = []): string {
  return `Next: ${commandLine(`sealane-terminal ${command}`, module, [...options, ...(state === undefined ? [] : ["--state", state])])}`;
}

function fieldsOf({ software, link, licenceExpiresAtSeconds, keyExpiresAtSeconds }: FetchedKey): EventFields {
  return {
    module: software.module,
    version: software.version,
    sequence: software.sequence,
    artefactId: software.artefactId.toHex(),
    sha256: software.sha256.toHex(),
    mechanism: link.mechanism,
    suite: link.suite,
    originator: link.originator,
    trust: link.trust,
    server: link.server,
    promise: link.promise,
    readers: link.readers,
    licenceExpiresAtSeconds,
    keyExpiresAtSeconds,
  };
}
