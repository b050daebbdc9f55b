import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "@sealane/wire";
import { commandLine, parseFingerprint, parseServerUrl, parseTypedName, parseWholeNumber, shellWord } from "../../src/index.ts";

const wrong = (error: unknown): boolean => hasCode(error, "CLI_USAGE_WRONG");
const option = "--option";

test("whole numbers are digits within their bounds", () => {
  const parse = (text: string): number => parseWholeNumber({ option, text, min: 1, max: 100 });
  assert.deepEqual(["1", "007", "100"].map(parse), [1, 7, 100]);
  for (const text of ["", "0", "101", "-1", "+1", "1e1", "0x1", "1.0", " 1", "1 ", "9".repeat(400)])
    assert.throws(() => parse(text), wrong, text);
});

test("a server's address is http or https, keeps its path and names no user", () => {
  const parse = (text: string): string => parseServerUrl({ option, text });
  assert.deepEqual(["https://A.example:443", "http://a.example:1/", "https://a.example/ota", "https://a.example/ota/b//"].map(parse), [
    "https://a.example",
    "http://a.example:1",
    "https://a.example/ota",
    "https://a.example/ota/b",
  ]);
  for (const text of [
    "",
    "a.example",
    "ftp://a.example",
    "http://user@a.example",
    "http://:secret@a.example",
    "http://a/?b",
    "http://a/#b",
  ]) {
    assert.throws(() => parseServerUrl({ option, text }), wrong, text);
  }
});

test("fingerprints have 64 hex digits, in either case", () => {
  assert.equal(parseFingerprint({ option, text: "AB".repeat(32) }), "ab".repeat(32));
  for (const text of ["", "ab", "g".repeat(64), "a".repeat(65)]) assert.throws(() => parseFingerprint({ option, text }), wrong, text);
});

test("a wrong name that was typed is wrong use, not a peer that cannot be trusted", () => {
  assert.equal(parseTypedName({ option, text: "gateway-1" }), "gateway-1");
  for (const text of ["", "Gateway", "a b", "a".repeat(129)]) assert.throws(() => parseTypedName({ option, text }), wrong, text);
});

test("words for a shell are quoted where they must be", () => {
  assert.deepEqual(["/a/b-1.c", "", "a b", "it's", "$x"].map(shellWord), ["/a/b-1.c", "''", "'a b'", "'it'\\''s'", "'$x'"]);
});

test("a suggested command parses as it stands, also for a name that looks like an option", () => {
  assert.equal(commandLine("sealane-terminal install", "app", ["--state", "a b"]), "sealane-terminal install app --state 'a b'");
  assert.equal(commandLine("sealane-terminal install", "-m", ["--state", "s"]), "sealane-terminal install --state s -- -m");
});
