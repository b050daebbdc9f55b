import assert from "node:assert/strict";
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { concatBytes } from "@sealane/wire";
import { openFile, readArtefactHeader } from "../../src/open-file.ts";
import { sealBytes } from "../../src/seal.ts";
import { type Progress, type SealFileOptions, sealFile } from "../../src/seal-file.ts";
import { patternBytes, seededRandom } from "../seeded-random.ts";

const segmentBytes = 65_536;
async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

describe("files", () => {
  let folder: string;
  let source: string;
  let target: string;
  let opened: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sealane-seal-"));
    source = join(folder, "source");
    target = join(folder, "target");
    opened = join(folder, "opened");
  });
  afterEach(async () => {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
  });
  after(async () => await rm(folder, { recursive: true }));

  function options(extra: Partial<SealFileOptions> = {}): SealFileOptions {
    return { source, target, segmentBytes, random: seededRandom("file"), ...extra };
  }

  describe("a file that is sealed", () => {
    for (const plaintextBytes of [0, 1, segmentBytes - 1, segmentBytes, segmentBytes + 1, 5 * segmentBytes + 17]) {
      test(`ANY: is the same from a path, a stream and memory, and opens again (${plaintextBytes} bytes)`, async () => {
        const plaintext = patternBytes(plaintextBytes);
        await writeFile(source, plaintext);
        const { artefact, sealed } = sealBytes(plaintext, { segmentBytes, random: seededRandom("file") });
        assert.deepEqual((await sealFile(options())).artefactId, sealed.artefactId);
        assert.equal(Buffer.compare(await readFile(target), artefact), 0);
        await rm(target);
        await sealFile(options({ source: inPieces(plaintext, 10_000) }));
        assert.equal(Buffer.compare(await readFile(target), artefact), 0);
        await openFile({ source: target, target: opened, contentKey: sealed.contentKey, expected: sealed });
        assert.equal(Buffer.compare(await readFile(opened), plaintext), 0);
        assert.deepEqual((await readdir(folder)).sort(), ["opened", "source", "target"]);
      });
    }

    test("tells how far it is, to the end", async () => {
      await writeFile(source, patternBytes(2 * segmentBytes + 1));
      const seen: Progress[] = [];
      const sealed = await sealFile(options({ onProgress: (progress) => void seen.push(progress) }));
      const totalBytes = 2 * segmentBytes + 1;
      const expected = [segmentBytes, 2 * segmentBytes, totalBytes].map((doneBytes) => ({ doneBytes, totalBytes }));
      assert.deepEqual(seen, expected);
      seen.length = 0;
      const { contentKey } = sealed;
      await openFile({ source: target, target: opened, contentKey, expected: sealed, onProgress: (progress) => void seen.push(progress) });
      assert.deepEqual(seen, expected);
    });

    test("replaces an earlier target whole, with the mode that was asked for", async () => {
      await writeFile(source, patternBytes(10));
      await writeFile(target, new Uint8Array(1_000_000));
      const sealed = await sealFile(options());
      assert.equal((await stat(target)).size, sealed.fileBytes);
      await openFile({ source: target, target: opened, contentKey: sealed.contentKey, expected: sealed, mode: 0o750 });
      if (process.platform !== "win32") assert.equal((await stat(opened)).mode & 0o777, 0o750);
    });
  });

  describe("sealing leaves nothing behind", () => {
    const changes: readonly (readonly [title: string, change: () => void])[] = [
      ["grows", () => appendFileSync(source, "x")],
      ["shrinks", () => truncateSync(source, segmentBytes)],
      ["is emptied", () => truncateSync(source, 0)],
      ["is rewritten at the same size", () => writeFileSync(source, patternBytes(8 * segmentBytes, 7))],
    ];
    for (const [title, change] of changes) {
      test(`when the source ${title} meanwhile`, async () => {
        await writeFile(source, patternBytes(8 * segmentBytes));
        let changed = false;
        const onProgress = (): void => {
          if (!changed) change();
          changed = true;
        };
        await assert.rejects(sealFile(options({ onProgress })), { code: "ARTEFACT_SOURCE_CHANGED" });
        assert.deepEqual(await readdir(folder), ["source"]);
      });
    }

    test("when the stream fails", async () => {
      async function* failing(): AsyncIterable<Uint8Array> {
        yield new Uint8Array(100_000);
        throw new RangeError("the stream's own");
      }
      await assert.rejects(sealFile(options({ source: failing() })), RangeError);
      assert.deepEqual(await readdir(folder), []);
    });

    test("when it is ended from outside", async () => {
      await writeFile(source, patternBytes(8 * segmentBytes));
      const controller = new AbortController();
      const { signal } = controller;
      await assert.rejects(sealFile(options({ signal, onProgress: () => controller.abort() })), { name: "AbortError" });
      assert.deepEqual(await readdir(folder), ["source"]);
    });

    test("when the target cannot be put in its place", async () => {
      await writeFile(source, patternBytes(10));
      await mkdir(join(target, "inside"), { recursive: true });
      await assert.rejects(sealFile(options()), { code: "FILE_WRITE_FAILED" });
      assert.deepEqual((await readdir(folder)).sort(), ["source", "target"]);
    });

    test("when there is no source, or it is a folder", async () => {
      await assert.rejects(sealFile(options()), { code: "FILE_READ_FAILED" });
      await mkdir(source);
      await assert.rejects(sealFile(options()), { code: "FILE_READ_FAILED" });
      assert.deepEqual(await readdir(folder), ["source"]);
    });

    test("when the segment size is wrong, before the stream is read", async () => {
      async function* unread(): AsyncIterable<Uint8Array> {
        yield assert.fail("was read");
      }
      await assert.rejects(sealFile(options({ source: unread(), segmentBytes: 1 })), { code: "ARTEFACT_SEGMENT_SIZE_WRONG" });
    });
  });

  describe("opening a file leaves nothing behind", () => {
    test("STREAM: when any segment is wrong, or bytes are missing or follow", async () => {
      const plaintext = patternBytes(2 * segmentBytes + 1);
      const { artefact, sealed } = sealBytes(plaintext, { segmentBytes });
      const rows = [
        ["ARTEFACT_SEGMENT_WRONG", (bytes: Uint8Array) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1)],
        ["ARTEFACT_TRUNCATED", (bytes: Uint8Array) => bytes.subarray(0, -1)],
        ["ARTEFACT_TRUNCATED", (bytes: Uint8Array) => bytes.subarray(0, 100)],
        ["ARTEFACT_TRAILING_BYTES", (bytes: Uint8Array) => concatBytes(bytes, new Uint8Array(1))],
        ["ARTEFACT_FORMAT_WRONG", (bytes: Uint8Array) => bytes.with(0, 0)],
      ] as const;
      for (const [code, change] of rows) {
        await writeFile(source, change(artefact));
        const { contentKey } = sealed;
        await assert.rejects(openFile({ source, target: opened, contentKey, expected: sealed }), { code });
        assert.deepEqual(await readdir(folder), ["source"]);
      }
    });

    test("the header alone can be read from a file", async () => {
      const { artefact } = sealBytes(patternBytes(5));
      await writeFile(source, artefact);
      assert.equal(Buffer.compare(await readArtefactHeader(source), artefact.subarray(0, 178)), 0);
    });
  });
});
