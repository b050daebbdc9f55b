import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelWaiters } from "../../src/key/channel-waiters.ts";

const longSeconds = 1_000;
const never = new AbortController().signal;

test("a wake that comes between entering and waiting is not lost, and wakes all", async () => {
  const waiters = new ChannelWaiters(3);
  using one = waiters.enter();
  using two = waiters.enter();
  waiters.wakeAll();
  await Promise.all([one.wait(longSeconds, never), two.wait(longSeconds, never)]);
});

test("when more wait than may, the oldest is sent away and the others go on waiting", async () => {
  const waiters = new ChannelWaiters(2);
  const leaving = new AbortController();
  using oldest = waiters.enter();
  const places = [waiters.enter(), waiters.enter()];
  await oldest.wait(longSeconds, never);
  let ended = 0;
  const others = places.map((each) => each.wait(longSeconds, leaving.signal).then(() => void ended++));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([ended, waiters.size], [0, 2]);
  leaving.abort();
  await Promise.all(others);
  for (const each of places) each[Symbol.dispose]();
  assert.equal(waiters.size, 0);
});

test("waiting ends when the client goes, when it went before, after its time, and at once when all is closed", async () => {
  const waiters = new ChannelWaiters(3);
  using one = waiters.enter();
  const client = new AbortController();
  const waiting = one.wait(longSeconds, client.signal);
  client.abort();
  await waiting;
  await one.wait(longSeconds, client.signal);
  await one.wait(0, never);
  waiters.close();
  using late = waiters.enter();
  await Promise.all([one.wait(longSeconds, never), late.wait(longSeconds, never)]);
});
