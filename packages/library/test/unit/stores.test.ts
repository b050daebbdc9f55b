import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryPendingStates, MemoryReplayCache, Party, Secret } from "../../src/index.ts";
import { addressOf, code, newWorld, TestClock } from "../world.ts";

describe("the stores for development", () => {
  test("the replay cache keeps to its quota and forgets what is over", () => {
    const clock = new TestClock();
    const cache = new MemoryReplayCache(clock, { quota: 2, capacity: 3 });
    const insert = (key: string, sender: string): string => cache.insert({ key, sender, rememberUntilSeconds: clock.now + 10 });
    assert.deepEqual([insert("1", "a"), insert("1", "a"), insert("2", "a"), insert("3", "a")], ["fresh", "seen", "fresh", "full"]);
    assert.deepEqual([insert("4", "b"), insert("5", "c")], ["fresh", "full"]);
    clock.now += 10;
    assert.deepEqual([insert("1", "a"), insert("5", "c")], ["seen", "full"]);
    clock.now += 1;
    assert.deepEqual([insert("5", "a"), insert("6", "c"), insert("7", "a")], ["fresh", "fresh", "fresh"]);
  });

  test("pending states go when they have expired, and their secrets with them", async () => {
    const world = await newWorld();
    const pending = new MemoryPendingStates(world.environment.clock);
    const office = new Party({ ...world.office, pending });
    const { reference } = await office.originate(addressOf(world.gateway), { keyLifeSeconds: 10 });
    const copy = pending.find(reference);
    copy?.[Symbol.dispose]();
    assert.notEqual(pending.find(reference), null);
    world.environment.clock.now += 11;
    await office.originate(addressOf(world.gateway));
    assert.equal(pending.find(reference), null);
    assert.equal(pending.remove(reference), false);
  });

  test("a state is kept once, and those of strangers up to a number", async () => {
    const { office, gateway, environment } = await newWorld();
    const pending = new MemoryPendingStates(environment.clock, { strangers: 1 });
    const insert = (reference: string, awaits: "reply" | "third"): string =>
      pending.insert({
        reference,
        awaits,
        expiresAtSeconds: environment.clock.now + 10,
        saved: Secret.take("saved pending link", new Uint8Array(1)),
      });
    assert.deepEqual(
      [insert("1", "third"), insert("1", "third"), insert("2", "third"), insert("3", "reply")],
      ["fresh", "seen", "full", "fresh"],
    );
    const { message } = await new Party(office).originate(addressOf(gateway), { mechanism: "mutual-nonce" });
    const party = new Party({ ...gateway, pending });
    await assert.rejects(party.accept(message, { mechanisms: ["mutual-nonce"] }), code("LINK_REPLAY_CACHE_FULL"));
    environment.clock.now += 11;
    await party.accept(message, { mechanisms: ["mutual-nonce"] });
  });
});
