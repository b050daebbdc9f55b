import assert from "node:assert/strict";
import { test } from "node:test";
import { standardSuites, suiteNamed, suites } from "@sealane/crypto";
import { loadEnrolment, loadIdentity } from "../../src/identity.ts";
import { enroll, fetchSoftware, status } from "../../src/index.ts";
import { requireStrongEnough, setSuiteFloor, suiteFloorOf } from "../../src/suite-floor.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, newWorld } from "../double/enrolled.ts";
import { FakeServer } from "../double/fake-server.ts";

const x25519 = suiteNamed("x25519");
const hybrid = suiteNamed("hybrid");
const pq = suiteNamed("pq");

/** The floor as `status` shows it. */
async function shown({ terminal }: Awaited<ReturnType<typeof newWorld>>): Promise<readonly [readonly string[], string] | null> {
  const { identity } = await status(terminal);
  return identity === null ? null : [identity.suites, identity.suiteFloor];
}

test("POLICY: the strongest suite of an enrolment is the floor, and the terminal's own links are on it", async (t) => {
  const world = await newWorld(t);
  const server = await FakeServer.start(t, world.clock, [...standardSuites, pq]);
  await enroll(world.terminal, { token: server.token(), suites: ["x25519", "hybrid", "pq"] });
  assert.deepEqual(await shown(world), [["pq", "hybrid", "x25519"], "pq"]);
  server.publish({});
  const fetched = await fetchSoftware(world.terminal);
  assert.equal(fetched.link.suite, "pq");
});

test("POLICY: a server's link on a weaker suite is refused, unless the user names that suite", async (t) => {
  const { server, terminal, events } = await enrolledWorld(t);
  const description = server.publish({});
  await server.offer(description, { suite: x25519 });
  const waiting = { originator: "server", waitSeconds: 0 } as const;
  await assert.rejects(fetchSoftware(terminal, waiting), code("TERMINAL_NOTHING_WAITING"));
  assert.ok(events.some((event) => event.kind === "message-skipped" && event.code === "TERMINAL_SUITE_WEAKER"));
  await assert.rejects(fetchSoftware(terminal, { ...waiting, suite: "p256" }), code("TERMINAL_NOTHING_WAITING"));
  assert.equal((await fetchSoftware(terminal, { ...waiting, suite: "x25519" })).link.suite, "x25519");
});

test("POLICY: a floor that somebody with the right to it lowered lets weaker links in, for this enrolment only", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const identity = (await loadIdentity(terminal)) ?? assert.fail();
  await assert.rejects(setSuiteFloor(terminal, identity, pq), code("CRYPTO_SUITE_UNKNOWN")); // which they do not share
  await setSuiteFloor(terminal, identity, x25519);
  assert.deepEqual(await shown(world), [["hybrid", "x25519"], "x25519"]);
  await server.offer(server.publish({}), { suite: x25519 });
  assert.equal((await fetchSoftware(terminal, { originator: "server", waitSeconds: 0 })).link.suite, "x25519");
  await setSuiteFloor(terminal, identity, hybrid);
  assert.deepEqual(await shown(world), [["hybrid", "x25519"], "hybrid"]);
  await setSuiteFloor(terminal, identity, x25519);
  const second = await FakeServer.start(t, world.clock);
  await enroll(terminal, { token: second.token(), replace: true });
  assert.equal((await loadEnrolment(terminal)).floor, hybrid);
});

test("POLICY: an enrolment in the place of another does not go below the floor, unless the user names suites", async (t) => {
  const world = await enrolledWorld(t);
  const { terminal } = world;
  const weak = await FakeServer.start(t, world.clock, [x25519]);
  const before = await loadIdentity(terminal);
  await assert.rejects(enroll(terminal, { token: weak.token(), replace: true }), code("TERMINAL_SUITE_WEAKER"));
  assert.equal(weak.terminal?.isActive, false); // refused before the proof
  assert.deepEqual(await loadIdentity(terminal), before);
  await assert.rejects(
    enroll(terminal, { token: weak.token(), replace: true, suites: ["hybrid", "p256"] }),
    (error) => error instanceof Error,
  );
  await enroll(terminal, { token: weak.token(), replace: true, suites: ["hybrid", "x25519"] }); // the same keys again
  assert.deepEqual(await shown(world), [["x25519"], "x25519"]);
});

test("POLICY: suites of one strength are not told apart, and what is only signed is judged by its signature", () => {
  const taken = (floor: string, suite: string, isOnlySigned = false): boolean => {
    try {
      requireStrongEnough(suiteNamed(floor), { suite: suiteNamed(suite), named: null, isOnlySigned });
      return true;
    } catch (error) {
      assert.ok(code("TERMINAL_SUITE_WEAKER")(error));
      return false;
    }
  };
  const order = [["pq"], ["hybrid"], ["x25519", "p256", "rsa3072", "rsa4096"], ["rsa2048"]];
  assert.deepEqual(order.flat().toSorted(), suites.map(({ name }) => name).toSorted());
  for (const [at, floors] of order.entries()) {
    for (const [other, some] of order.entries()) {
      for (const floor of floors) for (const suite of some) assert.equal(taken(floor, suite), other <= at, `${suite} at ${floor}`);
    }
  }
  const signed = [["pq"], ["hybrid", "x25519", "p256", "rsa3072", "rsa4096"], ["rsa2048"]];
  for (const [at, floors] of signed.entries()) {
    for (const [other, some] of signed.entries()) {
      for (const floor of floors) for (const suite of some) assert.equal(taken(floor, suite, true), other <= at, `${suite} at ${floor}`);
    }
  }
});

test("POLICY: the floor of an enrolment that was made by the version before follows from its certificates", async (t) => {
  const { terminal } = await enrolledWorld(t);
  const identity = (await loadIdentity(terminal)) ?? assert.fail();
  const hasX25519 = identity.serverDecryptionChains.slice(1);
  assert.equal((await suiteFloorOf(terminal, { ...identity, serverDecryptionChains: hasX25519 })).name, "x25519");
});
