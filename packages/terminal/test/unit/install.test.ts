import assert from "node:assert/strict";
import { chmod, lstat, readdir, readFile, readlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sha256 } from "@sealane/crypto";
import { softwareDescriptionCodec } from "@sealane/software";
import { digest, encodeAs, parseName } from "@sealane/wire";
import { loadState, saveState } from "../../src/disk.ts";
import { downloadRecordFile } from "../../src/download-record.ts";
import { loadTrust } from "../../src/identity.ts";
import { install, rollback, status } from "../../src/index.ts";
import { verifyInstalled } from "../../src/installed-check.ts";
import { tidyKept } from "../../src/kept-records.ts";
import { removeTree } from "../../src/remove-tree.ts";
import { proveSlot } from "../../src/slot.ts";
import { type ArchivePart, tarOf } from "../double/archives.ts";
import { code } from "../double/codes.ts";
import { TestTerminal } from "../double/test-terminal.ts";

const program = new TextEncoder().encode("#!/bin/sh\nexit 0\n");

const parts: readonly ArchivePart[] = [
  { name: "./", type: "directory" },
  { name: "./bin/", type: "directory", mode: 0o755 },
  { name: "./bin/run", mode: 0o6755, content: program },
  { name: "./share/data.txt", mode: 0o666, content: "data" },
  { name: "./share/empty", content: "" },
  { name: "./latest", type: "symlink", linkname: "share/data.txt" },
  { name: `./${"deep/".repeat(30)}leaf`, content: "x".repeat(70_000) },
];

test("ANY KREP: one file is installed read-only under its module's name, and staging and content key are gone", async (t) => {
  const world = await TestTerminal.create(t);
  const { folder, description } = await world.stage({ content: program });
  const done = await install(world.terminal);
  assert.equal(done.stoppedBefore, null);
  assert.equal(done.previous, null);
  assert.deepEqual(encodeAs(softwareDescriptionCodec, done.software), encodeAs(softwareDescriptionCodec, description));
  const installed = join(done.path, "hmi");
  assert.deepEqual(await readFile(installed), Buffer.from(program));
  assert.equal((await lstat(installed)).mode & 0o7777, 0o555);
  assert.equal((await lstat(done.path)).mode & 0o7777, 0o555);
  await assert.rejects(lstat(folder.path), { code: "ENOENT" });
  assert.equal(await readlink(world.terminal.folder.module("hmi").current), "slots/1");
});

test("ANY: modes of what is installed do not depend on the caller's umask", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({ content: program });
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const { path } = await install(world.terminal);
  const module = world.terminal.folder.module("hmi");
  const folders = [world.terminal.folder.modules, module.path, module.slots, join(path, ".."), path, join(path, "hmi")];
  const modes = await Promise.all(folders.map(async (each) => (await lstat(each)).mode & 0o777));
  assert.deepEqual(modes, [0o755, 0o755, 0o755, 0o755, 0o555, 0o555]);
});

test("ANY: content without an entry is not executable", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({ module: "film", entry: null, softwareClass: "content", content: new Uint8Array(200_000) });
  const done = await install(world.terminal);
  assert.equal((await lstat(join(done.path, "film"))).mode & 0o7777, 0o444);
});

test("PERMIT ANY: what an archive lets only its owner read is installed for the user that runs it, and older slots stay valid", async (t) => {
  const world = await TestTerminal.create(t);
  const content = await tarOf([
    { name: "bin/run", mode: 0o700, content: program },
    { name: "bin/tool", mode: 0o710, content: program },
    { name: "data", mode: 0o600, content: "data" },
  ]);
  await world.stage({ format: "tar", entry: "bin/run", content });
  const { path } = await install(world.terminal);
  const modes = await Promise.all(["bin/run", "bin/tool", "data"].map(async (name) => (await lstat(join(path, name))).mode & 0o7777));
  assert.deepEqual(modes, [0o555, 0o555, 0o444]);
  const former: readonly (readonly [string, number])[] = [
    ["bin/tool", 0o510],
    ["data", 0o400],
  ];
  for (const [name, mode] of former) await chmod(join(path, name), mode);
  const { terminal } = world;
  const folder = terminal.folder.module("hmi").slot(1);
  const { licence } = await proveSlot(folder, { terminal, trust: await loadTrust(terminal), module: "hmi", sequence: 1 });
  await verifyInstalled(folder, licence, () => {});
  await chmod(join(path, "data"), 0o440);
  await assert.rejects(
    verifyInstalled(folder, licence, () => {}),
    code("TERMINAL_SOFTWARE_CHANGED"),
  );
});

test("ANY: an archive is unpacked with files, folders and links, without set-user-id and without writing", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({ format: "tar", entry: "bin/run", content: await tarOf(parts) });
  const { path } = await install(world.terminal);
  const modeOf = async (name: string): Promise<number> => (await lstat(join(path, name))).mode & 0o7777;
  assert.equal(await modeOf("bin/run"), 0o555);
  assert.equal(await modeOf("share/data.txt"), 0o444);
  assert.equal(await modeOf("share"), 0o555);
  assert.equal(await readlink(join(path, "latest")), "share/data.txt");
  assert.equal(await readFile(join(path, "latest"), "utf8"), "data");
  assert.equal((await lstat(join(path, "deep/".repeat(30), "leaf"))).size, 70_000);
});

test("ANY PERMIT: a hard link is another name of the same file, runnable under each where one of them is the program", async (t) => {
  for (const program of ["bin/run", "alias"]) {
    const world = await TestTerminal.create(t);
    const content = await tarOf([
      { name: "bin/run", mode: 0o644, content: "#!/bin/sh\nexit 0\n" },
      { name: "other", mode: 0o644, content: "x" },
      { name: "alias", type: "link", linkname: "./bin/run" },
      { name: "same", type: "link", linkname: "other" },
      { name: "again", type: "link", linkname: "alias" },
    ]);
    await world.stage({ format: "tar", entry: program, content });
    const { path } = await install(world.terminal);
    const stats = await Promise.all(["bin/run", "alias", "again", "other", "same"].map(async (name) => await lstat(join(path, name))));
    assert.equal(new Set(stats.slice(0, 3).map(({ ino }) => ino)).size, 1);
    assert.equal(stats[3]?.ino, stats[4]?.ino);
    assert.deepEqual(
      stats.map(({ mode }) => mode & 0o7777),
      [0o555, 0o555, 0o555, 0o444, 0o444],
    );
    const slot = world.terminal.folder.module("hmi").slot(1);
    const place = { terminal: world.terminal, trust: await loadTrust(world.terminal), module: "hmi", sequence: 1 };
    await verifyInstalled(slot, (await proveSlot(slot, place)).licence, () => {});
  }
});

test("ANY: a refused archive leaves nothing, and the version before is in use", async (t) => {
  const good = { name: "a/b", content: "x" };
  for (const [content, expected] of [
    [await tarOf([good, { name: "../evil", content: "x" }]), "ARCHIVE_UNSAFE"],
    [await tarOf([good, { name: "c", type: "link", linkname: "d" }]), "ARCHIVE_UNSAFE"],
    [(await tarOf([good, { name: "c", content: "x" }])).subarray(0, 2_000), "ARCHIVE_MALFORMED"],
  ] as const) {
    const world = await TestTerminal.create(t);
    await world.stage({ sequence: 1, content: new TextEncoder().encode("old") });
    await install(world.terminal);
    await world.stage({ sequence: 2, format: "tar", entry: null, content });
    await assert.rejects(install(world.terminal), code(expected));
    const module = world.terminal.folder.module("hmi");
    assert.deepEqual(await readdir(module.slots), ["1"]);
    assert.equal(await readFile(join(module.current, "software", "hmi"), "utf8"), "old");
    const beside = await readdir(join(world.terminal.folder.path, ".."));
    assert.deepEqual(beside, ["state"]);
  }
});

test("PERMIT WHO: software whose SHA-256 is not the one that its release names is refused, whatever its list says", async (t) => {
  const world = await TestTerminal.create(t);
  const audited = digest(sha256(new TextEncoder().encode("the audited program")));
  await world.stage({ lie: { sha256: audited } });
  await assert.rejects(install(world.terminal), code("TERMINAL_DIGEST_WRONG"));
  assert.deepEqual((await status(world.terminal)).modules, []);
  await world.stage({ sequence: 2, content: new TextEncoder().encode("#!/bin/sh\nexit 1\n") });
  assert.equal((await install(world.terminal)).software.sequence, 2);
});

test("LIC: an archive whose program is missing is refused and nothing is installed", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({ format: "tar", entry: "bin/other", content: await tarOf(parts) });
  await assert.rejects(install(world.terminal), code("ARCHIVE_ENTRY_MISSING"));
  assert.deepEqual(await readdir(world.terminal.folder.module("hmi").slots), []);
});

test("a newer version takes the place, the one before is kept, older ones go", async (t) => {
  const world = await TestTerminal.create(t);
  for (const sequence of [1, 2, 3]) {
    await world.stage({ sequence, content: new Uint8Array([sequence]) });
    await install(world.terminal);
  }
  const module = world.terminal.folder.module("hmi");
  assert.equal(await readlink(module.current), "slots/3");
  assert.deepEqual((await readdir(module.slots)).sort(), ["2", "3"]);
});

test("LIC: a version that is not newer than any before is refused, also after a rollback", async (t) => {
  const world = await TestTerminal.create(t);
  for (const sequence of [4, 5]) {
    await world.stage({ sequence, content: new Uint8Array([sequence]) });
    await install(world.terminal);
  }
  await rollback(world.terminal, { module: "hmi" });
  for (const sequence of [3, 4, 5]) {
    const { folder } = await world.stage({ sequence, content: new Uint8Array([sequence, 0]) });
    await assert.rejects(install(world.terminal), code("TERMINAL_DOWNGRADE_REFUSED"));
    await removeTree(folder.path);
  }
  assert.equal(await readlink(world.terminal.folder.module("hmi").current), "slots/4");
});

test("a rollback returns to the version before, and another one to the newer", async (t) => {
  const world = await TestTerminal.create(t);
  await assert.rejects(rollback(world.terminal, { module: "hmi" }), code("TERMINAL_MODULE_UNKNOWN"));
  await world.stage({ sequence: 1 });
  await install(world.terminal);
  await assert.rejects(rollback(world.terminal, { module: "hmi" }), code("TERMINAL_NO_PREVIOUS"));
  await world.stage({ sequence: 2, content: new Uint8Array(3) });
  await install(world.terminal);
  assert.equal((await rollback(world.terminal, { module: "hmi" })).software.sequence, 1);
  const { modules } = await status(world.terminal);
  assert.deepEqual([modules[0]?.current?.sequence, modules[0]?.previous?.sequence, modules[0]?.highest], [1, 2, 2]);
  assert.equal((await rollback(world.terminal, { module: "hmi" })).software.sequence, 2);
});

test("the version before is the last one whose software is another, also after a kill between link and record", async (t) => {
  const world = await TestTerminal.create(t);
  const module = world.terminal.folder.module("hmi");
  const versions = async (): Promise<readonly unknown[]> => {
    const [found] = (await status(world.terminal)).modules;
    return [found?.current?.sequence, found?.previous?.sequence];
  };
  for (const [sequence, content, expected] of [
    [1, "one", [1, undefined]],
    [2, "one", [2, undefined]],
    [3, "two", [3, 2]],
    [4, "two", [4, 2]],
  ] as const) {
    await world.stage({ sequence, content: new TextEncoder().encode(content) });
    await install(world.terminal);
    assert.deepEqual(await versions(), expected);
  }
  assert.deepEqual((await readdir(module.slots)).sort(), ["2", "4"]);
  const record = await readFile(module.record);
  await world.stage({ sequence: 5, content: new TextEncoder().encode("two") });
  await install(world.terminal, { stopBefore: "clean" });
  await writeFile(module.record, record); // the link is switched, and what it replaces is recorded
  assert.deepEqual(await versions(), [5, 2]);
  await install(world.terminal);
  assert.deepEqual(await versions(), [5, 2]);
  assert.equal((await rollback(world.terminal, { module: "hmi" })).software.sequence, 2);
  assert.deepEqual(await versions(), [2, 5]);
});

test("PERMIT: a rollback to a version that was changed is refused and nothing is switched", async (t) => {
  const world = await TestTerminal.create(t);
  for (const sequence of [1, 2]) {
    await world.stage({ sequence, content: new Uint8Array([sequence]) });
    await install(world.terminal);
  }
  const module = world.terminal.folder.module("hmi");
  const file = join(module.slot(1).software, "hmi");
  await chmod(file, 0o755);
  await writeFile(file, "y");
  await chmod(file, 0o555);
  await assert.rejects(rollback(world.terminal, { module: "hmi" }), code("TERMINAL_SOFTWARE_CHANGED"));
  assert.equal(await readlink(module.current), "slots/2");
});

test("PERMIT: fetched software that was changed or cut on this machine is not installed; a fetch can repair it", async (t) => {
  for (const damage of [
    async (path: string) => await writeFile(path, "#!/bin/sh\nexit 1\n"),
    async (path: string) => await truncate(path, 5),
    async (path: string) => await writeFile(path, new Uint8Array(100_000)),
  ]) {
    const world = await TestTerminal.create(t);
    const { folder } = await world.stage({ content: program });
    await damage(folder.software);
    await assert.rejects(install(world.terminal), code("TERMINAL_STAGED_CHANGED"));
    assert.deepEqual((await readdir(folder.path)).sort(), ["fetch.cbor", "software.part"]);
    await assert.rejects(install(world.terminal), code("TERMINAL_NOTHING_FETCHED"));
  }
});

test("LIC: a licence that was changed, is another terminal's or has ended installs nothing", async (t) => {
  const world = await TestTerminal.create(t);
  const { folder, licence, description } = await world.stage({});
  const record = await loadState(folder.record, downloadRecordFile);
  assert.ok(record !== null);
  const flipped = Uint8Array.from(licence);
  flipped[licence.length - 1] = (flipped[licence.length - 1] ?? 0) ^ 1;
  const another = await world.licence(description, { recipient: parseName("gateway-8") });
  const otherModel = await world.licence({ ...description, models: ["hmi-3"] });
  for (const [changed, expected] of [
    [flipped, "LICENCE_SIGNATURE_WRONG"],
    [another, "LICENCE_RECIPIENT_WRONG"],
    [otherModel, "LICENCE_MODEL_WRONG"],
    [licence.subarray(0, 40), "LICENCE_MALFORMED"],
  ] as const) {
    await saveState(folder.record, downloadRecordFile, { ...record, licence: changed });
    await assert.rejects(install(world.terminal), code(expected));
  }
  await saveState(folder.record, downloadRecordFile, record);
  world.clock.now += 86_400 + 61;
  await assert.rejects(install(world.terminal), code("LICENCE_EXPIRED"));
  assert.deepEqual((await status(world.terminal)).modules, []);
});

test("an installation can stop before each stage and be gone on with", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({ sequence: 1 });
  await install(world.terminal);
  await world.stage({ sequence: 2, format: "tar", entry: "bin/run", content: await tarOf(parts) });
  const module = world.terminal.folder.module("hmi");
  for (const stopBefore of ["check", "unpack", "switch"] as const) {
    assert.equal((await install(world.terminal, { stopBefore })).stoppedBefore, stopBefore);
    assert.equal(await readlink(module.current), "slots/1");
  }
  const before = await lstat(module.slot(2).path);
  assert.equal((await install(world.terminal, { stopBefore: "clean" })).previous, 1);
  assert.equal((await lstat(module.slot(2).path)).ino, before.ino, "the slot that was filled before is used");
  assert.equal(await readlink(module.current), "slots/2");
  assert.equal((await install(world.terminal)).stoppedBefore, null);
  await assert.rejects(install(world.terminal), code("TERMINAL_NOTHING_FETCHED"));
});

test("of several modules one must be named; of several versions the newest is installed", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({ module: "a", sequence: 1, entry: null });
  await world.stage({ module: "a", sequence: 2, entry: null, content: new Uint8Array(1) });
  const { description } = await world.stage({ module: "b", entry: null, content: new Uint8Array(2) });
  await assert.rejects(install(world.terminal), code("TERMINAL_MODULE_AMBIGUOUS"));
  assert.equal((await install(world.terminal, { module: "a" })).software.sequence, 2);
  assert.equal((await install(world.terminal, { artefact: description.artefactId.toHex() })).software.module, "b");
  await assert.rejects(install(world.terminal, { module: "c" }), code("TERMINAL_NOTHING_FETCHED"));
});

test("KREP: the content key is kept, encrypted, where the licence wants it, and is gone when its life has ended", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({}, { keyRetention: "keep", keyExpiresAtSeconds: world.clock.now + 1_000 });
  await install(world.terminal);
  assert.equal((await readdir(world.terminal.folder.kept)).length, 1);
  await tidyKept(world.terminal);
  assert.equal((await readdir(world.terminal.folder.kept)).length, 1);
  world.clock.now += 1_000;
  await tidyKept(world.terminal);
  assert.equal((await readdir(world.terminal.folder.kept)).length, 1, "this machine's clock alone may be ahead");
  await world.terminal.clock.restart(world.clock.now);
  await tidyKept(world.terminal);
  assert.deepEqual(await readdir(world.terminal.folder.kept), []);
});

test("KLIFE: a content key whose life is over is refused", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({}, { keyExpiresAtSeconds: world.clock.now + 1_000 });
  world.clock.now += 1_061;
  await assert.rejects(install(world.terminal), code("LICENCE_EXPIRED"));
});
