import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CborValue, encode, Tagged } from "@sealane/wire";
import { Cddl } from "../../src/cddl/cddl.ts";
import { boundaryChangesOf, changedAt, changesOf } from "../../src/cddl/changes.ts";
import type { Path } from "../../src/cddl/match.ts";
import { CddlError } from "../../src/cddl/syntax.ts";

const bytes = (length: number): Uint8Array => new Uint8Array(length);
const map = (...entries: [number | string, CborValue][]): CborValue => new Map(entries);

/** A document whose rule `a` takes the first values and none of the second (the sections of RFC 8610 that say so). */
const meanings: Readonly<Record<string, readonly [document: string, taken: readonly CborValue[], refused: readonly CborValue[]]>> = {
  "literals (2.1)": ['a = 5 / -19 / "x" ; a comment', [5, -19, "x"], [6, 19, "", "xx", null, bytes(1)]],
  "the prelude (D)": ["a = bstr / tstr / null / true / false", [bytes(0), "", null, true, false], [0, [], new Map()]],
  "ranges (2.2.2.1)": ["a = -1..top top = 3", [-1, 0, 3], [-2, 4, "0"]],
  "arrays (2.1)": ["a = [b: 1, tstr]", [[1, ""]], [[1], [1, "", ""], ["", 1], 1, map([0, 1], [1, ""])]],
  "nothing in an array or map": ["a = [] / {}", [[], new Map()], [[null], map([1, 1])]],
  "occurrences (3.2)": ["a = [1*2 5, * tstr, ? null]", [[5], [5, 5, "x", "y", null], [5, null]], [[], [5, 5, 5], [5, null, "x"]]],
  "occurrences that leave something for what is behind": [
    "a = [*3 5, 5, tstr]",
    [
      [5, "x"],
      [5, 5, 5, 5, "x"],
    ],
    [["x"], [5, 5, 5, 5, 5, "x"]],
  ],
  "groups (2.1)": [
    "a = [1, b, 4] b = (2, x: 3)",
    [[1, 2, 3, 4]],
    [
      [1, 2, 4],
      [1, [2, 3], 4],
    ],
  ],
  "occurrences stand close to their star (A)": [
    "a = [*2 5, * 6, 7]",
    [[7], [5, 5, 6, 6, 6, 7]],
    [
      [5, 5, 5, 7],
      [6, 5, 7],
    ],
  ],
  "groups that repeat": ["a = [* b] b = (1, 2)", [[], [1, 2, 1, 2]], [[1], [1, 2, 1]]],
  "group choices (2.2.2.2)": [
    "a = [b, 9] b = (1, 2 // 3)",
    [
      [1, 2, 9],
      [3, 9],
    ],
    [
      [1, 3, 9],
      [1, 9],
      [1, 2, 3, 9],
    ],
  ],
  "maps (3.5)": [
    "a = { 1: tstr, -4: 5, ? x: null }",
    [map([1, ""], [-4, 5]), map([1, ""], [-4, 5], ["x", null])],
    [map([1, ""]), map([1, ""], [-4, 5], [2, 0]), [1]],
  ],
  "tags (3.6)": ["a = #6.18([tstr])", [new Tagged(18, ["x"])], [["x"], new Tagged(17, ["x"]), new Tagged(18, "x")]],
  "sizes of bytes and text (3.8.1)": [
    "a = bstr .size 2 / tstr .size (1..n) n = 2",
    [bytes(2), "é", "ab"],
    [bytes(1), bytes(3), "", "éa", 2],
  ],
  "patterns of the whole text (3.8.3)": ['a = tstr .regexp "[a-z.]{1,2}"', ["a", "a."], ["", "abc", "A", "a\n", " a"]],
  "CBOR inside bytes (3.8.4)": ["a = bstr .cbor [5]", [encode([5])], [encode([6]), [5], bytes(0), Uint8Array.of(0x81, 0x18, 5)]],
  "both of two types (3.8.5)": ["a = (bstr .size (1..2)) .and (bstr .cbor [* 5])", [encode([]), encode([5])], [encode([5, 5]), bytes(2)]],
  "generics (3.10)": [
    "a = b<1, [c]> b<x, y> = [x, y, bstr .size n<x>] n<x> = x c = 7",
    [[1, [7], bytes(1)]],
    [
      [2, [7], bytes(1)],
      [1, [7], bytes(2)],
    ],
  ],
  "parameters that hide a rule and another's parameter": [
    "a = b<c> c = 1 b<c> = d<[c]> d<c> = [c, 2]",
    [[[1], 2]],
    [
      [1, 2],
      [[[1]], 2],
    ],
  ],
  "sockets (3.9)": ["a = $b $b /= 1 $b /= 2 / 3", [1, 2, 3], [4]],
};

/** Documents that are refused, with what the sentence names. */
const refused: Readonly<Record<string, readonly [document: string, named: string]>> = {
  "a float": ["a = 1.5", "1.5"],
  "a hexadecimal number": ["a = 0x10", "0x10"],
  "an escape in text": ['a = "\\n"', '"'],
  "a byte literal": ["a = h'00'", "'"],
  "a range without its end": ["a = 0...5", "..."],
  "an unknown control operator": ["a = 1..2 b = 5 .le a", ".le"],
  "two control operators": ["a = bstr .size 1 .cbor 5", ".cbor"],
  "an arrow in a map": ["a = { tstr => 5 }", "=>"],
  unwrapping: ["a = ~b b = [5]", "~"],
  "a choice from a group": ["a = &b b = (5)", "&"],
  "one or more": ["a = [+ 5]", "+"],
  "any tag": ["a = #6(5)", "#6"],
  "a simple value": ["a = #7.25", "#7"],
  "a group socket": ["a = [$$b]  $$b //= (5)", "$$b"],
  "more of a rule that is no socket": ["a = 1 a /= 2", "/="],
  "a socket that is closed": ["$a = 1", "="],
  "a socket with parameters": ["$a<b> /= b", "$a"],
  "a group within a group": ["a = [* (5, 6)]", ","],
  "an array that does not end": ["a = [5", "the end"],
  "a name that is not defined": ["a = [b]", "b"],
  "a type of the prelude that is not supported": ["a = any", "any"],
  "a socket that nothing is put in": ["a = $b", "$b"],
  "a missing argument": ["a = b b<c> = c", "b 0"],
  "an argument too many": ["a = b<1> b = 1", "b 1"],
  "an argument for a parameter": ["a = b<1> b<c> = c<2>", "c 1"],
  "a parameter that hides a group": ["a = b<1> b<c> = [c] c = (5, 6)", "c"],
  "a rule that stands twice": ["a = 1 a = 2", "a"],
};

describe("the CDDL that docs/sealane.cddl is written in", () => {
  for (const [what, [text, taken, others]] of Object.entries(meanings)) {
    test(what, () => {
      const cddl = new Cddl(text);
      for (const value of taken) assert.equal(cddl.match("a", value).matches, true, `${encode(value).toHex()} is refused`);
      for (const value of others) assert.equal(cddl.match("a", value).matches, false, `${encode(value).toHex()} is taken`);
    });
  }

  for (const [what, [text, named]] of Object.entries(refused)) {
    test(`refused: ${what}`, () => {
      assert.throws(
        () => new Cddl(text),
        (error: unknown) => error instanceof CddlError && error.message.includes(named),
      );
    });
  }

  const senseless: readonly (readonly [string, CborValue])[] = [
    ["a = 1 .size 1", 1],
    ["a = bstr .size tstr", bytes(1)],
    ['a = bstr .regexp "x"', bytes(1)],
    ["a = { * 5: 1 }", new Map()],
    ["a = { 5 }", new Map()],
    ["a = b b = (1, 2)", 1],
    ["a = [b<1>] b<c> = (c, c)", [1, 1]],
    ["b = 1", 1],
    ["a<x> = x", 1],
  ];
  for (const [text, value] of senseless) {
    test(`senseless when it is used: ${text}`, () => assert.throws(() => new Cddl(text).match("a", value), CddlError));
  }
});

test("what has no bound is told", () => {
  const cddl = new Cddl(
    "a = [bstr, tstr .size 2, * null] b = { 1: c<tstr>, 2: bstr .cbor [tstr] } c<x> = (x / bstr .size 1) .and (bstr .cbor null)",
  );
  assert.deepEqual(cddl.unbounded, ["a: bstr, tstr .size 2, * null", "a: bstr", "b: tstr", "b: tstr"]);
});

describe("what a match tells", () => {
  const cddl = new Cddl("a = [b, c: null / b] b = 1 / 2");

  test("the rules and alternatives that were used, and those of no attempt that failed", () => {
    const outcome = cddl.match("a", [2, null]);
    assert.ok(outcome.matches);
    const labels = cddl.parts.filter(({ node }) => outcome.used.has(node)).map(({ label }) => label);
    assert.deepEqual(labels, ["a: [b, c: null / b]", "a: null", "b: 1 / 2", "b: 2"]);
  });

  test("the deepest place at which nothing fits", () => {
    const outcome = cddl.match("a", [2, 3]);
    assert.ok(!outcome.matches);
    assert.match(outcome.reason, /^at \[1\]: no /);
  });
});

describe("changed messages", () => {
  const cddl = new Cddl(
    'a = #6.18([b: bstr .cbor { 1: 5..6 }, c: [1*2 bstr .size 2], d: "x" / null, e: tstr .regexp "[a-z]+", f: (bstr .size (1..2)) .and (bstr .cbor 7)])',
  );
  const message = new Tagged(18, [encode(new Map([[1, 5]])), [bytes(2)], "x", "abc", encode(7)]);

  test("every place is changed, and nothing that is changed is taken", () => {
    const outcome = cddl.match("a", message);
    assert.ok(outcome.matches);
    const changes = [...changesOf(cddl, message, outcome.places)];
    assert.deepEqual(
      changes.filter(({ value }) => cddl.match("a", value).matches).map(({ what }) => what),
      [],
    );
    const kinds = new Set(changes.map(({ what }) => what.split(" at ")[0]));
    const expected = ["another type", "an additional element", "a missing element", "an additional key", "key 1 missing", "another text"];
    for (const kind of [...expected, "another tag", "no tag", "a trailing byte", "4", "7", "1", "3", "0"]) assert.ok(kinds.has(kind), kind);
  });

  test("a loose rule is found out", () => {
    const loose = new Cddl("a = [* tstr]");
    const outcome = loose.match("a", ["x", "y"]);
    assert.ok(outcome.matches);
    const changes = [...boundaryChangesOf(["x", "y"], outcome.places)];
    assert.deepEqual(
      changes.map(({ value, isWithin }) => [value, isWithin]),
      [[[], true]],
    );
  });

  test("a change reaches through arrays, maps, tags and byte strings and leaves the message as it was", () => {
    const path: Path = ["tagged", { item: 0 }, "cbor", { key: 1 }];
    const changed = changedAt(message, path, 6);
    assert.equal(encode(changed).toHex(), encode(message).toHex().replace("a10105", "a10106"));
    assert.equal(cddl.match("a", message).matches, true);
  });
});
