import { open } from "node:fs/promises";
import { startSha256 } from "@sealane/crypto";
import type { Digest } from "@sealane/wire";
import { readInto, reading } from "../atomic-file.ts";
import { readArchive, requireProgram } from "./read-archive.ts";

/** Bytes that are read at a time; they are new each time, for the archive's reader passes them on. */
const chunkBytes = 256 * 1024;

/**
 * Reads a whole archive as a terminal does before it unpacks it, and writes nothing: what this refuses no terminal would install. Gives
 * the SHA-256 of the bytes that were judged, to be compared with what is sealed.
 *
 * Errors: ARCHIVE_MALFORMED, ARCHIVE_UNSAFE, ARCHIVE_ENTRY_MISSING, FILE_READ_FAILED.
 */
export async function checkArchiveFile(path: string, program: string | null): Promise<{ readonly sha256: Digest }> {
  const whole = startSha256();
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    await using file = await reading(path, () => open(path, "r"));
    for (let at = 0; ; ) {
      const chunk = new Uint8Array(chunkBytes);
      const got = await reading(path, () => readInto(file, chunk, at));
      whole.update(chunk.subarray(0, got));
      if (got > 0) yield chunk.subarray(0, got);
      if (got < chunk.length) return;
      at += got;
    }
  }
  const tree = await readArchive(chunks(), async (entry) => {
    for await (const _ of entry.kind === "file" ? entry.content : []);
  });
  requireProgram(tree, program);
  return { sha256: whole.digest() };
}
