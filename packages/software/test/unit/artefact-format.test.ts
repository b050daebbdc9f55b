import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headerBytesFor, layoutOf, segmentRange } from "../../src/artefact-format.ts";
import { artefactPrefixBytes } from "../../src/artefact-header.ts";
import { maxSegmentBytes, maxSegments, minSegmentBytes } from "../../src/limits.ts";

const kib64 = minSegmentBytes;

describe("the layout of an artefact", () => {
  const rows: readonly (readonly [plaintextBytes: number, segments: number, headerBytes: number])[] = [
    [0, 1, 178],
    [1, 1, 178],
    [23, 1, 178],
    [24, 1, 179],
    [kib64 - 1, 1, 180],
    [kib64, 1, 182],
    [kib64 + 1, 2, 214],
    [kib64 * 2, 2, 214],
    [kib64 * 7, 7, 374],
    [kib64 * 8, 8, 407], // the list's head grows to three bytes
  ];
  for (const [plaintextBytes, segments, headerBytes] of rows) {
    test(`FAST: of ${plaintextBytes} bytes is ${segments} segments behind ${headerBytes} bytes`, () => {
      const layout = layoutOf({ plaintextBytes, segmentBytes: kib64 });
      assert.equal(layout.segments, segments);
      assert.equal(layout.headerBytes, headerBytes);
      assert.equal(headerBytesFor({ plaintextBytes, segmentBytes: kib64 }), headerBytes);
      assert.equal(layout.fileBytes, headerBytes + plaintextBytes + 16 * segments);
      let file = headerBytes;
      let plaintext = 0;
      for (let index = 0; index < segments; index++) {
        const range = segmentRange(layout, index);
        assert.equal(range.fileStart, file);
        assert.equal(range.plaintextStart, plaintext);
        assert.equal(range.fileEnd - range.fileStart, range.plaintextBytes + 16);
        file = range.fileEnd;
        plaintext += range.plaintextBytes;
      }
      assert.equal(file, layout.fileBytes);
      assert.equal(plaintext, plaintextBytes);
    });
  }

  test("FAST: adds at most 0.02 % at segments of 1 MiB", () => {
    const plaintextBytes = 2 ** 30;
    const { fileBytes } = layoutOf({ plaintextBytes, segmentBytes: 2 ** 20 });
    assert.ok((fileBytes - plaintextBytes) / plaintextBytes < 0.0002);
  });

  test("ends at 2^20 segments, whose list is 32 MiB", () => {
    const { segments, headerBytes } = layoutOf({ plaintextBytes: maxSegments * maxSegmentBytes, segmentBytes: maxSegmentBytes });
    assert.equal(segments, maxSegments);
    assert.equal(headerBytes, artefactPrefixBytes + 32 * 2 ** 20 + 16);
    assert.throws(() => layoutOf({ plaintextBytes: maxSegments * kib64 + 1, segmentBytes: kib64 }), { code: "ARTEFACT_SIZE_EXCEEDED" });
  });

  test("refuses sizes that are none", () => {
    for (const segmentBytes of [0, 1, minSegmentBytes - 1, maxSegmentBytes + 1, 65536.5, Number.NaN, -65536])
      assert.throws(() => layoutOf({ plaintextBytes: 0, segmentBytes }), { code: "ARTEFACT_SEGMENT_SIZE_WRONG" });
    for (const plaintextBytes of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => layoutOf({ plaintextBytes, segmentBytes: kib64 }), { code: "ARTEFACT_SIZE_EXCEEDED" });
  });

  test("has no segment outside", () => {
    const layout = layoutOf({ plaintextBytes: 1, segmentBytes: kib64 });
    for (const index of [-1, 1, 0.5, 2 ** 32]) assert.throws(() => segmentRange(layout, index), { code: "ARTEFACT_INDEX_WRONG" });
  });
});
