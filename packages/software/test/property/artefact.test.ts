import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes, SealaneError } from "@sealane/wire";
import fc from "fast-check";
import { layoutOf, segmentRange } from "../../src/artefact-format.ts";
import { headerLengthFromPrefix, parseHeader } from "../../src/artefact-header.ts";
import { softwareErrors } from "../../src/errors.ts";
import { maxSegmentBytes, maxSegments, minSegmentBytes } from "../../src/limits.ts";
import { ArtefactOpener } from "../../src/open.ts";
import { sealBytes } from "../../src/seal.ts";
import { SegmentHasher } from "../../src/software-hash.ts";
import { ArtefactVerifier } from "../../src/verify-artefact.ts";
import { openIndependently } from "../independent-open.ts";
import { patternBytes, seededRandom } from "../seeded-random.ts";

const settings = { seed: Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() & 0x7fffffff), verbose: true };

const anySizes = fc.record({
  plaintextBytes: fc.integer({ min: 0, max: 400_000 }),
  segmentBytes: fc.integer({ min: minSegmentBytes, max: 3 * minSegmentBytes }),
});

describe("any artefact", () => {
  test("ANY, STREAM: opens segment by segment in any order, and as the protocol's text says", () => {
    fc.assert(
      fc.property(anySizes, fc.array(fc.nat(1000), { maxLength: 10 }), ({ plaintextBytes, segmentBytes }, picks) => {
        const plaintext = patternBytes(plaintextBytes, plaintextBytes + 1);
        const { artefact, sealed } = sealBytes(plaintext, { segmentBytes });
        const header = artefact.subarray(0, headerLengthFromPrefix(artefact));
        using opener = new ArtefactOpener(header, { contentKey: sealed.contentKey, expected: sealed });
        for (const pick of picks) {
          const index = pick % opener.layout.segments;
          const range = segmentRange(opener.layout, index);
          const opened = opener.openSegment(index, artefact.subarray(range.fileStart, range.fileEnd));
          const { plaintextStart } = range;
          assert.equal(Buffer.compare(opened, plaintext.subarray(plaintextStart, plaintextStart + range.plaintextBytes)), 0);
        }
        const independent = sealed.contentKey.use((key) => openIndependently(artefact, key));
        assert.equal(Buffer.compare(independent.plaintext, plaintext), 0);
      }),
      { ...settings, numRuns: 30 },
    );
  });

  test("PERMIT, UNI: has the same hash and passes the same check in pieces of any size", () => {
    fc.assert(
      fc.property(anySizes, fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 }), (sizes, pieces) => {
        const plaintext = patternBytes(sizes.plaintextBytes);
        const { artefact, sealed } = sealBytes(plaintext, { segmentBytes: sizes.segmentBytes });
        const hasher = new SegmentHasher(sizes.segmentBytes);
        inPieces(plaintext, pieces, (piece) => hasher.update(piece));
        assert.equal(Buffer.compare(hasher.finish().listDigest, sealed.listDigest), 0);
        const verifier = new ArtefactVerifier(sealed);
        inPieces(artefact, pieces, (piece) => verifier.update(piece));
        assert.equal(verifier.finish().fileBytes, sealed.fileBytes);
      }),
      { ...settings, numRuns: 20 },
    );
  });

  test("has a layout without gaps whose length is that of its header and body", () => {
    const sizes = fc
      .integer({ min: minSegmentBytes, max: maxSegmentBytes })
      .chain((segmentBytes) => fc.record({ segmentBytes: fc.constant(segmentBytes), plaintextBytes: fc.nat(maxSegments * segmentBytes) }));
    fc.assert(
      fc.property(sizes, fc.nat(), (given, pick) => {
        const layout = layoutOf(given);
        const index = pick % layout.segments;
        const { fileStart, fileEnd, plaintextBytes } = segmentRange(layout, index);
        assert.equal(fileEnd - fileStart, plaintextBytes + 16);
        assert.equal(index === layout.segments - 1, fileEnd === layout.fileBytes);
        if (index > 0) assert.equal(segmentRange(layout, index - 1).fileEnd, fileStart);
        else assert.equal(fileStart, layout.headerBytes);
      }),
      settings,
    );
  });

  test("STREAM: is never opened after bytes of its header were changed, cut or added", () => {
    const { artefact, sealed } = sealBytes(patternBytes(100_000), { segmentBytes: minSegmentBytes, random: seededRandom("property") });
    const header = artefact.slice(0, headerLengthFromPrefix(artefact));
    const change = fc.oneof(
      fc.tuple(fc.nat(header.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, xor]) => header.with(at, (header[at] ?? 0) ^ xor)),
      fc.nat(header.length - 1).map((length) => header.subarray(0, length)),
      fc.uint8Array({ minLength: 1 }).map((more) => concatBytes(header, more)),
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(change, (changed) => {
        const open = (): unknown => new ArtefactOpener(changed, { contentKey: sealed.contentKey, expected: sealed });
        assert.throws(open, (error) => error instanceof SealaneError && Object.hasOwn(softwareErrors.entries, error.code));
      }),
      settings,
    );
    assert.ok(parseHeader(header));
  });
});

function inPieces(bytes: Uint8Array, pieces: readonly number[], take: (piece: Uint8Array) => void): void {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = pieces[i % pieces.length] ?? 1;
    take(bytes.subarray(at, at + length));
    at += length;
  }
}
