import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { asOrdinaryUser } from "@sealane/testkit/ordinary-user";
import { hasCode } from "@sealane/wire";
import { loadOperatorToken, loadProfile, operatorFolder } from "../../src/profile.ts";

test("a profile that this user may not read is told as that, and only one that is not there as missing", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "sealane-profile-"));
  t.after(async () => await rm(root, { recursive: true }));
  await chmod(root, 0o755);
  const folder = operatorFolder(root);
  await mkdir(folder.root);
  for (const load of [loadProfile, loadOperatorToken]) await assert.rejects(load(folder), (error) => hasCode(error, "PROFILE_MISSING"));
  for (const file of [folder.profile, folder.token]) await writeFile(file, "{}", { mode: 0o000 });
  await asOrdinaryUser(async () => {
    for (const load of [loadProfile, loadOperatorToken])
      await assert.rejects(load(folder), (error) => hasCode(error, "SYSTEM_PERMISSION_DENIED"));
  });
});
