import {
  type ArtefactId,
  artefactId,
  bytesAs,
  type Codec,
  type Digest,
  digest,
  listOf,
  nullable,
  oneOf,
  tuple,
  uint,
  wireErrors,
} from "@sealane/wire";
import { layoutOf } from "./artefact-format.ts";
import { maxEntryBytes, maxModels, maxSegmentBytes, maxSegments, maxWordBytes } from "./limits.ts";

/** What a software is to the device, by which policy judges who may deliver it and how. */
export const softwareClasses = ["system", "application", "content"] as const;
/** One of {@link softwareClasses}. */
export type SoftwareClass = (typeof softwareClasses)[number];

/** How the plaintext is to be installed: as one file, or unpacked. */
export const softwareFormats = ["file", "tar"] as const;
/** One of {@link softwareFormats}. */
export type SoftwareFormat = (typeof softwareFormats)[number];

/** One version of one software, as licences and releases name it (docs/protocol.md, sealed artefact). */
export interface SoftwareDescription {
  /** 1 to 64 of `[a-z0-9._-]`, but for `.` and `..`: it is a folder's name. */
  readonly module: string;
  /** For people: 1 to 64 printable ASCII characters. */
  readonly version: string;
  /** Which version is newer: a higher number. */
  readonly sequence: number;
  /** Models of terminals that it is for; none means that it does not depend on the model (a film, a ticket). */
  readonly models: readonly string[];
  readonly softwareClass: SoftwareClass;
  readonly format: SoftwareFormat;
  /** The program inside it: a relative path that stays inside; null where nothing is to be run. */
  readonly entry: string | null;
  readonly artefactId: ArtefactId;
  /** The software's hash: SHA-256 of the list of its segments' SHA-256. */
  readonly listDigest: Digest;
  /** SHA-256 of the plaintext as a whole, as people compare it. */
  readonly sha256: Digest;
  readonly plaintextBytes: number;
  readonly segmentBytes: number;
}

const printable = matching(new RegExp(`^(?! )[ -~]{1,${maxWordBytes}}(?<! )$`), `1 to ${maxWordBytes} printable ASCII characters`);

const fields: Codec<SoftwareDescription> = tuple<SoftwareDescription>({
  module: matching(new RegExp(`^(?!\\.{1,2}$)[a-z0-9._-]{1,${maxWordBytes}}$`), `1 to ${maxWordBytes} of a-z 0-9 . _ -, not . or ..`),
  version: printable,
  sequence: uint(),
  models: listOf(printable, { max: maxModels }),
  softwareClass: oneOf(softwareClasses),
  format: oneOf(softwareFormats),
  entry: nullable(pathInside()),
  artefactId: bytesAs(artefactId),
  listDigest: bytesAs(digest),
  sha256: bytesAs(digest),
  plaintextBytes: uint(maxSegments * maxSegmentBytes),
  segmentBytes: uint(maxSegmentBytes),
});

/** Travels as an array in the order of {@link SoftwareDescription}. Error: WIRE_SHAPE_WRONG, also for sizes that no artefact has. */
export const softwareDescriptionCodec: Codec<SoftwareDescription> = {
  toCbor: (value) => fields.toCbor(value),
  fromCbor(value, field) {
    const description = fields.fromCbor(value, field);
    try {
      layoutOf(description);
    } catch (cause) {
      throw wireErrors.error("WIRE_SHAPE_WRONG", { field: `${field}.segmentBytes`, expected: "the sizes of an artefact" }, cause);
    }
    return description;
  },
};

function matching(pattern: RegExp, expected: string): Codec<string> {
  return textThat((value) => pattern.test(value), expected);
}

/** A relative path with `/` that names nothing outside its folder on any system: no `..`, drive, backslash or control character. */
function pathInside(): Codec<string> {
  const part = /^(?!\.{1,2}$)[^/\\:\p{Cc}]+$/u;
  const isShort = (value: string): boolean => new TextEncoder().encode(value).length <= maxEntryBytes;
  return textThat((value) => isShort(value) && value.split("/").every((each) => part.test(each)), "a relative path that stays inside");
}

function textThat(test: (value: string) => boolean, expected: string): Codec<string> {
  return {
    toCbor: (value) => value,
    fromCbor(value, field) {
      if (typeof value !== "string" || !test(value)) throw wireErrors.error("WIRE_SHAPE_WRONG", { field, expected });
      return value;
    },
  };
}
