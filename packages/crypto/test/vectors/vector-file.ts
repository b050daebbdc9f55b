import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** One vector: byte strings by name. */
export interface Vector {
  /** Fails when the vector has no such field or it is not hex. */
  bytes(field: string): Uint8Array;
}

/** Reads a file of vectors that stands beside this one. Fails on none. */
export function loadVectors(name: string): readonly Vector[] {
  const file: unknown = JSON.parse(readFileSync(resolve(import.meta.dirname, name), "utf8"));
  assert.ok(typeof file === "object" && file !== null && "vectors" in file && Array.isArray(file.vectors));
  assert.ok(file.vectors.length > 0, `${name} has vectors`);
  return file.vectors.map((vector: Readonly<Record<string, unknown>>) => ({
    bytes(field) {
      const hex = vector[field];
      assert.ok(typeof hex === "string" && /^([0-9a-f]{2})*$/.test(hex), `${name}: ${field} is hex`);
      return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    },
  }));
}
