import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CborValue, decode, decodeItem, encode, SealaneError, Tagged, type WireCode } from "../../src/index.ts";
import { allowedTags, maxDepth, maxItems, scratchBytes } from "../../src/limits.ts";

const ample = 4_000_000;

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

const refusals: readonly (readonly [string, string, WireCode])[] = [
  ["nothing", "", "WIRE_TRUNCATED"],
  ["a number cut in its argument", "19 01", "WIRE_TRUNCATED"],
  ["bytes shorter than announced", "43 0102", "WIRE_TRUNCATED"],
  ["bytes of 2^53 - 1", "5b 001fffffffffffff", "WIRE_TRUNCATED"],
  ["bytes of 2^64 - 1", "5b ffffffffffffffff", "WIRE_NOT_DETERMINISTIC"],
  ["text of 4 GiB", "7b 0000000100000000", "WIRE_TRUNCATED"],
  ["an array of 2^32 - 1", "9a ffffffff", "WIRE_TRUNCATED"],
  ["an array of 2^53 - 1", "9b 001fffffffffffff", "WIRE_TRUNCATED"],
  ["a map of 2^53 - 1", "bb 001fffffffffffff", "WIRE_TRUNCATED"],
  ["a map without its last value", "a1 01", "WIRE_TRUNCATED"],
  ["a tag without a value", "d2", "WIRE_TRUNCATED"],
  ["two items", "01 01", "WIRE_TRAILING_BYTES"],
  ["23 in one byte more", "18 17", "WIRE_NOT_DETERMINISTIC"],
  ["255 in two bytes", "19 00ff", "WIRE_NOT_DETERMINISTIC"],
  ["65535 in four bytes", "1a 0000ffff", "WIRE_NOT_DETERMINISTIC"],
  ["2^32 - 1 in eight bytes", "1b 00000000ffffffff", "WIRE_NOT_DETERMINISTIC"],
  ["-24 in one byte more", "38 17", "WIRE_NOT_DETERMINISTIC"],
  ["a length in one byte more", "58 01 ff", "WIRE_NOT_DETERMINISTIC"],
  ["an array's length in one byte more", "98 01 00", "WIRE_NOT_DETERMINISTIC"],
  ["2^53", "1b 0020000000000000", "WIRE_NOT_DETERMINISTIC"],
  ["-2^53", "3b 001fffffffffffff", "WIRE_NOT_DETERMINISTIC"],
  ["2^64 - 1", "1b ffffffffffffffff", "WIRE_NOT_DETERMINISTIC"],
  ["reserved argument 28", "1c", "WIRE_NOT_DETERMINISTIC"],
  ["reserved argument 30", "5e", "WIRE_NOT_DETERMINISTIC"],
  ["indefinite bytes", "5f 41 00 ff", "WIRE_NOT_DETERMINISTIC"],
  ["indefinite text", "7f 61 61 ff", "WIRE_NOT_DETERMINISTIC"],
  ["an indefinite array", "9f ff", "WIRE_NOT_DETERMINISTIC"],
  ["an indefinite map", "bf ff", "WIRE_NOT_DETERMINISTIC"],
  ["break alone", "ff", "WIRE_NOT_DETERMINISTIC"],
  ["a half float", "f9 3c00", "WIRE_NOT_DETERMINISTIC"],
  ["a single float", "fa 3f800000", "WIRE_NOT_DETERMINISTIC"],
  ["a double float", "fb 3ff0000000000000", "WIRE_NOT_DETERMINISTIC"],
  ["NaN", "f9 7e00", "WIRE_NOT_DETERMINISTIC"],
  ["undefined", "f7", "WIRE_NOT_DETERMINISTIC"],
  ["simple value 0", "e0", "WIRE_NOT_DETERMINISTIC"],
  ["simple value 255", "f8 ff", "WIRE_NOT_DETERMINISTIC"],
  ["false in two bytes", "f8 14", "WIRE_NOT_DETERMINISTIC"],
  ["tag 0", "c0 60", "WIRE_NOT_DETERMINISTIC"],
  ["a bignum", "c2 41 01", "WIRE_NOT_DETERMINISTIC"],
  ["COSE_Sign", "d8 62 80", "WIRE_NOT_DETERMINISTIC"],
  ["self-described CBOR", "d9 d9f7 00", "WIRE_NOT_DETERMINISTIC"],
  ["tag 18 in one byte more", "d8 12 00", "WIRE_NOT_DETERMINISTIC"],
  ["map keys out of order", "a2 02 00 01 00", "WIRE_NOT_DETERMINISTIC"],
  ["map keys in the order of RFC 7049", "a2 20 00 18 18 00", "WIRE_NOT_DETERMINISTIC"],
  ["a key twice", "a2 01 00 01 00", "WIRE_NOT_DETERMINISTIC"],
  ["a key twice, text", "a2 61 61 00 61 61 01", "WIRE_NOT_DETERMINISTIC"],
  ["byte string keys", "a1 41 01 00", "WIRE_NOT_DETERMINISTIC"],
  ["a byte string key twice", "a2 41 01 00 41 01 01", "WIRE_NOT_DETERMINISTIC"],
  ["an array as key", "a1 80 00", "WIRE_NOT_DETERMINISTIC"],
  ["a map as key", "a1 a0 00", "WIRE_NOT_DETERMINISTIC"],
  ["null as key", "a1 f6 00", "WIRE_NOT_DETERMINISTIC"],
  ["true as key", "a1 f5 00", "WIRE_NOT_DETERMINISTIC"],
  ["a tag as key", "a1 d2 00 00", "WIRE_NOT_DETERMINISTIC"],
  ["a byte string as second key, behind a nested map", "a2 01 a1 02 03 41 01 00", "WIRE_NOT_DETERMINISTIC"],
  ["a lone continuation byte", "61 80", "WIRE_NOT_DETERMINISTIC"],
  ["an overlong slash", "62 c0af", "WIRE_NOT_DETERMINISTIC"],
  ["a surrogate in UTF-8", "63 eda080", "WIRE_NOT_DETERMINISTIC"],
  ["a cut character", "62 e282", "WIRE_NOT_DETERMINISTIC"],
  ["a character beyond U+10FFFF", "64 f4908080", "WIRE_NOT_DETERMINISTIC"],
  ["a long text that is no UTF-8", `78 28 ${"61".repeat(39)} ff`, "WIRE_NOT_DETERMINISTIC"],
  ["text that begins with a byte order mark", "63 efbbbf", "WIRE_NOT_DETERMINISTIC"],
];

describe("the decoder refuses", () => {
  for (const [what, hex, code] of refusals) {
    test(what, () => {
      assert.throws(() => decode(fromHex(hex), ample), { code });
      if (code !== "WIRE_TRAILING_BYTES" && hex !== "") {
        assert.throws(() => decode(fromHex(`82 00 ${hex}`), ample), { code }, "also inside an array");
      }
    });
  }

  test("a cut or malformed item without its bytes in the error", () => {
    const secret = Buffer.from("5ec2e7b17e5a11ed");
    for (const tail of ["ff", "f7", "a2 01 00 01 00", "61 80"]) {
      const bytes = Buffer.concat([fromHex("82 50"), secret, fromHex(tail)]);
      assert.throws(
        () => decode(bytes, ample),
        (error: unknown) => {
          assert.ok(error instanceof SealaneError);
          assert.equal(error.cause, undefined);
          return !JSON.stringify(error).includes(secret.toString());
        },
      );
    }
  });
});

describe("bombs", () => {
  const nested = (depth: number, head: number): Uint8Array => Uint8Array.of(...new Array<number>(depth).fill(head), 0xf6);

  test("nesting up to the limit is read, one level more is refused", () => {
    assert.ok(Array.isArray(decode(nested(maxDepth, 0x81), ample)));
    assert.throws(() => decode(nested(maxDepth + 1, 0x81), ample), { code: "WIRE_TOO_DEEP" });
    assert.throws(() => decode(nested(maxDepth + 1, 0xd2), ample), { code: "WIRE_TOO_DEEP" });
    const maps = Uint8Array.of(...new Array<number>(maxDepth + 1).fill(0).flatMap(() => [0xa1, 0x01]), 0xf6);
    assert.throws(() => decode(maps, ample), { code: "WIRE_TOO_DEEP" });
  });

  test("a megabyte of nested arrays is refused", () => {
    assert.throws(() => decode(new Uint8Array(1_000_000).fill(0x81), ample), { code: "WIRE_TOO_DEEP" });
  });

  test("items up to the limit are read, one more is refused", () => {
    const nulls = (count: number): Uint8Array => {
      const bytes = new Uint8Array(5 + count).fill(0xf6);
      bytes.set([0x9a, 0, count >> 16, (count >> 8) & 255, count & 255]);
      return count > 0xffff ? bytes : Uint8Array.of(0x99, ...bytes.subarray(3));
    };
    const most = decode(nulls(maxItems - 1), ample);
    assert.ok(Array.isArray(most) && most.length === maxItems - 1);
    assert.throws(() => decode(nulls(maxItems), ample), { code: "WIRE_SIZE_EXCEEDED" });
  });

  test("huge claims cost no memory", () => {
    const claims = refusals.filter(([what]) => what.includes("2^") || what.includes("GiB")).map(([, hex]) => fromHex(hex));
    assert.ok(claims.length > 5);
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 50; round++) {
      for (const claim of claims) assert.throws(() => decode(claim, ample), SealaneError);
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
  });
});

describe("the encoder refuses", () => {
  const cyclic: CborValue[] = [];
  cyclic.push(cyclic);
  const deep = (levels: number): CborValue => (levels === 0 ? null : [deep(levels - 1)]);
  // What TypeScript lets through, and what it would not.
  const unencodable: readonly (readonly [string, unknown])[] = [
    ["a fraction", 0.5],
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["2^53", 2 ** 53],
    ["-2^53", -(2 ** 53)],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate as key", new Map([["\udc00", 1]])],
    ["a byte order mark", "\ufeffx"],
    ["a tag that is not allowed", new Tagged(99, 1)],
    ["more levels than allowed", deep(maxDepth + 1)],
    ["more items than allowed", new Array<null>(maxItems).fill(null)],
    ["itself", cyclic],
    ["undefined", undefined],
    ["undefined inside", [undefined]],
    ["a bigint", 1n],
    ["an object", { a: 1 }],
    ["a symbol", Symbol("a")],
    ["a function", () => 1],
    ["a date", new Date(0)],
    ["a map with bytes as key", new Map([[new Uint8Array(1), 1]])],
    ["a map with null as key", new Map([[null, 1]])],
    ["something unencodable in a large message", [new Uint8Array(2 * scratchBytes), { a: 1 }]],
  ];
  for (const [what, value] of unencodable) {
    test(what, () => assert.throws(() => encode(value as CborValue), { code: "WIRE_VALUE_UNENCODABLE" }));
  }

  test("and goes on as before", () => {
    assert.throws(() => encode([new Uint8Array(40).fill(0x55), 0.5]), { code: "WIRE_VALUE_UNENCODABLE" });
    assert.deepEqual(encode([1, "a"]), fromHex("82 01 61 61"));
  });
});

describe("the encoder", () => {
  test("writes the examples of RFC 8949, appendix A, that are allowed here", () => {
    const examples: readonly (readonly [CborValue, string])[] = [
      [0, "00"],
      [23, "17"],
      [24, "1818"],
      [1000, "1903e8"],
      [1_000_000, "1a000f4240"],
      [1_000_000_000_000, "1b000000e8d4a51000"],
      [-1, "20"],
      [-1000, "3903e7"],
      [false, "f4"],
      [true, "f5"],
      [null, "f6"],
      [new Uint8Array(), "40"],
      [Uint8Array.of(1, 2, 3, 4), "4401020304"],
      ["", "60"],
      ["IETF", "6449455446"],
      ['"\\', "62225c"],
      ["\u00fc", "62c3bc"],
      ["\u6c34", "63e6b0b4"],
      ["\ud800\udd51", "64f0908591"],
      [[], "80"],
      [[1, [2, 3], [4, 5]], "8301820203820405"],
      [Array.from({ length: 25 }, (_, i) => i + 1), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"],
      [new Map(), "a0"],
      [new Map([[3, 4] as const, [1, 2] as const]), "a201020304"],
      [new Map<string, CborValue>([["b", [2, 3]] as const, ["a", 1] as const]), "a26161016162820203"],
    ];
    for (const [value, hex] of examples) {
      assert.equal(Buffer.from(encode(value)).toString("hex"), hex);
      assert.deepEqual(decode(fromHex(hex), ample), value);
    }
  });

  test("gives large messages memory of their own too", () => {
    for (const length of [scratchBytes - 4, scratchBytes - 3, scratchBytes, 100_000]) {
      const bytes = encode(new Uint8Array(length).fill(3));
      assert.equal(bytes.buffer.byteLength, bytes.length);
      assert.deepEqual(decode(bytes, ample), new Uint8Array(length).fill(3));
    }
  });

  test("leaves nothing of a message in the memory that small Buffers share", () => {
    const pool = Buffer.allocUnsafe(1).buffer;
    const secret = crypto.getRandomValues(new Uint8Array(200));
    for (let i = 0; i < 20; i++) decode(encode([secret, 1]), ample);
    assert.equal(Buffer.from(pool).includes(secret.subarray(10, 40)), false);
  });
});

test("allowed tags are read at any depth, and an item is read from where it begins to where it ends", () => {
  for (const tag of allowedTags) {
    const bytes = encode([new Tagged(tag, [tag])]);
    assert.deepEqual(decode(bytes, ample), [new Tagged(tag, [tag])]);
    const padded = Uint8Array.of(0xff, ...bytes, 0xff);
    assert.equal(decodeItem(padded, 1).end, 1 + bytes.length);
  }
  assert.throws(() => decodeItem(Uint8Array.of(1), 1), { code: "WIRE_TRUNCATED" });
});
