import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { readManifest, root } from "../../workspaces.ts";

interface Locked {
  readonly engines?: unknown;
  readonly deprecated?: unknown;
  readonly hasInstallScript?: boolean;
}

const { packages } = JSON.parse(readFileSync(resolve(root, "package-lock.json"), "utf8")) as { packages: Record<string, Locked> };
const thirdParty = Object.entries(packages).filter(([place]) => place.startsWith("node_modules/"));
const placesWhere = (isSo: (locked: Locked) => boolean): string[] =>
  thirdParty.filter(([, locked]) => isSo(locked)).map(([place]) => place);

test("npm ci has nothing to warn of: no other Node is asked for, nothing is deprecated", () => {
  assert.ok(thirdParty.length > 100);
  assert.deepEqual(
    placesWhere(({ engines }) => engines !== undefined),
    [],
  );
  assert.deepEqual(
    placesWhere(({ deprecated }) => deprecated !== undefined),
    [],
  );
});

test("npm ci runs no script of a package, and each that has one was judged", () => {
  assert.match(readFileSync(resolve(root, ".npmrc"), "utf8"), /^ignore-scripts=true$/m);
  const judged = Object.keys(readManifest(root).allowScripts ?? {}).map((name) => `node_modules/${name}`);
  assert.deepEqual(
    placesWhere(({ hasInstallScript }) => hasInstallScript === true),
    judged.sort(),
  );
});
