import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback } from "../../src/http/operator-only.ts";

test("this machine's own addresses and no others", () => {
  for (const own of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]) assert.equal(isLoopback(own), true, own);
  for (const other of ["128.0.0.1", "10.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "fe80::1", "", "localhost", undefined]) {
    assert.equal(isLoopback(other), false, String(other));
  }
});
