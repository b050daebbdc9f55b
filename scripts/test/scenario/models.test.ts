import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { root } from "../../workspaces.ts";

function models(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const script = resolve(root, "scripts/models.ts");
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", env: { ...process.env, ...env } });
}

for (const ci of ["", "true"]) {
  test(`without spin the models are not checked, which is an error with the package to install (CI=${ci})`, () => {
    const { status, stdout, stderr } = models([], { PATH: import.meta.dirname, CI: ci }); // a folder without programs
    assert.equal(status, 10);
    assert.equal(stdout, "");
    assert.match(stderr, /^[^\n]*\bspin\b[^\n]*apt-get install spin gcc libc6-dev\n$/);
  });
}

test("a model that does not exist is wrong use, not nothing to do", () => {
  const { status, stdout, stderr } = models(["--only", "mutual"], {});
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /mutual-nonce, signed-transport, mutual-certified, mutual-agreement/);
});
