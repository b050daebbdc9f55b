import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  byteString,
  bytesAs,
  type CborValue,
  type Codec,
  decodeAs,
  digest,
  encode,
  encodeAs,
  flag,
  integer,
  linkId,
  listOf,
  literal,
  maxNameBytes,
  nameCodec,
  nonce,
  nullable,
  oneOf,
  parseName,
  Tagged,
  text,
  tuple,
  uint,
  variants,
} from "../../src/index.ts";

interface Row {
  readonly codec: Codec<unknown>;
  readonly good: readonly CborValue[];
  readonly bad: readonly CborValue[];
}

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(length);

interface Point {
  readonly x: number;
  readonly label: string | null;
}

const pointCodec: Codec<Point> = tuple<Point>({ x: integer, label: nullable(text(3)) });

type Shape =
  | { readonly kind: "circle"; readonly radius: number }
  | { readonly kind: "line"; readonly from: Point; readonly to: Point }
  | { readonly kind: "nothing" };

const shapeCodec: Codec<Shape> = variants<Shape>({
  circle: { radius: uint(9) },
  line: { from: pointCodec, to: pointCodec },
  nothing: {},
});

const rows: Readonly<Record<string, Row>> = {
  uint: { codec: uint(), good: [0, 1, Number.MAX_SAFE_INTEGER], bad: [-1, "1", null, true, bytes(1), [1], new Map()] },
  "uint with a bound": { codec: uint(24), good: [0, 24], bad: [25, -1] },
  integer: { codec: integer, good: [0, -1, 5, Number.MIN_SAFE_INTEGER], bad: ["0", null, false, [0]] },
  flag: { codec: flag, good: [true, false], bad: [0, 1, null, "true"] },
  text: {
    codec: text(4),
    good: ["", "abcd", "éé", "😀"],
    bad: ["abcde", "ééa", "😀a", "a\n", "\u0000", "\u007f", "\u0085", "\u001b", "\u2028", "\u202e", "\u2066", 1, null, bytes(1)],
  },
  byteString: { codec: byteString({ min: 1, max: 3 }), good: [bytes(1), bytes(3)], bad: [bytes(0), bytes(4), "a", [1], null] },
  "byteString without a least length": { codec: byteString({ max: 1 }), good: [bytes(0), bytes(1)], bad: [bytes(2)] },
  digest: { codec: bytesAs(digest), good: [bytes(32)], bad: [bytes(31), bytes(33), bytes(0), "a".repeat(32), null] },
  nonce: { codec: bytesAs(nonce), good: [bytes(16)], bad: [bytes(15), bytes(32), null] },
  "link id": { codec: bytesAs(linkId), good: [bytes(16)], bad: [bytes(17), new Map()] },
  name: { codec: nameCodec, good: ["a", "urn:x_1.y-z"], bad: ["", "A", "a b", 1, null, bytes(3)] },
  "literal text": { codec: literal("a"), good: ["a"], bad: ["b", "", null, 1] },
  "literal number": { codec: literal(1), good: [1], bad: [2, "1", true] },
  "literal flag": { codec: literal(true), good: [true], bad: [false, 1, null] },
  oneOf: { codec: oneOf(["a", "b"]), good: ["a", "b"], bad: ["c", "", null, 0] },
  "oneOf numbers": { codec: oneOf([1, 2]), good: [1, 2], bad: [0, 3, "1"] },
  nullable: { codec: nullable(uint(1)), good: [null, 0, 1], bad: [2, false, "", []] },
  listOf: { codec: listOf(uint(1), { min: 1, max: 2 }), good: [[0], [1, 0]], bad: [[], [0, 0, 0], [2], [null], null, "a", new Map()] },
  "listOf without a least length": { codec: listOf(flag, { max: 1 }), good: [[], [true]], bad: [[true, true]] },
  tuple: {
    codec: pointCodec,
    good: [
      [1, "abc"],
      [-1, null],
    ],
    bad: [[1], [1, "a", 2], [null, "a"], [1, "abcd"], [], null, new Map([["x", 1]]), new Tagged(16, [1, "a"])],
  },
  variants: {
    codec: shapeCodec,
    good: [["circle", 3], ["line", [1, null], [2, "b"]], ["nothing"]],
    bad: [["circle", 10], ["circle"], ["nothing", 1], ["square", 1], ["toString"], ["__proto__"], ["constructor"], [], [1], "circle", null],
  },
};

describe("codecs", () => {
  for (const [name, { codec, good, bad }] of Object.entries(rows)) {
    test(`${name}: takes its values and gives them back`, () => {
      for (const value of good) {
        const encoded = encode(value);
        const decoded = decodeAs(codec, encoded, { maxBytes: 1000, what: "test" });
        assert.deepEqual(encodeAs(codec, decoded), encoded);
      }
    });
    test(`${name}: refuses other values`, () => {
      for (const value of bad) {
        assert.throws(() => decodeAs(codec, encode(value), { maxBytes: 1000, what: "test" }), { code: "WIRE_SHAPE_WRONG" });
      }
    });
  }

  test("give the path of the wrong field", () => {
    const codec = tuple<{ readonly points: readonly Point[] }>({ points: listOf(pointCodec, { max: 3 }) });
    const wrong = encode([
      [
        [1, null],
        [2, "long"],
      ],
    ]);
    assert.throws(() => decodeAs(codec, wrong, { maxBytes: 100, what: "map" }), {
      code: "WIRE_SHAPE_WRONG",
      details: { field: "map.points[1].label", expected: "text of at most 3 bytes" },
    });
  });

  test("refuse what the decoder refuses, with its code", () => {
    const options = { maxBytes: 3, what: "test" };
    assert.throws(() => decodeAs(integer, bytes(4), options), { code: "WIRE_SIZE_EXCEEDED" });
    assert.throws(() => decodeAs(integer, Uint8Array.of(0x18, 1), options), { code: "WIRE_NOT_DETERMINISTIC" });
    assert.throws(() => decodeAs(integer, Uint8Array.of(1, 1), options), { code: "WIRE_TRAILING_BYTES" });
    assert.throws(() => decodeAs(integer, Uint8Array.of(0x18), options), { code: "WIRE_TRUNCATED" });
  });

  test("give objects with the fields of their type", () => {
    assert.deepEqual(decodeAs(pointCodec, encode([7, "a"]), { maxBytes: 10, what: "point" }), { x: 7, label: "a" });
    const line = encode(["line", [1, null], [2, null]]);
    const expected: Shape = { kind: "line", from: { x: 1, label: null }, to: { x: 2, label: null } };
    assert.deepEqual(decodeAs(shapeCodec, line, { maxBytes: 20, what: "shape" }), expected);
  });

  test("do not encode a variant that does not exist", () => {
    assert.throws(() => encodeAs(shapeCodec, { kind: "square" } as unknown as Shape), { code: "WIRE_VALUE_UNENCODABLE" });
  });
});

describe("names", () => {
  test("are 1 to 128 of a-z 0-9 . _ : -", () => {
    for (const name of ["a", "server.example", "urn:sealane:x_1-2", "0", "-", "a".repeat(maxNameBytes)])
      assert.equal(parseName(name), name);
  });
  test("are nothing else", () => {
    const wrong = ["", "A", "a b", "é", "a\n", "\na", "a/b", "a\u0000", "ａ", "a".repeat(maxNameBytes + 1), "*", "aİ"];
    for (const name of wrong) assert.throws(() => parseName(name), { code: "WIRE_SHAPE_WRONG" });
  });
});
