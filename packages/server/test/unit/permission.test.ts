import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { asOrdinaryUser } from "@sealane/testkit/ordinary-user";
import { hasCode } from "@sealane/wire";
import { readServerFile } from "../../src/files.ts";

test("a server's file that this user may not read is told as that, never as damaged or missing", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-permission-"));
  t.after(async () => await rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  const file = join(folder, "file");
  await writeFile(file, "x", { mode: 0o000 });
  await asOrdinaryUser(async () => {
    await assert.rejects(readServerFile(file, 9), (error) => hasCode(error, "SYSTEM_PERMISSION_DENIED"));
  });
});
