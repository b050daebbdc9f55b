import type { SoftwareClass, SoftwareDescription, SoftwareFormat } from "@sealane/software";
import type { ArtefactFacts } from "../content/facts.ts";
import { requireBytes } from "../own-arguments.ts";

/** What a release and a licence say of a software: give both the same, or they do not belong together. */
export interface SoftwareInput {
  readonly artefact: ArtefactFacts;
  /** What it is called: 1 to 64 of `a-z 0-9 . _ -`. */
  readonly module: string;
  /** For people: 1 to 64 printable ASCII characters. */
  readonly version: string;
  /** Which version is newer: a higher number. */
  readonly sequence: number;
  /** Models of terminals that it is for; none means all. */
  readonly models?: readonly string[];
  /** `content` unless told. */
  readonly softwareClass?: SoftwareClass;
  /** `file` unless told. */
  readonly format?: SoftwareFormat;
  /** The program inside it: a relative path; none unless told. */
  readonly entry?: string;
}

/** The same as it is signed. Error: LIBRARY_ARGUMENT_WRONG. */
export function descriptionOf(input: SoftwareInput): SoftwareDescription {
  requireBytes("artefact.artefactId", input.artefact?.artefactId);
  const { artefactId, listDigest, sha256, plaintextBytes, segmentBytes } = input.artefact;
  return {
    ...{ artefactId, listDigest, sha256, plaintextBytes, segmentBytes },
    module: input.module,
    version: input.version,
    sequence: input.sequence,
    models: input.models ?? [],
    softwareClass: input.softwareClass ?? "content",
    format: input.format ?? "file",
    entry: input.entry ?? null,
  };
}
