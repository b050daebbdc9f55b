import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openNameless, PendingFile, readInto, writeAll, writeFileAtomic } from "../../src/atomic-file.ts";

describe("a file that is there whole or not at all", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sealane-atomic-"));
  });
  after(async () => await rm(folder, { recursive: true }));

  const bytes = Uint8Array.of(1, 2, 3);

  test("is created, then replaced, and nothing stays beside it", async () => {
    const path = join(folder, "file");
    await writeFileAtomic(path, new Uint8Array(0));
    assert.equal((await readFile(path)).length, 0);
    await writeFileAtomic(path, bytes);
    assert.deepEqual(Uint8Array.from(await readFile(path)), bytes);
    assert.deepEqual(await readdir(folder), ["file"]);
    await rm(path);
  });

  test("has exactly the mode that was asked for, whatever the umask", {
    skip: process.platform === "win32" && "Windows has no such files",
  }, async () => {
    const path = join(folder, "key");
    const umask = process.umask(0o077);
    try {
      await writeFileAtomic(path, bytes, { mode: 0o600 });
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      await writeFileAtomic(path, bytes, { mode: 0o644 });
      assert.equal((await stat(path)).mode & 0o777, 0o644);
      await writeFileAtomic(path, bytes);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    } finally {
      process.umask(umask);
      await rm(path);
    }
  });

  test("is not touched when the rename fails, and the temporary file is removed", async () => {
    const path = join(folder, "taken");
    await mkdir(join(path, "inside"), { recursive: true }); // a folder that is not empty cannot be renamed over
    await assert.rejects(writeFileAtomic(path, bytes), { code: "FILE_WRITE_FAILED" });
    assert.deepEqual(await readdir(folder), ["taken"]);
    await rm(path, { recursive: true });
  });

  test("is not touched when the folder is missing", async () => {
    await assert.rejects(writeFileAtomic(join(folder, "none", "file"), bytes), { code: "FILE_WRITE_FAILED" });
  });

  test("keeps its old content until the new is committed, and when it is given up", async () => {
    const path = join(folder, "held");
    await writeFile(path, "old");
    {
      await using pending = await PendingFile.create(path);
      await pending.write(bytes, 0);
      assert.equal(await readFile(path, "utf8"), "old");
      assert.equal((await readdir(folder)).length, 2);
    }
    assert.equal(await readFile(path, "utf8"), "old");
    assert.deepEqual(await readdir(folder), ["held"]);
    await rm(path);
  });

  test("can be written out of order", async () => {
    const path = join(folder, "pieces");
    {
      await using pending = await PendingFile.create(path);
      await pending.write(Uint8Array.of(3), 2);
      await pending.write(Uint8Array.of(1, 2), 0);
      await pending.commit();
    }
    assert.deepEqual(Uint8Array.from(await readFile(path)), bytes);
    await rm(path);
  });

  test("or has no name at all and cannot be left behind", {
    skip: process.platform === "win32" && "Windows has no such files",
  }, async () => {
    const handle = await openNameless(join(folder, "target"));
    try {
      await writeAll(handle, bytes, 0);
      assert.deepEqual(await readdir(folder), []);
      const into = new Uint8Array(8);
      assert.equal(await readInto(handle, into, 0), 3);
      assert.deepEqual(into.subarray(0, 3), bytes);
    } finally {
      await handle.close();
    }
  });
});
