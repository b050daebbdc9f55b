import { test } from "node:test";
import { rewriteHeader, tarOf } from "@sealane/testkit/archives";
import { type FuzzTarget, fuzz, fuzzEffort } from "@sealane/testkit/fuzz";
import { type ArchiveEntry, readArchive } from "../../src/archive/index.ts";

const blockBytes = 512;

/** A checksum is no hindrance to whoever makes an archive: headers that still look like ones get the right one again. */
function repaired(archive: Uint8Array): Uint8Array {
  let tar = archive;
  for (let at = 0; at + blockBytes <= tar.length; at += blockBytes) {
    const magic = Buffer.from(tar.subarray(at + 257, at + 262)).toString("latin1");
    if (magic === "ustar") tar = rewriteHeader(tar, at, () => {});
  }
  return tar;
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

/** What no entry may do that is let through, whatever the archive said. */
async function requireSafe(entry: ArchiveEntry, files: Set<string>): Promise<void> {
  const parts = entry.path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) throw new Error(`unsafe path let through: ${entry.path}`);
  if (entry.kind === "link" && entry.target.startsWith("/")) throw new Error(`absolute link let through: ${entry.target}`);
  if (entry.kind === "hard link" && !files.has(entry.target))
    throw new Error(`hard link to no file before it let through: ${entry.target}`);
  if (entry.kind !== "file") return;
  files.add(entry.path);
  let bytes = 0;
  for await (const piece of entry.content) bytes += piece.length;
  if (bytes !== entry.bytes) throw new Error(`${bytes} bytes of content where ${entry.bytes} were announced`);
}

test("PERMIT: a changed archive is refused by a listed code, or gives only entries that stay below its root", async () => {
  const target: FuzzTarget = {
    name: "archive",
    corpus: [
      await tarOf([
        { name: "bin", type: "directory" },
        { name: "bin/app", content: "#!/bin/sh\necho 1\n", mode: 0o755 },
        { name: "bin/latest", type: "symlink", linkname: "app" },
        { name: "bin/alias", type: "link", linkname: "bin/app" },
        { name: `${"long/".repeat(30)}name`, content: new Uint8Array(1_500) },
      ]),
      await tarOf([
        { name: "a", content: "x", pax: { comment: "y", path: "b/c" } },
        { name: "d", content: "" },
      ]),
    ],
    async feed(input) {
      const files = new Set<string>();
      await readArchive(inPieces(repaired(input)), async (entry) => await requireSafe(entry, files));
    },
  };
  const { runs, codes, slowestMilliseconds } = await fuzz(target, fuzzEffort(1_000));
  process.stdout.write(`archive: ${runs} inputs, ${JSON.stringify([...codes])}, slowest ${slowestMilliseconds.toFixed(0)} ms\n`);
});
