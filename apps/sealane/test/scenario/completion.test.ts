import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { without } from "@sealane/testkit/tools";

const command = fileURLToPath(new URL("../../bin/sealane.js", import.meta.url));

/** What bash offers for a line, with the script that the command prints. */
function completed(line: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "sealane-completion-"));
  try {
    writeFileSync(join(folder, "sealane"), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`, { mode: 0o755 });
    const script = `
      eval "$(sealane completion bash)"
      COMP_WORDS=(sealane ${line.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${line.length}
      _sealane; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...process.env, PATH: `${folder}:${process.env["PATH"]}` };
    return execFileSync("bash", ["-c", script], { env, encoding: "utf8" }).trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("bash completes commands, options and what they allow", { skip: without("bash") }, () => {
  assert.deepEqual(completed(["server", ""]), ["backup", "config", "migrate", "restore", "run"]);
  assert.deepEqual(completed(["broadcast", ""]), ["list", "start", "stop"]);
  assert.deepEqual(completed(["broadcast", "start", "--mechanism", "g"]), ["group-broadcast"]);
  assert.deepEqual(completed(["publish", "--cl"]), ["--class"]);
  assert.deepEqual(completed(["publish", "--class", "s"]), ["system"]);
});
