import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

test("PARTS: verifying certificates loads nothing of the issuing half", () => {
  const script = `
    const { registerHooks } = await import("node:module");
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    await import("@sealane/pki");
    process.stdout.write(JSON.stringify(loaded));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: import.meta.dirname, encoding: "utf8" });
  const loaded: unknown = JSON.parse(output);
  assert(Array.isArray(loaded) && loaded.some((url) => String(url).endsWith("/pki/src/verify.ts")));
  const issuing = loaded.filter((url) => /peculiar|reflect-metadata|tsyringe|\/pki\/src\/issue\//.test(String(url)));
  assert.deepEqual(issuing, []);
});
