import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes, decode, encode } from "@sealane/wire";
import { artefactPrefixBytes, encodeHeaderFront, headerLengthFromPrefix, parseHeader } from "../../src/artefact-header.ts";
import { maxSegmentBytes, maxSegments } from "../../src/limits.ts";
import { sealBytes } from "../../src/seal.ts";
import { patternBytes, seededRandom } from "../seeded-random.ts";

const segmentBytes = 65_536;

function headerOf(plaintextBytes: number): Uint8Array {
  const { artefact } = sealBytes(patternBytes(plaintextBytes), { segmentBytes, random: seededRandom("header") });
  return artefact.slice(0, headerLengthFromPrefix(artefact));
}

describe("the header of an artefact", () => {
  for (const plaintextBytes of [0, 23, 24, 255, 256, 65_535, 65_536, 65_537, 8 * 65_536]) {
    test(`is deterministic CBOR of seven fields (${plaintextBytes} bytes)`, () => {
      const header = headerOf(plaintextBytes);
      const parsed = parseHeader(header);
      const { salt, commitment, bodySha256 } = parsed.header;
      const fields = ["sealane-artefact-1", salt, plaintextBytes, segmentBytes, commitment, bodySha256, parsed.sealedList];
      assert.deepEqual(decode(header, header.length), fields);
      assert.deepEqual(encode(fields), header);
    });
  }

  test("STREAM: tells its length by its first bytes, whatever follows", () => {
    for (const plaintextBytes of [0, 65_537, 9 * 65_536]) {
      const header = headerOf(plaintextBytes);
      assert.equal(headerLengthFromPrefix(header.subarray(0, artefactPrefixBytes)), header.length);
      assert.equal(headerLengthFromPrefix(concatBytes(header, new Uint8Array(100))), header.length);
    }
  });

  test("never names a length beyond 2^20 segments", () => {
    const fields = { salt: new Uint8Array(32), commitment: new Uint8Array(32), bodySha256: new Uint8Array(32) };
    const largest = encodeHeaderFront({ ...fields, plaintextBytes: maxSegments * maxSegmentBytes, segmentBytes: maxSegmentBytes });
    assert.ok(largest.length <= artefactPrefixBytes);
    assert.equal(headerLengthFromPrefix(concatBytes(largest, new Uint8Array(9))), largest.length + 32 * 2 ** 20 + 16);
    const larger = encode(["sealane-artefact-1", fields.salt, maxSegments * maxSegmentBytes + 1, maxSegmentBytes, fields.commitment]);
    assert.throws(() => headerLengthFromPrefix(concatBytes(Uint8Array.of(0x87), larger.subarray(1), new Uint8Array(99))), {
      code: "ARTEFACT_FORMAT_WRONG",
    });
  });

  test("is refused at every truncation", () => {
    const header = headerOf(65_537);
    for (let length = 0; length < header.length; length++)
      assert.throws(() => parseHeader(header.subarray(0, length)), { code: "ARTEFACT_TRUNCATED" }, `${length} bytes`);
  });

  test("is refused with bytes behind it", () => {
    assert.throws(() => parseHeader(concatBytes(headerOf(1), new Uint8Array(1))), { code: "ARTEFACT_TRAILING_BYTES" });
  });

  test("is refused when it begins otherwise, however short", () => {
    for (const wrong of [Uint8Array.of(0x86), new TextEncoder().encode("# not an artefact"), new Uint8Array(500)])
      assert.throws(() => parseHeader(wrong), { code: "ARTEFACT_FORMAT_WRONG" });
  });

  test("is refused with a number in more bytes than it needs, or of another kind", () => {
    const header = headerOf(1);
    const [before, after] = [header.subarray(0, 54), header.subarray(55)];
    for (const number of [
      Uint8Array.of(0x18, 1),
      Uint8Array.of(0x19, 0, 1),
      Uint8Array.of(0x20),
      Uint8Array.of(0x61, 0x31),
      Uint8Array.of(0xf6),
    ])
      assert.throws(() => parseHeader(concatBytes(before, number, after)), { code: "ARTEFACT_FORMAT_WRONG" });
  });

  test("is refused with sizes outside the bounds", () => {
    const fields = { salt: new Uint8Array(32), commitment: new Uint8Array(32), bodySha256: new Uint8Array(32) };
    for (const size of [0, 65_535, maxSegmentBytes + 1, 2 ** 32]) {
      const wrong = encode(["sealane-artefact-1", fields.salt, 1, size, fields.commitment, fields.bodySha256, new Uint8Array(48)]);
      assert.throws(() => parseHeader(wrong), { code: "ARTEFACT_FORMAT_WRONG" });
    }
  });
});
