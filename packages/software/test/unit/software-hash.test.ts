import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sealBytes } from "../../src/seal.ts";
import { hashSoftwareFile, SegmentHasher } from "../../src/software-hash.ts";
import { patternBytes } from "../seeded-random.ts";

const segmentBytes = 65_536;

describe("the software's hash", () => {
  for (const plaintextBytes of [0, 1, segmentBytes - 1, segmentBytes, segmentBytes + 1, 3 * segmentBytes]) {
    test(`PERMIT: is what sealing gave, from installed bytes alone (${plaintextBytes} bytes)`, async () => {
      const plaintext = patternBytes(plaintextBytes);
      const { sealed } = sealBytes(plaintext, { segmentBytes });
      const hasher = new SegmentHasher(segmentBytes);
      hasher.update(plaintext);
      const hash = hasher.finish();
      assert.equal(Buffer.compare(hash.listDigest, sealed.listDigest), 0);
      assert.equal(hash.plaintextBytes, plaintextBytes);
      const folder = await mkdtemp(join(tmpdir(), "sealane-hash-"));
      try {
        await writeFile(join(folder, "installed"), plaintext);
        assert.deepEqual(await hashSoftwareFile(join(folder, "installed"), segmentBytes), hash);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }

  test("is SHA-256 of the segments' SHA-256 digests, by the text of the protocol", () => {
    const plaintext = patternBytes(segmentBytes + 5);
    const digests = [plaintext.subarray(0, segmentBytes), plaintext.subarray(segmentBytes)].map((segment) =>
      createHash("sha256").update(segment).digest(),
    );
    const hasher = new SegmentHasher(segmentBytes);
    hasher.update(plaintext);
    assert.equal(Buffer.compare(hasher.finish().listDigest, createHash("sha256").update(Buffer.concat(digests)).digest()), 0);
  });

  test("PERMIT: is another after any change, also at the end", () => {
    const hashOf = (bytes: Uint8Array): string => {
      const hasher = new SegmentHasher(segmentBytes);
      hasher.update(bytes);
      return Buffer.from(hasher.finish().listDigest).toString("hex");
    };
    const plaintext = patternBytes(segmentBytes);
    const longer = new Uint8Array(segmentBytes + 1);
    longer.set(plaintext);
    const changed = Uint8Array.from(plaintext);
    changed[segmentBytes - 1] = (changed[segmentBytes - 1] ?? 0) ^ 1;
    assert.equal(new Set([plaintext, longer, changed, plaintext.subarray(1), plaintext.subarray(0, -1)].map(hashOf)).size, 5);
  });

  test("needs an allowed segment size and a file that is there", async () => {
    assert.throws(() => new SegmentHasher(1), { code: "ARTEFACT_SEGMENT_SIZE_WRONG" });
    await assert.rejects(hashSoftwareFile("none/at/all", segmentBytes), { code: "FILE_READ_FAILED" });
  });
});
