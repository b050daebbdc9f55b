import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CborValue, encode } from "@sealane/wire";
import { claimLabel, decodeClaims, encodeClaims } from "../../src/index.ts";

const known = Object.values(claimLabel);
const claims = new Map<number, CborValue>([
  [claimLabel.issuer, "licences.example"],
  [claimLabel.expiresAt, 1_764_000_000],
  [claimLabel.tokenId, Uint8Array.of(1, 2)],
]);

describe("a claims set", () => {
  test("comes back", () => {
    assert.deepEqual(decodeClaims(encodeClaims(claims), { maxBytes: 100, known }), claims);
    assert.deepEqual(decodeClaims(encode(new Map()), { maxBytes: 1, known: [] }), new Map());
  });

  test("with an unknown claim is refused", () => {
    for (const label of [8, -1, 0, "iss"]) {
      const bytes = encode(new Map<number | string, CborValue>([...claims, [label, 1]]));
      assert.throws(() => decodeClaims(bytes, { maxBytes: 100, known }), { code: "COSE_CLAIM_WRONG" });
    }
    assert.throws(() => decodeClaims(encodeClaims(claims), { maxBytes: 100, known: [1, 4] }), { code: "COSE_CLAIM_WRONG" });
  });

  test("that is no map, too long or encoded in another way is refused", () => {
    for (const value of [[1, 2], null, "a", new Uint8Array(2)]) {
      assert.throws(() => decodeClaims(encode(value), { maxBytes: 100, known }), { code: "COSE_CLAIM_WRONG" });
    }
    const bytes = encodeClaims(claims);
    assert.throws(() => decodeClaims(bytes, { maxBytes: bytes.length - 1, known }), { code: "WIRE_SIZE_EXCEEDED" });
    assert.throws(() => decodeClaims(bytes.subarray(0, -1), { maxBytes: 100, known }), { code: "WIRE_TRUNCATED" });
    assert.throws(() => decodeClaims(Buffer.concat([bytes, bytes]), { maxBytes: 100, known }), { code: "WIRE_TRAILING_BYTES" });
    assert.throws(() => decodeClaims(Uint8Array.of(0xb8, 0), { maxBytes: 100, known }), { code: "WIRE_NOT_DETERMINISTIC" });
  });
});
