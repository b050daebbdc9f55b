import assert from "node:assert/strict";
import fs from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { hasCode } from "@sealane/wire";
import { backupServer, restoreServer } from "../../src/index.ts";
import { openDatabase } from "../../src/storage/database.ts";
import { TestServer } from "./test-server.ts";

/** What holds private keys lies where nobody else can read, exchange or lock it. */

const isRefused = (error: unknown): boolean => hasCode(error, "SERVER_FILE_WRONG") && error.details["reason"] === "EEXIST";

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-backup-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Somebody else who makes something at a place as soon as this process has removed what was there. */
function meanwhile(t: TestContext, place: string, make: () => Promise<unknown>): void {
  const remove = fs.promises.rm;
  let isMade = false;
  t.mock.method(fs.promises, "rm", async (path: string, options: fs.RmOptions) => {
    await remove(path, options);
    if (path !== place || isMade) return;
    isMade = true;
    await make();
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

for (const what of ["folder", "link"] as const) {
  test(`a backup and a restoration do not go into a ${what} that somebody else made meanwhile`, async (t) => {
    const folder = await emptyFolder(t);
    const server = await TestServer.init(t, {});
    const elsewhere = await emptyFolder(t);
    const make = async (path: string): Promise<void> => await (what === "folder" ? mkdir(path) : symlink(elsewhere, path));
    const source = join(folder, "good");
    await backupServer({ folder: server.folder, target: source, withArtefacts: true });

    const prepared = join(folder, ".backup.part");
    meanwhile(t, prepared, async () => await make(prepared));
    const target = join(folder, "backup");
    await assert.rejects(backupServer({ folder: server.folder, target, withArtefacts: false }), isRefused);
    const restored = join(folder, ".restored.part");
    meanwhile(t, restored, async () => await make(restored));
    await assert.rejects(restoreServer({ folder: join(folder, "restored"), source, nowSeconds: server.nowSeconds }), isRefused);
    assert.deepEqual(await readdir(elsewhere), []);
    assert.deepEqual(
      (await readdir(dirname(target))).filter((name) => !name.startsWith(".")),
      ["good"],
    );
  });
}

test("RECOVER: a file of the server's folder that is called as the backup's rows are does not take their place", async (t) => {
  const folder = await emptyFolder(t);
  const server = await TestServer.init(t, {});
  const strange = join(server.folder, "rows.jsonl");
  await writeFile(strange, "not the rows");
  const backup = { folder: server.folder, target: join(folder, "backup"), withArtefacts: false };
  await assert.rejects(backupServer(backup), isRefused);
  assert.deepEqual(await readdir(folder), []);
  await rm(strange);
  assert.ok((await backupServer(backup)).rows > 0);
});

test("a database that was made readable is for its owner alone again: who reads it could lock it", async (t) => {
  const server = await TestServer.init(t, {});
  const file = join(server.folder, "data.sqlite");
  await chmod(file, 0o644);
  await using _db = await openDatabase({ kind: "sqlite", file });
  for (const path of [file, `${file}-wal`, `${file}-shm`]) assert.equal((await stat(path)).mode & 0o777, 0o600, path);
});
