import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { removeTree } from "@sealane/testkit/remove-tree";
import { without } from "@sealane/testkit/tools";
import { freePort, run } from "./command.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

/** Seconds after which the commands count as hanging. */
const limitSeconds = 1_200;

/**
 * The rule: the block is run by bash as it stands, with two replacements: port 7440 by a free one, and `npx` by the folder of
 * commands that it looks in, because npx itself would look for the workspace around the folder that a test may write to.
 */
async function tryByHand(printed: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-readme-"));
  try {
    await copyFile(join(root, "README.md"), join(folder, "README.md"));
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    const port = String(await freePort());
    const lines = printed.replaceAll("7440", port).replaceAll("npx ", "node_modules/.bin/");
    const { exitCode, output } = await bash(`set -e\ntrap 'kill %1 || true; wait' EXIT\n${lines}`, folder);
    assert.equal(exitCode, 0, output);
    const installed = join(folder, "demo/gateway-1/modules/readme/slots/1/software/readme");
    assert.deepEqual(await readFile(installed), await readFile(join(root, "README.md")));
  } finally {
    removeTree(folder);
  }
}

test("UNI: the commands that the README lets a reader try by hand work as printed", { skip: without("bash") }, async () => {
  await tryByHand(blockUnder("## Try it by hand", await readFile(join(root, "README.md"), "utf8")));
});

test("UNI: `npm start` prints what the README says that a reader sees, in that order", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-readme-"));
  try {
    const { exitCode, stderr } = await run("sealane", ["up", "--once", "--state", join(folder, "up")]);
    assert.equal(exitCode, 0, stderr);
    const seen = blockUnder("## What you see", await readFile(join(root, "README.md"), "utf8"), "text")
      .trimEnd()
      .split("\n");
    const printed = stderr.split("\n");
    for (const line of seen) {
      const place = printed.findIndex((other) => isLike(other, line));
      assert.notEqual(place, -1, `${line}\nin\n${stderr}`);
      printed.splice(0, place + 1);
    }
  } finally {
    removeTree(folder);
  }
});

/** Whether a line was printed as the README has it: any numbers for its numbers, anything for `...`. */
function isLike(printed: string, line: string): boolean {
  const [begin = "", end = ""] = withoutNumbers(line).split("...");
  return withoutNumbers(printed).startsWith(begin) && withoutNumbers(printed).endsWith(end);
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\d+/g, "0");
}

test("KSIM: the commands of the guide for hardware keys work as printed", { skip: without("bash", "softHsm", "pkcs11js") }, async () => {
  await tryByHand(blockUnder("# Keys in hardware tokens", await readFile(join(root, "docs/guides/hardware-keys.md"), "utf8")));
});

/** The first block of a language behind a heading. */
function blockUnder(heading: string, markdown: string, language = "sh"): string {
  const [, section] = markdown.split(`${heading}\n`);
  const [, block] = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(section ?? "") ?? [];
  return block ?? assert.fail(`no commands under "${heading}"`);
}

async function bash(script: string, cwd: string): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const child = spawn("bash", ["-c", script], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGTERM"), limitSeconds * 1000);
  const pieces: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => pieces.push(piece));
  const [exitCode] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { exitCode, output: Buffer.concat(pieces).toString("utf8") };
}
