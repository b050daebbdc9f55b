import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { type Suite, type SuiteName, standardSuites, suites } from "@sealane/crypto";
import { jsonFiles, type Pair } from "@sealane/testkit";
import { type CborValue, decode } from "@sealane/wire";
import { mechanisms, type Role } from "../../src/index.ts";
import { type Way, waysOf } from "../ways.ts";
import { fixedPair, makeFixedParties, partyFileOf, partyFiles } from "./fixed-parties.ts";
import type { PlainParty } from "./independent-schedule.ts";
import { makeVector, type Vector } from "./vector.ts";

/**
 * The wire format is fixed: whoever changes a byte of it makes other versions unreadable, and must give it another version. To write
 * new vectors, after such a change: SEALANE_MAKE_VECTORS=1 npm test -- --only packages/link/test/vectors
 */
const folder = import.meta.dirname;

/** The forms of M3 do not differ in what depends on the suite: on hybrid, whose messages are long, one is enough. */
function isKept({ suite, mechanism, form }: Way): boolean {
  return suite.name === "x25519" || mechanism.name !== "mutual-agreement" || form === "signed";
}

/** The suites that have a file of their own: all ways, or some where the sizes alone are others. */
export const withOwnFile: readonly Suite[] = suites.filter((suite) => partyFileOf(suite) !== partyFiles[0]);
export const withAllWays: readonly SuiteName[] = ["p256", "rsa2048"];
const someWays: readonly string[] = [
  "recovered-transport  terminal",
  "group-broadcast  server",
  "signed-agreement plain server",
  "mutual-certified one-way terminal",
  "mutual-agreement licence-signed terminal",
];

/** The ways of a suite of which there are vectors. */
export function waysWithVector(suite: Suite): readonly Way[] {
  if (partyFileOf(suite) === partyFiles[0]) return waysOf(isKept, [suite]);
  if (withAllWays.includes(suite.name)) return waysOf(() => true, [suite]);
  return waysOf(({ mechanism, form, originator }) => someWays.includes(`${mechanism.name} ${form} ${originator}`), [suite]);
}

function writeVectors(name: string, vectors: readonly Vector[]): void {
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify({ vectors }, null, 2)}\n`);
}

/** Named files only, or all: a comma between two. */
const wanted = process.env["SEALANE_MAKE_VECTORS"]?.split(",") ?? [];
if (wanted.length > 0) {
  for (const file of partyFiles) await makeFixedParties(file);
  const isWanted = (name: string): boolean => wanted.includes("1") || wanted.includes(name);
  const made = async (ways: readonly Way[]): Promise<readonly Vector[]> => {
    const vectors: Vector[] = [];
    for (const way of ways) vectors.push(await makeVector(fixedPair(partyFileOf(way.suite)), way));
    return vectors;
  };
  for (const name of Object.keys(mechanisms).filter(isWanted)) {
    writeVectors(name, await made(standardSuites.flatMap(waysWithVector).filter(({ mechanism }) => mechanism.name === name)));
  }
  for (const suite of withOwnFile.filter(({ name }) => isWanted(name))) writeVectors(suite.name, await made(waysWithVector(suite)));
}

type PlainParties = Readonly<Record<Role, PlainParty>>;
const partiesByFile = new Map(partyFiles.map((file) => [file, JSON.parse(readFileSync(`${folder}/${file}`, "utf8")) as PlainParties]));
const pairsByFile = new Map(partyFiles.map((file) => [file, fixedPair(file)]));

/** The files with vectors. */
export const files: readonly string[] = jsonFiles(folder).filter((path) => !partyFiles.some((file) => file === basename(path)));
export const vectors: readonly Vector[] = files.flatMap(
  (path) => (JSON.parse(readFileSync(path, "utf8")) as { readonly vectors: readonly Vector[] }).vectors,
);

/** The parties of a suite, as the file has them. */
export function partiesOfSuite(suite: SuiteName): PlainParties {
  return partiesByFile.get(partyFileOf({ name: suite })) ?? assert.fail();
}

/** The same parties with their keys. */
export function pairOfSuite(suite: SuiteName): Pair {
  return pairsByFile.get(partyFileOf({ name: suite })) ?? assert.fail();
}

/** A byte string within a CBOR array in hex, by the places on the way to it. */
export function bytesAt(encoded: string | null, path: readonly number[]): Uint8Array {
  const bytes = Uint8Array.fromHex(encoded ?? "");
  let value: CborValue | undefined = decode(bytes, bytes.length);
  for (const place of path) value = Array.isArray(value) ? (value as readonly CborValue[])[place] : undefined;
  return value instanceof Uint8Array ? value : assert.fail("no bytes there");
}
