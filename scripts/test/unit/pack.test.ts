import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Metafile } from "esbuild";
import { modulesFrom, publishedManifest, thirdParty } from "../../pack.ts";
import { pointFlat } from "../../pack-beside.ts";
import type { Workspace } from "../../workspaces.ts";

const workspaces: readonly Workspace[] = [
  {
    folder: "apps/a",
    manifest: { name: "a", dependencies: { commander: "15.1.0", unused: "1.0.0" }, peerDependencies: { pg: "^8.0.0" } },
  },
  { folder: "packages/p", manifest: { name: "@sealane/p", dependencies: { "@scope/x": "2.2.0" } } },
  { folder: "packages/other", manifest: { name: "@sealane/other", dependencies: { commander: "14.0.0", elsewhere: "1.0.0" } } },
];

function metafile(...external: string[]): Metafile {
  const input = { bytes: 1, imports: [] };
  const imports = external.map((path) => ({ path, kind: "import-statement" as const, external: true }));
  return {
    inputs: { "apps/a/src/main.ts": input, "packages/p/src/index.ts": input },
    outputs: {
      "dist/main.js": { bytes: 1, inputs: {}, exports: [], imports: [{ path: "dist/chunk.js", kind: "import-statement" }, ...imports] },
    },
  };
}

describe("the dependencies of a bundle", () => {
  test("are what it imports, in the versions of the workspaces in it", () => {
    assert.deepEqual(thirdParty(metafile("node:fs", "fs", "pg", "commander", "@scope/x/sub"), workspaces), {
      dependencies: { "@scope/x": "2.2.0", commander: "15.1.0" },
      peerDependencies: { pg: "^8.0.0" },
    });
  });
  test("are refused when declared nowhere in the bundle", () => {
    assert.throws(() => thirdParty(metafile("elsewhere"), workspaces), /imports elsewhere, which no workspace/);
  });
  test("are refused in two versions", () => {
    const twice = [...workspaces, { folder: "packages/p", manifest: { name: "@sealane/p", dependencies: { commander: "14.0.0" } } }];
    assert.throws(() => thirdParty(metafile("commander"), twice), /several versions: 15.1.0, 14.0.0/);
  });
});

test("the modules of a folder are found, and of that folder only", () => {
  assert.deepEqual(modulesFrom(metafile(), "packages/p"), ["packages/p/src/index.ts"]);
  assert.deepEqual(modulesFrom(metafile(), "packages/server"), []);
  assert.deepEqual(modulesFrom(metafile(), "packages"), ["packages/p/src/index.ts"]);
});

test("the published package.json names no workspace and no script", () => {
  const app = { name: "a", version: "1.2.3", license: "Apache-2.0", bin: { a: "./bin/a.js" }, dependencies: { "@sealane/p": "0.1.0" } };
  const text = JSON.stringify(
    publishedManifest(app, { dependencies: { c: "1.0.0" }, peerDependencies: { o: "^2.0.0" }, node: { n: "26.0.0" } }),
  );
  assert.doesNotMatch(text, /@sealane|scripts|private/);
  const published = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(published["dependencies"], { c: "1.0.0" });
  assert.deepEqual(published["optionalDependencies"], { n: "26.0.0" });
  assert.deepEqual(published["peerDependencies"], { o: "^2.0.0" });
  assert.deepEqual(published["peerDependenciesMeta"], { o: { optional: true } });
  assert.deepEqual(published["engines"], { node: ">=18" });
});

test("a started module is pointed at beside the chunks", () => {
  assert.deepEqual(pointFlat('new Worker(new URL("./parts/open-worker.ts", import.meta.url), {})'), {
    text: 'new Worker(new URL("./open-worker.js", import.meta.url), {})',
    modules: ["./parts/open-worker.ts"],
  });
  assert.deepEqual(pointFlat('import a from "./a.ts";').modules, []);
});
