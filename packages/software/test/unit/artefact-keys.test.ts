import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { describe, test } from "node:test";
import { encode } from "@sealane/wire";
import { ArtefactKeys, segmentNonce, takeContentKey } from "../../src/artefact-keys.ts";

describe("what an artefact's keys are", () => {
  test("STREAM: a nonce is the prefix, the index in 32 bits and the final flag", () => {
    const prefix = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);
    const tail = (index: number, segments: number): number[] => [...segmentNonce(prefix, { index, segments })].slice(7);
    assert.deepEqual([...segmentNonce(prefix, { index: 0, segments: 2 })], [1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0]);
    assert.deepEqual(tail(0, 1), [0, 0, 0, 0, 1]);
    assert.deepEqual(tail(0x0d_0c0b, 2 ** 20), [0, 0x0d, 0x0c, 0x0b, 0]);
    assert.deepEqual(tail(2 ** 20 - 1, 2 ** 20), [0, 0x0f, 0xff, 0xff, 1]);
    assert.deepEqual(tail(0x0102_0304, 2 ** 32), [1, 2, 3, 4, 0]);
  });

  test("every purpose has its own, and every salt and content key", () => {
    const of = (keyByte: number, saltByte: number): string[] => {
      using contentKey = takeContentKey(new Uint8Array(32).fill(keyByte));
      using keys = ArtefactKeys.derive(contentKey, new Uint8Array(32).fill(saltByte));
      const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex").slice(0, 14);
      return [keys.segment.use(hex), keys.list.use(hex), hex(keys.noncePrefix), hex(keys.commitment)];
    };
    assert.equal(new Set([...of(0, 0), ...of(0, 1), ...of(1, 0)]).size, 12);
  });

  test("they are HKDF-SHA-256 as node:crypto has it, whose PRK is the content key", () => {
    const input = new Uint8Array(32).fill(5);
    const salt = new Uint8Array(32).fill(6);
    const prk = Uint8Array.from(createHmac("sha256", salt).update(input).digest());
    using contentKey = takeContentKey(prk);
    using keys = ArtefactKeys.derive(contentKey, salt);
    const info = encode(["Sealane artefact", "segment key", salt]);
    const expected = new Uint8Array(hkdfSync("sha256", input, salt, info, 32));
    keys.segment.use((bytes) => assert.deepEqual(Uint8Array.from(bytes), expected));
  });
});
