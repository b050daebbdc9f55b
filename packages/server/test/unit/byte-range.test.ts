import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "@sealane/wire";
import fc from "fast-check";
import { parseRange } from "../../src/byte-range.ts";

test("one range in bytes", () => {
  const table: readonly (readonly [string | undefined, readonly [number, number] | null])[] = [
    [undefined, null],
    ["bytes=0-0", [0, 0]],
    ["bytes=0-99", [0, 99]],
    ["bytes=10-19", [10, 19]],
    ["bytes=90-", [90, 99]],
    ["bytes=99-", [99, 99]],
    ["bytes=0-", [0, 99]],
    ["bytes=-1", [99, 99]],
    ["bytes=-100", [0, 99]],
    ["bytes=-1000", [0, 99]],
    ["bytes=50-1000", [50, 99]],
    ["bytes=50-99999999999999999999999", [50, 99]],
    ["BYTES=1-2", [1, 2]],
    ["bytes= 1-2 ", [1, 2]],
    ["items=0-1", null], // RFC 9110, section 14.2: an unknown unit is ignored
    ["bytesize=0-1", null],
  ];
  for (const [header, expected] of table) {
    const range = parseRange(header, 100);
    assert.deepEqual(range === null ? null : [range.start, range.end], expected, String(header));
  }
});

test("anything else in bytes is refused", () => {
  const refused = [
    "bytes=100-",
    "bytes=100-200",
    "bytes=99999999999999999999999-",
    "bytes=2-1",
    "bytes=-0",
    "bytes=-",
    "bytes=",
    "bytes",
    "bytes 0-1",
    "bytes=0-1,2-3",
    "bytes=0-1,",
    "bytes=a-b",
    "bytes=1.5-2",
    "bytes=+1-2",
    "bytes=0x1-2",
    "bytes=--1",
    "bytes=1-2-3",
  ];
  for (const header of refused) {
    assert.throws(
      () => parseRange(header, 100),
      (error) => hasCode(error, "API_RANGE_WRONG"),
      header,
    );
  }
});

test("whatever the header, what is given lies in the file", () => {
  const header = fc.oneof(
    fc.string(),
    fc.string().map((text) => `bytes=${text}`),
    fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
  );
  fc.assert(
    fc.property(header, fc.integer({ min: 1, max: 2 ** 40 }), (text, fileBytes) => {
      try {
        const range = parseRange(text, fileBytes);
        return range === null || (range.start >= 0 && range.start <= range.end && range.end < fileBytes);
      } catch (error) {
        return hasCode(error, "API_RANGE_WRONG");
      }
    }),
    { seed: Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() & 0x7fffffff), verbose: true },
  );
});
