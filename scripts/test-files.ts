import { globSync } from "node:fs";
import { sep } from "node:path";

const places = ["packages/*", "apps/*", "testkit", "scripts"];

/** Folders under test/ whose tests spawn nothing, wait for nothing, and answer in milliseconds. */
const fastFolder = /\/test\/(?:unit|vectors|types)\//;

/** Tests that spawn nothing either, but go through every suite, mechanism and bit, or through random inputs, which takes seconds. */
const sweepFolder = /\/test\/property\//;

export interface TestFiles {
  readonly fast: readonly string[];
  readonly sweeps: readonly string[];
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
  const isSlow = (path: string): boolean => !fastFolder.test(path) && !sweepFolder.test(path);
  return {
    fast: files.filter((path) => fastFolder.test(path)),
    sweeps: files.filter((path) => sweepFolder.test(path)),
    slow: files.filter(isSlow),
  };
}
