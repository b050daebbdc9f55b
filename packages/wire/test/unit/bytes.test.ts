import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { artefactId, bytesOf, concatBytes, digest, equalBytes, linkId, nonce, thumbprint, transcriptHash } from "../../src/index.ts";

describe("bytes of a role", () => {
  const roles = [
    [digest, 32],
    [thumbprint, 32],
    [artefactId, 32],
    [transcriptHash, 32],
    [nonce, 16],
    [linkId, 16],
    [bytesOf("test", 3), 3],
  ] as const;
  for (const [make, length] of roles) {
    test(`are exactly ${length}`, () => {
      const bytes = new Uint8Array(length);
      assert.equal(make(bytes), bytes);
      for (const wrong of [0, length - 1, length + 1, 2 * length]) {
        assert.throws(() => make(new Uint8Array(wrong)), { code: "WIRE_SHAPE_WRONG" });
      }
      assert.throws(() => make("x".repeat(length) as unknown as Uint8Array), { code: "WIRE_SHAPE_WRONG" });
      assert.throws(() => make(new Array(length).fill(0) as unknown as Uint8Array), { code: "WIRE_SHAPE_WRONG" });
    });
  }
});

test("bytes are equal when length and content are", () => {
  assert.ok(equalBytes(Uint8Array.of(1, 2), Buffer.from([1, 2])));
  assert.ok(equalBytes(new Uint8Array(), new Uint8Array()));
  assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)));
  assert.ok(!equalBytes(new Uint8Array(), Uint8Array.of(0)));
});

test("joined bytes are a copy", () => {
  const part = Uint8Array.of(1, 2);
  const joined = concatBytes(part, new Uint8Array(), Uint8Array.of(3));
  part[0] = 9;
  assert.deepEqual(joined, Uint8Array.of(1, 2, 3));
  assert.deepEqual(concatBytes(), new Uint8Array());
});
