import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LockedPackages, shrinkwrapOf } from "../../shrinkwrap.ts";

const lock: LockedPackages = {
  "node_modules/a": { dependencies: { b: "^1.0.0" }, dev: true },
  "node_modules/a/node_modules/b": { dependencies: { c: "1.0.0" } },
  "node_modules/b": { dependencies: { unused: "1.0.0" } },
  "node_modules/c": { devOptional: true, optional: true, dependencies: { a: "1.0.0" } },
  "node_modules/node-here": { optional: true },
  "node_modules/unused": {},
};
const published = { name: "p", version: "1.2.3", dependencies: { a: "1.0.0" }, optionalDependencies: { "node-here": "26.0.0" } };

interface Shrinkwrap {
  readonly name: string;
  readonly version: string;
  readonly packages: LockedPackages;
}

describe("the shrinkwrap of a published package", () => {
  test("has what is installed with it, from where Node finds it, and nothing else", () => {
    const { name, version, packages } = shrinkwrapOf(published, lock) as Shrinkwrap;
    assert.deepEqual([name, version], ["p", "1.2.3"]);
    assert.deepEqual(Object.keys(packages), [
      "",
      "node_modules/a",
      "node_modules/a/node_modules/b",
      "node_modules/c",
      "node_modules/node-here",
    ]);
    assert.equal(packages[""], published);
  });
  test("marks as optional what only optional packages need, and nothing as of the development", () => {
    const { packages } = shrinkwrapOf(published, lock) as Shrinkwrap;
    assert.deepEqual(packages["node_modules/a"], { dependencies: { b: "^1.0.0" } });
    assert.deepEqual(packages["node_modules/c"], { dependencies: { a: "1.0.0" } });
    assert.deepEqual(packages["node_modules/node-here"], { optional: true });
  });
  test("is refused where the lock lacks a package", () => {
    assert.throws(() => shrinkwrapOf({ ...published, dependencies: { z: "1.0.0" } }, lock), /has no z/);
  });
});
