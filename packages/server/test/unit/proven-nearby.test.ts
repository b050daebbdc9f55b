import assert from "node:assert/strict";
import { test } from "node:test";
import { ProvenNearby } from "../../src/http/proven-nearby.ts";

test("a terminal that was proven counts once for its address, and for a minute", () => {
  let now = 1_000;
  const nearby = new ProvenNearby(() => now);
  assert.equal(nearby.count("192.0.2.1"), 0);
  nearby.note("192.0.2.1", "gate-1");
  now += 30;
  for (let i = 0; i < 3; i++) nearby.note("::ffff:192.0.2.1", "gate-2");
  nearby.note("2001:db8::1", "gate-1");
  assert.deepEqual([nearby.count("192.0.2.1"), nearby.count("2001:db8::2"), nearby.count("192.0.2.2")], [2, 1, 0]);
  now += 30;
  assert.equal(nearby.count("192.0.2.1"), 1);
  nearby.note("192.0.2.1", "gate-2");
  now += 59;
  assert.deepEqual([nearby.count("192.0.2.1"), nearby.count("2001:db8::2")], [1, 0]);
  now += 1;
  assert.equal(nearby.count("192.0.2.1"), 0);
});
