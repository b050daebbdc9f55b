import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { removeTree } from "../../src/remove-tree.ts";

/** A folder that is gone when the test has ended. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-terminal-"));
  t.after(async () => await removeTree(folder));
  return folder;
}
