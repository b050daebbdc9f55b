import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readArchive } from "../../src/archive.ts";
import { ArchiveTree } from "../../src/archive-tree.ts";
import { install, terminalErrors } from "../../src/index.ts";
import { type ArchivePart, rewriteHeader, tarOf } from "../double/archives.ts";
import { code } from "../double/codes.ts";
import { TestTerminal } from "../double/test-terminal.ts";

const encoder = new TextEncoder();

/** Installs an archive that must be refused, and looks that nothing of it is left anywhere. */
async function refused(t: Parameters<typeof TestTerminal.create>[0], content: Uint8Array, expected: string): Promise<void> {
  const world = await TestTerminal.create(t);
  await world.stage({ sequence: 1, content: encoder.encode("old") });
  await install(world.terminal);
  await world.stage({ sequence: 2, format: "tar", entry: null, content });
  await assert.rejects(install(world.terminal), code(expected));
  const module = world.terminal.folder.module("hmi");
  assert.deepEqual(await readdir(module.slots), ["1"]);
  assert.equal(await readFile(join(module.current, "software", "hmi"), "utf8"), "old");
  assert.deepEqual(
    (await readdir(join(world.terminal.folder.path, ".."))).filter((name) => name !== "state"),
    [],
  );
}

const file = (name: string): ArchivePart => ({ name, content: "x" });
const link = (name: string, linkname: string): ArchivePart => ({ name, type: "symlink", linkname });

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
  "a hard link": [file("a"), { name: "b", type: "link", linkname: "a" }],
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

test("ANY: an archive that would reach outside, or holds anything but files, folders and links, is refused", async () => {
  for (const [what, parts] of Object.entries(attacks)) {
    await assert.rejects(read(await tarOf(parts)), code("TERMINAL_ARCHIVE_UNSAFE"), what);
  }
});

test("ANY: a refused archive leaves nothing, and the version before is in use", async (t) => {
  await refused(t, await tarOf([file("a/b"), file("../evil")]), "TERMINAL_ARCHIVE_UNSAFE");
  await refused(t, (await tarOf([file("a/b"), file("c")])).subarray(0, 2_000), "TERMINAL_ARCHIVE_MALFORMED");
});

test("an archive that is cut, compressed or no archive is refused", async () => {
  const tar = await tarOf([file("a"), { name: "b", content: "y".repeat(5_000) }]);
  for (const broken of [tar.subarray(0, 1_500), tar.subarray(0, 1_024 + 512 + 100), encoder.encode("no archive".repeat(200))]) {
    await assert.rejects(read(broken), code("TERMINAL_ARCHIVE_MALFORMED"));
  }
});

test("an archive with content where none may be, or with a size that is none, is refused", async () => {
  const folder = await tarOf([{ name: "a/", type: "directory" }, file("b")]);
  const size = (text: string) => (header: Uint8Array) => header.set(encoder.encode(text), 124);
  await assert.rejects(read(rewriteHeader(folder, 0, size("00000001000 "))), code("TERMINAL_ARCHIVE_UNSAFE"));
  const one = await tarOf([file("a")]);
  await assert.rejects(read(rewriteHeader(one, 0, size("77777777777 "))), code("TERMINAL_ARCHIVE_MALFORMED"));
  const negative = rewriteHeader(one, 0, (header) => header.fill(0xff, 124, 136));
  await assert.rejects(read(negative), code("TERMINAL_ARCHIVE_MALFORMED"));
  const noNumber = rewriteHeader(one, 0, (header) => header.fill(0xf7, 124, 125));
  await assert.rejects(read(noNumber), code("TERMINAL_ARCHIVE_MALFORMED"));
  const oldSparse = rewriteHeader(one, 0, (header) => header.set([0x53], 156));
  await assert.rejects(read(oldSparse), code("TERMINAL_ARCHIVE_UNSAFE"));
});

test("an archive of too many entries is refused", () => {
  const tree = new ArchiveTree();
  const add = (): void => {
    for (let i = 0; i <= 200_000; i++) tree.addFile(`f${i}`);
  };
  assert.throws(add, code("TERMINAL_ARCHIVE_UNSAFE"));
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
  assert.equal(tree.nodes.get("x/y"), "implied folder");
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
    throw terminalErrors.error("TERMINAL_SOFTWARE_CHANGED");
  }
  await assert.rejects(
    readArchive(broken(), async () => {}),
    code("TERMINAL_SOFTWARE_CHANGED"),
  );
});

async function read(tar: Uint8Array): Promise<ArchiveTree> {
  return await readArchive(chunksOf(tar, 1_000), async (entry) => {
    for await (const _ of entry.kind === "file" ? entry.content : []);
  });
}

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
