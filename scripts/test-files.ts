import { globSync } from "node:fs";
import { sep } from "node:path";

const places = ["packages/*", "apps/*", "testkit", "scripts"];

/** Folders under test/ whose tests need neither processes nor waiting: all of them share one process. */
const fastFolder = /\/test\/(?:unit|vectors|property|types)\//;

export interface TestFiles {
  readonly fast: readonly string[];
  readonly slow: readonly string[];
}

/** Finds the test files under `root` whose path starts with `only`, as sorted paths with `/`, parted by how they are run. */
export function findTests(root: string, only = ""): TestFiles {
  const found = globSync(
    places.map((place) => `${place}/test/**/*.test.ts`),
    { cwd: root },
  );
  const files = found.map((path) => path.replaceAll(sep, "/")).filter((path) => path.startsWith(only));
  files.sort();
  return { fast: files.filter((path) => fastFolder.test(path)), slow: files.filter((path) => !fastFolder.test(path)) };
}
