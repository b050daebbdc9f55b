import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { skipFor } from "./tools.ts";

const folder = process.env["SEALANE_VECTORS"] ?? resolve(import.meta.dirname, "../../../shared/vectors");

/**
 * Declares tests over a part of the published test vectors, which are not copied into the project. Without them one test is skipped
 * with a sentence; under CI=true it fails.
 */
export function describeVectors(title: string, place: string, declare: (path: string) => void): void {
  const path = resolve(folder, place);
  if (existsSync(path)) {
    describe(title, () => declare(path));
    return;
  }
  test(title, { skip: skipFor(`It needs the published test vectors ${place}: name their folder in SEALANE_VECTORS.`) }, () => {});
}

/** Paths of the JSON files in a folder, sorted. Fails on none. */
export function jsonFiles(path: string): readonly string[] {
  const names = readdirSync(path).filter((name) => name.endsWith(".json"));
  assert.ok(names.length > 0, `there are vectors in ${path}`);
  return names.sort().map((name) => resolve(path, name));
}
