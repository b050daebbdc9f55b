import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { SealaneError } from "@sealane/wire";
import { extract, type Header } from "tar-stream";
import { systemReason } from "../atomic-file.ts";
import { softwareErrors } from "../errors.ts";
import { ArchiveTree, unsafe } from "./archive-tree.ts";

/** One entry of an archive that may be installed. */
export type ArchiveEntry =
  | {
      readonly kind: "file";
      readonly path: string;
      /** Permission bits, without set-user-id and the like. */
      readonly mode: number;
      readonly bytes: number;
      /** Where its content begins in the archive. */
      readonly offset: number;
      /** Must be read to its end. */
      readonly content: AsyncIterable<Uint8Array>;
    }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
      /** Another name of a file that was given before. */
      readonly kind: "hard link";
      readonly path: string;
      /** That file's path. */
      readonly target: string;
    };

export type OnEntry = (entry: ArchiveEntry) => Promise<void>;

/**
 * Reads a tar archive (ustar, GNU, pax; not compressed) and gives its entries one after the other, each checked before it is given.
 * Only plain files, folders, symbolic links and hard links to files before them are let through; see {@link ArchiveTree} for paths.
 *
 * Errors: ARCHIVE_MALFORMED; ARCHIVE_UNSAFE; what `source` and `onEntry` throw.
 */
export async function readArchive(source: AsyncIterable<Uint8Array>, onEntry: OnEntry): Promise<ArchiveTree> {
  const tree = new ArchiveTree();
  const parser = extract();
  let parsing: unknown;
  let reading: unknown;
  const feeding = pipeline(Readable.from(source, { objectMode: false }), parser).catch((fault: unknown) => {
    parsing = reasonOf(fault);
  });
  try {
    for await (const stream of parser) {
      try {
        const entry = entryOf(stream.header, { tree, content: bytesIn(stream) });
        if (entry !== null) await onEntry(entry);
      } catch (fault) {
        reading = fault;
        throw fault;
      }
      stream.resume();
    }
  } catch {
    parser.destroy(); // what was thrown is noted, here or by the feeding
  }
  await feeding;
  if (reading !== undefined) throw reading;
  if (parsing !== undefined) throw parsing;
  return tree;
}

/**
 * Refuses a program that is no file of the archive and no link that leads to one; null names none.
 * Error: ARCHIVE_ENTRY_MISSING.
 */
export function requireProgram(tree: ArchiveTree, program: string | null): void {
  if (program !== null && tree.resolve(program) === null) throw softwareErrors.error("ARCHIVE_ENTRY_MISSING", { entry: program });
}

/** What the source threw, or what the parser says of the bytes. */
function reasonOf(fault: unknown): unknown {
  if (fault instanceof SealaneError || systemReason(fault) !== null) return fault;
  return softwareErrors.error("ARCHIVE_MALFORMED", {}, fault);
}

function entryOf(header: Header, given: { readonly tree: ArchiveTree; readonly content: AsyncIterable<Uint8Array> }): ArchiveEntry | null {
  const { tree, content } = given;
  const { name, type, mode, size } = header;
  // The parser gives null for a size that is no number, and then waits for content for ever.
  if (!Number.isSafeInteger(size)) throw softwareErrors.error("ARCHIVE_MALFORMED");
  if (isSparse(header)) throw unsafe(name, "sparse");
  if (type === "file") {
    return { kind: "file", path: tree.addFile(name), mode: mode & 0o777, bytes: size, offset: offsetOf(header), content };
  }
  if (size !== 0) throw unsafe(name, "content");
  if (type === "symlink") {
    const target = header.linkname ?? ""; // null where the archive has none, whatever the type says
    return { kind: "link", path: tree.addLink(name, target), target };
  }
  if (type === "link") return { kind: "hard link", ...tree.addHardLink(name, header.linkname ?? "") };
  if (type !== "directory") throw unsafe(name, String(type));
  const path = tree.addFolder(name);
  return path === null ? null : { kind: "folder", path };
}

async function* bytesIn(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk;
  } catch (fault) {
    throw reasonOf(fault);
  }
}

/** Its content is not what stands in the archive (GNU tar, `--sparse`). */
function isSparse(header: Header): boolean {
  const pax = "pax" in header ? header.pax : null;
  return typeof pax === "object" && pax !== null && Object.keys(pax).some((key) => key.startsWith("GNU.sparse"));
}

/** tar-stream gives it and its types do not say so. */
function offsetOf(header: Header): number {
  if (!("byteOffset" in header) || typeof header.byteOffset !== "number") throw softwareErrors.error("ARCHIVE_MALFORMED");
  return header.byteOffset;
}
