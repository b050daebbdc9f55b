import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { removeTree } from "@sealane/testkit/remove-tree";
import { Children } from "../../src/up/children.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealane-children-"));
});
after(async () => {
  removeTree(folder);
});

const announce = `process.stdout.write('{"event":"listening"}\\n');`;

test("a command that was to stay and ends by itself is a loss; one that is stopped is not", async () => {
  const lost = new Children();
  const leaves = await script("leaves.js", announce);
  await lost.stay(leaves, [], { awaited: "listening", log: join(folder, "log") });
  await assert.rejects(lost.lost, { code: "UP_STEP_FAILED" });

  const stopped = new Children();
  const stays = await script("stays.js", `${announce} setInterval(() => undefined, 1000);`);
  await stopped.stay(stays, [], { awaited: "listening", log: join(folder, "log") });
  await stopped.stop();
  assert.equal(await Promise.race([stopped.lost, Promise.resolve("not lost")]), "not lost");
});

test("the error that a command printed is told with its code and exit code", async () => {
  const failing = `process.stdout.write('{"event":"error","code":"SOME_THING_WRONG","message":"m"}\\n'); process.exitCode = 5;`;
  const path = await script("fails.js", failing);
  await assert.rejects(new Children().run(path, []), (error: Error & { code?: string; entry?: { exit: number } }) => {
    assert.deepEqual([error.code, error.entry?.exit], ["SOME_THING_WRONG", 5]);
    return true;
  });
});

async function script(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}
