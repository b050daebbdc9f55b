import assert from "node:assert/strict";
import { test } from "node:test";
import { parseName } from "@sealane/wire";
import { InboxWaiters } from "../../src/key/inbox-waiters.ts";

const gate1 = parseName("gate-1");
const gate2 = parseName("gate-2");
const longSeconds = 1_000;
const never = new AbortController().signal;

test("a wake that comes between entering and waiting is not lost", async () => {
  const waiters = new InboxWaiters(3);
  using waiter = waiters.enter(gate1);
  waiters.wake(gate1);
  await waiter.wait(longSeconds, never);
});

test("a request waits as often as it likes, and is woken each time", async () => {
  const waiters = new InboxWaiters(3);
  using waiter = waiters.enter(gate1);
  waiters.wake(gate1);
  waiters.wake(gate1);
  await waiter.wait(longSeconds, never);
  await waiter.wait(0, never); // one wake or several before a wait are one
  for (let i = 0; i < 3; i++) {
    let isBack = false;
    const waiting = waiter.wait(longSeconds, never).then(() => {
      isBack = true;
    });
    await new Promise(setImmediate);
    assert.equal(isBack, false);
    waiters.wake(gate1);
    await waiting;
  }
  assert.equal(waiter.ended.aborted, false);
});

test("waking everybody sends nobody away", async () => {
  const waiters = new InboxWaiters(3);
  using one = waiters.enter(gate1);
  using other = waiters.enter(gate2);
  const woken = Promise.all([one.wait(longSeconds, never), other.wait(longSeconds, never)]);
  waiters.wakeAll();
  await woken;
  assert.deepEqual([one.ended.aborted, other.ended.aborted, waiters.size], [false, false, 2]);
});

test("all requests of a terminal are woken, and those of others are not", async () => {
  const waiters = new InboxWaiters(3);
  using one = waiters.enter(gate1);
  using two = waiters.enter(gate1);
  using other = waiters.enter(gate2);
  const woken = Promise.all([one.wait(longSeconds, never), two.wait(longSeconds, never)]);
  let isOtherWoken = false;
  const leaving = new AbortController();
  const waiting = other.wait(longSeconds, leaving.signal).then(() => {
    isOtherWoken = true;
  });
  waiters.wake(gate1);
  await woken;
  assert.equal(isOtherWoken, false);
  leaving.abort();
  await waiting;
});

test("waiting ends when the client goes, when it went before, and after its time", async () => {
  const waiters = new InboxWaiters(3);
  using waiter = waiters.enter(gate1);
  const client = new AbortController();
  const waiting = waiter.wait(longSeconds, client.signal);
  client.abort();
  await waiting;
  await waiter.wait(longSeconds, client.signal);
  await waiter.wait(0, never);
});

test("one more request than is allowed ends the oldest", async () => {
  const waiters = new InboxWaiters(2);
  using oldest = waiters.enter(gate1);
  using second = waiters.enter(gate1);
  using third = waiters.enter(gate1);
  await oldest.wait(longSeconds, never);
  await oldest.wait(longSeconds, never); // and for good
  assert.deepEqual([oldest.ended.aborted, second.ended.aborted, third.ended.aborted], [true, false, false]);
  assert.equal(waiters.size, 2);
});

test("closing ends what waits, and what comes later does not wait", async () => {
  const waiters = new InboxWaiters(3);
  using waiter = waiters.enter(gate1);
  const waiting = waiter.wait(longSeconds, never);
  waiters.close();
  await waiting;
  using late = waiters.enter(gate2);
  await late.wait(longSeconds, never);
  assert.deepEqual([waiter.ended.aborted, late.ended.aborted], [true, true]);
});

test("whoever leaves is forgotten", () => {
  const waiters = new InboxWaiters(3);
  for (let i = 0; i < 10; i++) {
    using _waiter = waiters.enter(gate1);
    assert.equal(waiters.size, 1);
  }
  assert.equal(waiters.size, 0);
});
