import assert from "node:assert/strict";
import { test } from "node:test";
import { giveBack, settleAllocator } from "../../src/buffers.ts";

test("memory is given back whole, and never that of something larger", () => {
  settleAllocator();
  settleAllocator();
  const whole = new Uint8Array(100);
  giveBack(whole);
  assert.equal(whole.length, 0);
  giveBack(whole);
  const larger = new Uint8Array(100);
  giveBack(larger.subarray(0, 50));
  giveBack(larger.subarray(50));
  assert.equal(larger.length, 100);
  giveBack(Buffer.from("from the pool that small Buffers share"));
  assert.equal(Buffer.from("again").toString(), "again");
});
