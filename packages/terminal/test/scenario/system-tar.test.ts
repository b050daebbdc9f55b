import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { link, lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { type FolderNode, readArchive } from "@sealane/software/archive";
import { without } from "@sealane/testkit/tools";
import { removeTree } from "../../src/remove-tree.ts";
import { temporaryFolder } from "../double/temporary-folder.ts";

test("an archive of the system's tar is read as that tar reads it", { skip: without("tar") }, async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "in/some folder"), { recursive: true });
  await writeFile(join(folder, "in/some folder", "ä long name ".repeat(12)), "long");
  await writeFile(join(folder, "in/run"), "run", { mode: 0o755 });
  await symlink("some folder", join(folder, "in/link"));
  await link(join(folder, "in/run"), join(folder, "in/second name"));
  for (const format of ["gnu", "pax", "ustar"]) {
    if (format === "ustar") await removeTree(join(folder, "in/some folder"));
    const tar = execFileSync("tar", ["-C", join(folder, "in"), `--format=${format}`, "-cf", "-", "."]);
    const listed = execFileSync("tar", ["-tf", "-", "--quoting-style=literal"], { input: tar }).toString().trim().split("\n");
    const tree = await readArchive(Readable.from([tar]), async (entry) => {
      for await (const _ of entry.kind === "file" ? entry.content : []);
    });
    const expected = listed.map((name) => name.replace(/^\.\//, "").replace(/\/$/, "")).filter((name) => name !== "");
    assert.equal(tree.resolve("run"), tree.resolve("second name"));
    assert.deepEqual(pathsIn(tree.root).sort(), expected.sort());
  }
  assert.equal((await lstat(join(folder, "in/link"))).isSymbolicLink(), true);
});

function pathsIn({ children }: FolderNode, above = ""): string[] {
  return [...children].flatMap(([name, node]) => [above + name, ...(node.kind === "folder" ? pathsIn(node, `${above}${name}/`) : [])]);
}
