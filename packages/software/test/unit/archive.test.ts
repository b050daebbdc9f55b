import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sha256 } from "@sealane/crypto";
import { type ArchivePart, rewriteHeader, tarOf } from "@sealane/testkit/archives";
import { hasCode } from "@sealane/wire";
import { ArchiveTree } from "../../src/archive/archive-tree.ts";
import { checkArchiveFile, readArchive } from "../../src/archive/index.ts";
import { softwareErrors } from "../../src/index.ts";

const encoder = new TextEncoder();
const code = (expected: string) => (error: unknown) => hasCode(error, expected);

const file = (name: string): ArchivePart => ({ name, content: "x" });
const link = (name: string, linkname: string): ArchivePart => ({ name, type: "symlink", linkname });
const hard = (name: string, linkname: string): ArchivePart => ({ name, type: "link", linkname });

const attacks: Readonly<Record<string, readonly ArchivePart[]>> = {
  "a path with ..": [file("../evil")],
  "a path with .. inside": [file("a/../../evil")],
  "an absolute path": [file("/etc/evil")],
  "an empty part": [file("a//b")],
  "a backslash": [file("a\\..\\evil")],
  "a control character": [file("a\nb")],
  "a part that is too long": [file("a".repeat(256))],
  "a path that is too long": [file(`${"a/".repeat(600)}b`)],
  "the root as a file": [file(".")],
  "an absolute link": [link("a", "/etc/passwd")],
  "a link that leads out": [link("a", "../x")],
  "a link that leads out from a folder": [link("d/a", "../../x")],
  "a link with .. behind a part, which may be a link": [link("a", "."), link("b", "a/../x")],
  "an empty link": [link("a", "")],
  "a file through a link": [link("a", "b"), file("a/evil")],
  "a file below a file": [file("a"), file("a/b")],
  "a path of too many parts": [file(`${"a/".repeat(64)}b`)],
  "a hard link to nothing": [hard("b", "a")],
  "a hard link to a file that comes later": [hard("b", "a"), file("a")],
  "a hard link to itself": [hard("a", "a")],
  "a hard link to a folder": [{ name: "a/", type: "directory" }, hard("b", "a")],
  "a hard link to a folder that is implied": [file("a/c"), hard("b", "a")],
  "a hard link to the root": [file("a"), hard("b", ".")],
  "a hard link to a symbolic link": [file("a"), link("l", "a"), hard("b", "l")],
  "a hard link through a symbolic link": [file("d/a"), link("l", "d"), hard("b", "l/a")],
  "a hard link that leads out": [file("a"), hard("b", "../a")],
  "a hard link that leads out and in again": [file("d/a"), hard("d/b", "../d/a")],
  "an absolute hard link": [hard("b", "/etc/passwd")],
  "an empty hard link": [file("a"), hard("b", "")],
  "a hard link in place of a file": [file("a"), file("b"), hard("b", "a")],
  "a file in place of a hard link": [file("a"), hard("b", "a"), file("b")],
  "a file below a hard link": [file("a"), hard("b", "a"), file("b/c")],
  "more hard links to one file than a file system has": [file("a"), ...Array.from({ length: 1_001 }, (_, i) => hard(`b${i}`, "a"))],
  "a character device": [{ name: "a", type: "character-device", devmajor: 1, devminor: 3 }],
  "a block device": [{ name: "a", type: "block-device", devmajor: 8, devminor: 0 }],
  "a pipe": [{ name: "a", type: "fifo" }],
  "the same file twice": [file("a"), file("a")],
  "the same file twice, written in two ways": [file("a"), file("./a")],
  "a folder in place of a file": [file("a"), { name: "a/", type: "directory" }],
  "a link in place of a folder": [file("a/b"), link("a", "b")],
  "the same folder twice": [
    { name: "a/", type: "directory" },
    { name: "a", type: "directory" },
  ],
  "a sparse file": [{ name: "a", content: "x", pax: { "GNU.sparse.realsize": "5" } }],
};

test("ANY: an archive that would reach outside, or holds anything but files, folders and links to them, is refused", async () => {
  for (const [what, parts] of Object.entries(attacks)) {
    await assert.rejects(read(await tarOf(parts)), code("ARCHIVE_UNSAFE"), what);
  }
});

test("an archive that is cut, compressed or no archive is refused", async () => {
  const tar = await tarOf([file("a"), { name: "b", content: "y".repeat(5_000) }]);
  for (const broken of [tar.subarray(0, 1_500), tar.subarray(0, 1_024 + 512 + 100), encoder.encode("no archive".repeat(200))]) {
    await assert.rejects(read(broken), code("ARCHIVE_MALFORMED"));
  }
});

test("an archive with content where none may be, or with a size that is none, is refused", async () => {
  const folder = await tarOf([{ name: "a/", type: "directory" }, file("b")]);
  const size = (text: string) => (header: Uint8Array) => header.set(encoder.encode(text), 124);
  await assert.rejects(read(rewriteHeader(folder, 0, size("00000001000 "))), code("ARCHIVE_UNSAFE"));
  const hardLink = await tarOf([file("a"), hard("b", "a"), file("c")]);
  await assert.rejects(read(rewriteHeader(hardLink, 1_024, size("00000001000 "))), code("ARCHIVE_UNSAFE"));
  const one = await tarOf([file("a")]);
  await assert.rejects(read(rewriteHeader(one, 0, size("77777777777 "))), code("ARCHIVE_MALFORMED"));
  const negative = rewriteHeader(one, 0, (header) => header.fill(0xff, 124, 136));
  await assert.rejects(read(negative), code("ARCHIVE_MALFORMED"));
  const noNumber = rewriteHeader(one, 0, (header) => header.fill(0xf7, 124, 125));
  await assert.rejects(read(noNumber), code("ARCHIVE_MALFORMED"));
  const oldSparse = rewriteHeader(one, 0, (header) => header.set([0x53], 156));
  await assert.rejects(read(oldSparse), code("ARCHIVE_UNSAFE"));
});

test("an archive of too many entries is refused", () => {
  const tree = new ArchiveTree();
  const add = (): void => {
    for (let i = 0; i <= 200_000; i++) tree.addFile(`f${i}`);
  };
  assert.throws(add, code("ARCHIVE_UNSAFE"));
});

test("names and targets that are harmless are let through", () => {
  const tree = new ArchiveTree();
  assert.equal(tree.addFile("./a/b..c/...d"), "a/b..c/...d");
  assert.equal(tree.addFolder("./"), null);
  assert.equal(tree.addFolder("a/"), "a");
  for (const [name, target] of [
    ["l1", "a"],
    ["x/l2", "../a/b..c"],
    ["x/y/l3", "../.."],
    ["x/l4", "./y"],
    ["x/l5", ".."],
    ["l6", "."],
  ] as const) {
    tree.addLink(name, target);
  }
  assert.equal(tree.find("x/y")?.kind, "folder");
  assert.equal(tree.addFile(`${"d/".repeat(63)}f`).length, 127);
  assert.deepEqual(tree.addHardLink("h1", "./a/b..c/...d"), { path: "h1", target: "a/b..c/...d" });
  assert.deepEqual(tree.addHardLink("x/h2", "h1"), { path: "x/h2", target: "a/b..c/...d" });
});

test("what the source or the reader of an archive throws comes out as it is", async () => {
  const tar = await tarOf([file("a"), { name: "b", content: "y".repeat(50_000) }]);
  const stop = new Error("stop");
  await assert.rejects(
    readArchive(chunksOf(tar, 512), async () => {
      throw Object.assign(stop, { code: "ENOSPC", syscall: "write" });
    }),
    (error) => error === stop,
  );
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield tar.subarray(0, 700);
    throw softwareErrors.error("FILE_READ_FAILED");
  }
  await assert.rejects(
    readArchive(broken(), async () => {}),
    code("FILE_READ_FAILED"),
  );
});

/** Runs work and counts the characters of all keys that maps are asked for: what looking paths up costs. */
function charactersLookedUp(work: () => void): number {
  let characters = 0;
  const { get, set, has } = Map.prototype;
  const count = (key: unknown): void => {
    if (typeof key === "string") characters += key.length;
  };
  Map.prototype.get = function (key) {
    count(key);
    return get.call(this, key);
  };
  Map.prototype.set = function (key, value) {
    count(key);
    return set.call(this, key, value);
  };
  Map.prototype.has = function (key) {
    count(key);
    return has.call(this, key);
  };
  try {
    work();
  } finally {
    Object.assign(Map.prototype, { get, set, has });
  }
  return characters;
}

test("ANY: what a path costs grows with its length and not with its depth times its length", () => {
  const costOf = (depth: number): number => {
    const path = (i: number): string => `${"d/".repeat(depth - 1)}f${i}`;
    const tree = new ArchiveTree();
    let length = 0;
    const cost = charactersLookedUp(() => {
      for (let i = 0; i < 100; i++) length += tree.addFile(path(i)).length;
    });
    return cost / length;
  };
  assert.ok(costOf(64) < 2, `${costOf(64)} characters for each character of a path`);
  assert.ok(costOf(64) <= 2 * costOf(2), "a deep path costs more for each of its characters");
});

test("ANY: folders are given from the inside out, each once, also those that only a path implies", () => {
  const tree = new ArchiveTree();
  for (const name of ["a/b/c", "a/d", "e/f/g/h"]) tree.addFile(name);
  tree.addFolder("a/");
  const folders = [...tree.foldersInsideOut()];
  assert.deepEqual(folders.toSorted(), ["", "a", "a/b", "e", "e/f", "e/f/g"]);
  for (const [i, folder] of folders.entries()) assert.ok(folders.slice(i + 1).every((later) => !later.startsWith(`${folder}/`)));
  assert.equal(folders.at(-1), "");
  assert.equal(tree.size, 8);
});

const programs: readonly (readonly [string, string | null])[] = [
  ["bin/run", "bin/run"],
  ["bin/alias", "bin/run"],
  ["latest", "bin/run"],
  ["bin/up", "bin/run"],
  ["current/run", "bin/run"],
  ["current/alias", "bin/run"],
  ["twice", "bin/run"],
  ["bin", null],
  ["bin/none", null],
  ["none", null],
  ["current", null],
  ["dangling", null],
  ["loop", null],
  ["bin/run/x", null],
];

test("ANY: a program is a file of the archive or a link that leads to one; anything else is refused, by the publisher already", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-archive-"));
  t.after(async () => await rm(folder, { recursive: true }));
  const path = join(folder, "software.tar");
  const tar = await tarOf([
    file("bin/run"),
    hard("bin/alias", "bin/run"),
    link("latest", "bin/run"),
    link("bin/up", "../latest"),
    link("current", "bin"),
    link("twice", "./current/up"),
    link("dangling", "bin/none"),
    link("loop", "loop2"),
    link("loop2", "loop"),
  ]);
  await writeFile(path, tar);
  const tree = await read(tar);
  for (const [program, expected] of programs) {
    assert.equal(tree.resolve(program)?.path ?? null, expected, program);
    if (expected === null) await assert.rejects(checkArchiveFile(path, program), code("ARCHIVE_ENTRY_MISSING"), program);
    else assert.deepEqual((await checkArchiveFile(path, program)).sha256, sha256(tar));
  }
  await checkArchiveFile(path, null);
  await writeFile(path, tar.subarray(0, 1_500));
  await assert.rejects(checkArchiveFile(path, null), code("ARCHIVE_MALFORMED"));
  await writeFile(path, await tarOf([file("a"), file("../b")]));
  await assert.rejects(checkArchiveFile(path, null), code("ARCHIVE_UNSAFE"));
  await assert.rejects(checkArchiveFile(join(folder, "none"), null), code("FILE_READ_FAILED"));
});

async function read(tar: Uint8Array): Promise<ArchiveTree> {
  return await readArchive(chunksOf(tar, 1_000), async (entry) => {
    for await (const _ of entry.kind === "file" ? entry.content : []);
  });
}

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
