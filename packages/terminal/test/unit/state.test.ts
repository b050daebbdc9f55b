import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { credentialOf } from "@sealane/pki";
import { softwareErrors } from "@sealane/software";
import { nonce } from "@sealane/wire";
import { ByteReader } from "../../src/byte-reader.ts";
import { changing, loadState, makeFolder, removeTemporary } from "../../src/disk.ts";
import { loadEnrolment, loadIdentity } from "../../src/identity.ts";
import { InboxJournal } from "../../src/inbox-journal.ts";
import { install, status, terminalAt } from "../../src/index.ts";
import { loadModule, makeModuleFolders, switchModule, tidyModule } from "../../src/module-record.ts";
import { slotFile } from "../../src/slot.ts";
import { ModuleFolder, StateFolder } from "../../src/state-folder.ts";
import { StateLock } from "../../src/state-lock.ts";
import { code } from "../double/codes.ts";
import { temporaryFolder } from "../double/temporary-folder.ts";
import { TestTerminal } from "../double/test-terminal.ts";

test("a lock is held by one at a time, for each area by itself, and ends with its holder", async (t) => {
  const { terminal } = await TestTerminal.create(t);
  {
    using _held = await StateLock.take(terminal.folder, "downloads");
    await assert.rejects(StateLock.take(terminal.folder, "downloads"), code("TERMINAL_STATE_LOCKED"));
    using _other = await StateLock.take(terminal.folder, "modules");
    using _one = await StateLock.take(terminal.folder, { module: "hmi" });
    using _another = await StateLock.take(terminal.folder, { module: "plc" });
    await assert.rejects(StateLock.take(terminal.folder, { module: "hmi" }), code("TERMINAL_STATE_LOCKED"));
    await assert.rejects(StateLock.take(terminal.folder, { module: "../hmi" }), code("TERMINAL_MODULE_UNKNOWN"));
  }
  using _again = await StateLock.take(terminal.folder, "downloads");
});

test("no other user can read a lock file and so lock it, also one that was made readable", async (t) => {
  const { terminal } = await TestTerminal.create(t);
  for (const area of ["downloads", "modules", { module: "hmi" }] as const) {
    const file = terminal.folder.lock(area);
    {
      using _held = await StateLock.take(terminal.folder, area);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
    }
    await chmod(file, 0o644);
    using _held = await StateLock.take(terminal.folder, area);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await assert.rejects(StateLock.take(terminal.folder, area), code("TERMINAL_STATE_LOCKED"));
  }
});

test("a lock file that cannot be opened is no lock", async (t) => {
  const { terminal } = await TestTerminal.create(t);
  await mkdir(terminal.folder.lock("downloads"));
  await assert.rejects(StateLock.take(terminal.folder, "downloads"), code("FILE_WRITE_FAILED"));
});

test("a full disk, a full quota and a file that is too large are one code; everything else is the system's reason", async () => {
  const failing = (reason: string) =>
    changing("file", () => Promise.reject(Object.assign(new Error(), { code: reason, syscall: "write" })));
  for (const reason of ["ENOSPC", "EDQUOT", "EFBIG"]) await assert.rejects(failing(reason), code("TERMINAL_DISK_FULL"));
  await assert.rejects(failing("EIO"), code("FILE_WRITE_FAILED"));
  for (const reason of ["EACCES", "EPERM", "EROFS"]) await assert.rejects(failing(reason), code("SYSTEM_PERMISSION_DENIED"));
  const wrapped = (reason: string) => changing("file", () => Promise.reject(softwareErrors.error("FILE_WRITE_FAILED", { reason })));
  await assert.rejects(wrapped("ENOSPC"), code("TERMINAL_DISK_FULL"));
  await assert.rejects(wrapped("EIO"), code("FILE_WRITE_FAILED"));
  const own = new TypeError("defect");
  await assert.rejects(
    changing("file", () => Promise.reject(own)),
    (error) => error === own,
  );
});

test("a state file that was changed, cut or is of another version is damage, not absence", async (t) => {
  const { terminal } = await TestTerminal.create(t);
  const identity = await readFile(terminal.folder.identity);
  for (const bytes of [identity.subarray(0, -1), new Uint8Array(0), identity.with(1, 2)]) {
    await writeFile(terminal.folder.identity, bytes);
    await assert.rejects(loadIdentity(terminal), code("TERMINAL_STATE_DAMAGED"));
  }
  assert.equal(await loadState(join(terminal.folder.path, "missing"), slotFile), null);
});

test("a key file in another's place is damage, whatever the key is for", async (t) => {
  const { terminal, clock } = await TestTerminal.create(t);
  const later = (): Promise<unknown> => loadEnrolment(terminalAt({ stateFolder: terminal.folder.path, clock, environment: {} }));
  await later();
  const fileOf = (purpose: string, kind: string): string => join(terminal.folder.keys, `terminal-${purpose}-${kind}-test.pem`);
  for (const kind of ["x-wing", "x25519"]) {
    const [decrypting, agreeing] = [fileOf("decrypt", kind), fileOf("agree", kind)];
    const [first, second] = [await readFile(decrypting), await readFile(agreeing)];
    for (const [place, other, own] of [[decrypting, second, first] as const, [agreeing, first, second] as const]) {
      await writeFile(place, other);
      await assert.rejects(later(), code("TERMINAL_STATE_DAMAGED"));
      await writeFile(place, own);
    }
  }
  await later();
});

test("what a killed process left of a file is removed, and nothing else", async (t) => {
  const folder = await temporaryFolder(t);
  for (const name of [".sealane-0123456789abcdef.tmp", "keep.tmp", ".sealane-x.tmp"]) await writeFile(join(folder, name), "x");
  await removeTemporary(folder);
  assert.deepEqual((await readdir(folder)).sort(), [".sealane-x.tmp", "keep.tmp"]);
  await removeTemporary(join(folder, "missing"));
});

test("the link decides which version is in use; a record that was not written follows it", async (t) => {
  const folder = new ModuleFolder(join(await temporaryFolder(t), "hmi"));
  assert.deepEqual(await loadModule(folder), { current: null, previous: null, highest: null });
  await makeModuleFolders(folder);
  for (const sequence of [1, 2, 3]) {
    await mkdir(folder.slot(sequence).path);
    await switchModule(folder, sequence);
  }
  assert.deepEqual(await loadModule(folder), { current: 3, previous: 2, highest: 3 });
  await mkdir(folder.slot(4).path);
  await rm(folder.current);
  await symlink("slots/4", folder.current); // killed here
  const repaired = { current: 4, previous: 3, highest: 4 };
  assert.deepEqual(await loadModule(folder), repaired);
  await mkdir(join(folder.slots, "5.tmp-00"));
  await symlink("slots/5", join(folder.path, "current.tmp"));
  assert.deepEqual(await tidyModule(folder, []), repaired);
  assert.deepEqual((await readdir(folder.slots)).sort(), ["3", "4"]);
  assert.deepEqual(await switchModule(folder, 3), { current: 3, previous: 4, highest: 4 });
  assert.equal(await readlink(folder.current), "slots/3");
  await rm(folder.current);
  await symlink("../elsewhere", folder.current);
  await assert.rejects(loadModule(folder), code("TERMINAL_STATE_DAMAGED"));
});

test("a module's name leads nowhere else", async (t) => {
  const folder = new StateFolder(await temporaryFolder(t));
  for (const wrong of ["..", ".", "a/b", "", "A", "a".repeat(65), "a\0", "a b"]) {
    assert.throws(() => folder.module(wrong), code("TERMINAL_MODULE_UNKNOWN"));
  }
  for (const right of ["hmi", "a.b_c-d", "0", "..."]) assert.ok(folder.module(right).path.endsWith(`/modules/${right}`));
});

test("FNONCE: an accepted message is remembered until it is over, within a quota, also after a restart", async (t) => {
  const { terminal, clock, authority } = await TestTerminal.create(t);
  const { certificate } = await authority.signer("server-1", "server-sign");
  const entry = (i: number, rememberUntilSeconds = clock.now + 100) => ({
    mechanism: "signed-transport" as const,
    originator: credentialOf(certificate),
    nonce: nonce(new Uint8Array(16).fill(i, 0, 1).fill(i >> 8, 1, 2)),
    rememberUntilSeconds,
  });
  const own = await loadEnrolment(terminal);
  const journal = await InboxJournal.load(terminal, own);
  assert.equal(journal.insert(entry(0)), "fresh");
  assert.equal(journal.insert(entry(0)), "seen");
  assert.equal((await InboxJournal.load(terminal, own)).insert(entry(0)), "fresh", "nothing is remembered before it is written");
  await journal.commit(null);
  const after = await InboxJournal.load(terminal, own);
  assert.equal(after.insert(entry(0)), "seen");
  for (let i = 1; i < 512; i++) assert.equal(after.insert(entry(i)), "fresh");
  assert.equal(after.insert(entry(512)), "full");
  await after.commit(null);
  clock.now += 101;
  assert.equal(after.insert(entry(513)), "fresh");
  assert.equal(after.insert(entry(5, clock.now - 1)), "seen", "it may have been forgotten");
});

test("FNONCE: what two commands note at the same time is remembered of both, and only the one with the inbox changes what is awaited", async (t) => {
  const { terminal, clock, authority } = await TestTerminal.create(t);
  const { certificate } = await authority.signer("server-1", "server-sign");
  const own = await loadEnrolment(terminal);
  const entry = (i: number) => ({
    mechanism: "signed-transport" as const,
    originator: credentialOf(certificate),
    nonce: nonce(new Uint8Array(16).fill(i)),
    rememberUntilSeconds: clock.now + 100,
  });
  const [reader, listener] = [await InboxJournal.load(terminal, own), await InboxJournal.load(terminal, own)];
  assert.deepEqual([reader.insert(entry(1)), listener.insert(entry(2))], ["fresh", "fresh"]);
  const awaited = { kind: "second", message: new Uint8Array(4), link: new Uint8Array(4) } as const;
  await reader.commit(awaited);
  await listener.commitNoted();
  const after = await InboxJournal.load(terminal, own);
  assert.deepEqual([after.knows(entry(1)), after.knows(entry(2)), after.pending?.kind], [true, true, "second"]);
  await after.commit({ ...awaited, message: new Uint8Array(5) });
  await reader.settle();
  assert.equal((await InboxJournal.load(terminal, own)).pending?.message.length, 5);
  await after.settle();
  assert.equal((await InboxJournal.load(terminal, own)).pending, null);
});

test("exact numbers of bytes come from chunks of any size", async () => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const length of [1, 0, 5, 2, 10]) yield new Uint8Array(length).fill(length);
  }
  await using reader = new ByteReader(chunks());
  const taken: number[][] = [];
  for (const length of [3, 0, 6, 20]) {
    const target = new Uint8Array(length);
    taken.push([await reader.fill(target), ...target.subarray(0, 9)]);
  }
  assert.deepEqual(taken, [[3, 1, 5, 5], [0], [6, 5, 5, 5, 2, 2, 10], [9, 10, 10, 10, 10, 10, 10, 10, 10, 10]]);
});

test("status tells what is installed, fetched and permitted, and changes nothing", async (t) => {
  const world = await TestTerminal.create(t);
  await world.stage({ sequence: 1 });
  await install(world.terminal);
  await world.stage({ sequence: 2, content: new Uint8Array(9) });
  const before = (await readdir(world.terminal.folder.path, { recursive: true })).sort();
  const overview = await status(world.terminal);
  assert.equal(overview.modules[0]?.current?.version, "1.1");
  assert.equal(overview.modules[0]?.current?.link?.originator, "terminal");
  assert.deepEqual(
    overview.downloads.map(({ sequence, complete, stagedBytes }) => [sequence, complete, stagedBytes]),
    [[2, true, 9]],
  );
  JSON.stringify(overview);
  world.clock.now += 86_461;
  assert.equal((await status(world.terminal)).modules[0]?.current?.problem, "LICENCE_EXPIRED");
  await makeFolder(join(world.terminal.folder.modules, "broken"));
  await symlink("slots/7", join(world.terminal.folder.modules, "broken", "current"));
  const broken = (await status(world.terminal)).modules.find(({ module }) => module === "broken");
  assert.deepEqual([broken?.current?.sequence, broken?.current?.version, broken?.current?.problem], [7, null, "TERMINAL_MODULE_UNKNOWN"]);
  await rm(join(world.terminal.folder.modules, "broken"), { recursive: true });
  assert.deepEqual((await readdir(world.terminal.folder.path, { recursive: true })).sort(), before);
});
