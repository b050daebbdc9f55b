import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";

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
  const sentence = `The published test vectors ${place} are not there: name their folder in SEALANE_VECTORS.`;
  test(title, { skip: process.env["CI"] === "true" ? false : sentence }, () => assert.fail(sentence));
}

/** Paths of the JSON files in a folder, sorted. Fails on none. */
export function jsonFiles(path: string): readonly string[] {
  const names = readdirSync(path).filter((name) => name.endsWith(".json"));
  assert.ok(names.length > 0, `there are vectors in ${path}`);
  return names.sort().map((name) => resolve(path, name));
}
