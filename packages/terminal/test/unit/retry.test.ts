import assert from "node:assert/strict";
import { test } from "node:test";
import { apiErrors } from "@sealane/api";
import { retrying } from "../../src/retry.ts";
import { code } from "../double/codes.ts";
import { TestTerminal } from "../double/test-terminal.ts";

test("a pause that a reply asks for comes before the next attempt; one that is longer than a minute ends the command", async (t) => {
  const { terminal, clock } = await TestTerminal.create(t);
  const failures = [
    apiErrors.error("API_RATE_EXCEEDED", { status: 429, retryAfterSeconds: 60 }),
    apiErrors.error("API_SERVER_BUSY", { status: 503 }),
  ];
  const done = await retrying(terminal, async () => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return "done";
  });
  assert.equal(done, "done");
  const [asked = 0, own = 0] = clock.pauses;
  assert.ok(asked >= 60_500 && asked <= 60_750 && own >= 1000 && own <= 1500, String(clock.pauses));
  const long = apiErrors.error("API_SERVER_BUSY", { status: 503, retryAfterSeconds: 61 });
  await assert.rejects(
    retrying(terminal, async () => Promise.reject(long)),
    code("API_SERVER_BUSY"),
  );
  assert.equal(clock.pauses.length, 2);
});
