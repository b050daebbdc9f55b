import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMessage, maxMessageBytes } from "@sealane/link";
import { encode, SealaneError } from "@sealane/wire";
import { type MessageFault, nonCanonical, oversized, trailing, truncated, unknown } from "../../src/scenarios/message-faults.ts";

const message = encode([1, 1, 1, 1, 1, [null, new Uint8Array(40)]]);

const faults: readonly (readonly [string, MessageFault, string])[] = [
  ["unknown version", unknown("version"), "LINK_VERSION_UNKNOWN"],
  ["unknown mechanism", unknown("mechanism"), "LINK_MECHANISM_UNKNOWN"],
  ["unknown suite", unknown("suite"), "CRYPTO_SUITE_UNKNOWN"],
  ["unknown number", unknown("number"), "LINK_MESSAGE_UNEXPECTED"],
  ["truncated", truncated, "WIRE_TRUNCATED"],
  ["trailing", trailing, "WIRE_TRAILING_BYTES"],
  ["oversized", oversized, "WIRE_SIZE_EXCEEDED"],
  ["nonCanonical", nonCanonical, "WIRE_NOT_DETERMINISTIC"],
];

test("a message that no fault touched is read", () => {
  assert.equal(decodeMessage(message).header.number, 1);
  assert.ok(oversized(message).length > maxMessageBytes);
});

for (const [name, fault, code] of faults) {
  test(`the fault ${name} makes exactly one thing wrong`, () => {
    const before = Uint8Array.from(message);
    assert.throws(
      () => decodeMessage(fault(message)),
      (error: unknown) => error instanceof SealaneError && error.code === code,
    );
    assert.deepEqual(message, before);
  });
}
