import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fetchSoftware, install, listen, obeyWaiting, status, terminalAt } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, restarted, type World } from "../double/enrolled.ts";
import { FakeClock } from "../double/fake-clock.ts";
import type { FakeServer } from "../double/fake-server.ts";
import { type OrderWish, TestOperator } from "../double/test-operator.ts";

const daySeconds = 86_400;

interface Ordered extends World {
  readonly operator: TestOperator;
  /** Puts an order at the server. */
  give(number: number, wish: OrderWish): Promise<void>;
}

async function world(t: TestContext): Promise<Ordered> {
  const made = await enrolledWorld(t);
  const { server } = made;
  const operator = await TestOperator.appoint(server);
  const give = async (number: number, wish: OrderWish): Promise<void> => {
    server.orders = [...server.orders, { number, order: await operator.sign({ ...wish, number }) }];
  };
  return { ...made, operator, give };
}

const resetSequence = (toSequence: number): OrderWish => ({ actions: [{ kind: "reset-sequence", module: "hmi", toSequence }] });
const resetClock = (toSeconds: number): OrderWish => ({ actions: [{ kind: "reset-clock", toSeconds }] });

function told({ events }: World): readonly string[] {
  return events.flatMap((event) => {
    if (event.kind === "order-followed") return [`followed ${event.number}`];
    if (event.kind === "order-refused") return [`refused ${event.number} ${event.code}`];
    return event.kind === "orders-unasked" ? [`unasked ${event.code}`] : [];
  });
}

/** Has version 9 installed, and a server that has version 3 now. */
async function withHighSequence(t: TestContext): Promise<Ordered & { readonly low: ReturnType<FakeServer["publish"]> }> {
  const made = await world(t);
  const { server, terminal, events } = made;
  const high = server.publish({ sequence: 9, version: "9" });
  await fetchSoftware(terminal);
  await install(terminal);
  server.withdraw(high);
  const low = server.publish({ sequence: 3, version: "3" });
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_NOTHING_NEW"));
  server.asked.length = 0;
  events.length = 0;
  return { ...made, low };
}

for (const originator of ["terminal", "server"] as const) {
  test(`NEWEST DIR: an order that waits is followed by a fetch that the ${originator} begins, which goes on with what it changed`, async (t) => {
    const made = await withHighSequence(t);
    const { server, terminal, give, low } = made;
    await give(5, resetSequence(2));
    if (originator === "server") await server.offer(low);
    const { software } = await fetchSoftware(terminal, { originator, waitSeconds: 0 });
    assert.equal(software.sequence, 3);
    assert.deepEqual(told(made), ["followed 5"]);
    await assert.rejects(fetchSoftware(restarted(made), { module: "none" }), code("TERMINAL_MODULE_UNPUBLISHED"));
    assert.equal(server.asked.filter(({ kind }) => kind === "order").length, 2, "it asked for what it had followed");
  });
}

test("NEWEST: an order that fails is told with its code, the next one is followed, and the fetch goes on", async (t) => {
  const made = await withHighSequence(t);
  const { server, terminal, give, operator, clock } = made;
  const strange = await operator.sign({ ...resetSequence(2), number: 4 });
  server.orders = [{ number: 4, order: strange.with(strange.length - 1, (strange.at(-1) ?? 0) ^ 1) }];
  await give(5, { ...resetClock(clock.now), issuedAtSeconds: clock.now + 3600, expiresAtSeconds: clock.now + daySeconds });
  await give(6, resetSequence(2));
  assert.equal((await fetchSoftware(terminal)).software.sequence, 3);
  assert.deepEqual(told(made), ["refused 4 ORDER_SIGNATURE_WRONG", "refused 5 ORDER_NOT_YET_VALID", "followed 6"]);
});

test("NEWEST: a fetch asks for an order once, whatever a server says of newer ones", async (t) => {
  const made = await world(t);
  const { server, terminal, events } = made;
  server.publish({});
  let newestOrder = 1;
  server.faults.reply = (reply) => (reply.kind === "offers" ? { ...reply, newestOrder: newestOrder++ } : reply);
  await fetchSoftware(terminal);
  const asked = server.asked.filter(({ kind }) => kind === "order").length;
  assert.ok(asked <= 16, `${asked} times`);
  server.faults.reply = (reply) => (reply.kind === "order" ? { kind: "order", number: 0, order: new Uint8Array(3) } : reply);
  server.orders = [{ number: 9, order: new Uint8Array(3) }];
  server.asked.length = 0;
  events.length = 0;
  await assert.rejects(fetchSoftware(terminal, { module: "none" }), code("TERMINAL_MODULE_UNPUBLISHED"));
  assert.deepEqual([server.asked.filter(({ kind }) => kind === "order").length, told(made)], [1, []]);
});

test("ANON: a fetch without a name asks for no order, whatever the server says", async (t) => {
  const { server, terminal } = await world(t);
  server.publish({});
  server.orders = [{ number: 5, order: new Uint8Array(3) }];
  await fetchSoftware(terminal, { mechanism: "anonymous-transport", module: "hmi" });
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ["offers", "authorise"],
  );
});

test("FCLOCK: a terminal whose floor is beyond its certificates is mended over a link, which teaches it nothing else", async (t) => {
  const made = await world(t);
  const { server, terminal, clock, give } = made;
  server.publish({});
  const floor = clock.now + 4000 * daySeconds;
  await terminal.clock.restart(floor);
  await assert.rejects(fetchSoftware(terminal), code("PKI_CERTIFICATE_EXPIRED"));
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ["order"],
  );
  assert.equal(restarted(made).clock.nowSeconds(), floor);
  await give(5, resetClock(clock.now));
  server.asked.length = 0;
  const { software } = await fetchSoftware(restarted(made));
  assert.equal(software.module, "hmi");
  assert.deepEqual(told(made), ["followed 5"]);
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ["order", "order", "offers", "authorise"],
  );
  assert.ok(terminal.clock.machineSeconds() + daySeconds > restarted(made).clock.nowSeconds());
});

test("FCLOCK: a link for orders is judged by the machine's clock: by it too a certificate that is over is over", async (t) => {
  const made = await world(t);
  const { server, terminal, clock } = made;
  await terminal.clock.restart(clock.now + 9000 * daySeconds);
  const ahead = terminalAt({ stateFolder: terminal.folder.path, clock: new FakeClock(clock.now + 4000 * daySeconds), environment: {} });
  server.requests.length = 0;
  await assert.rejects(obeyWaiting(ahead), code("PKI_CERTIFICATE_EXPIRED"));
  assert.deepEqual(server.requests, []);
});

test("FCLOCK: a machine without a clock whose floor is beyond its certificates is mended with a challenge", async (t) => {
  const made = await world(t);
  const { server, terminal, clock, give } = made;
  server.publish({});
  await terminal.clock.restart(clock.now + 4000 * daySeconds);
  await give(5, resetClock(clock.now));
  const clockless = terminalAt({ stateFolder: terminal.folder.path, clock: new FakeClock(0), environment: {} });
  assert.equal((await fetchSoftware(clockless)).software.module, "hmi");
  assert.equal(clockless.clock.nowSeconds(), clock.now);
});

test("FCLOCK: a terminal that waits for its server, and whose floor makes every message stale, asks by itself", async (t) => {
  const made = await world(t);
  const { server, terminal, clock, give } = made;
  const artefact = server.publish({});
  await terminal.clock.restart(clock.now + 20 * daySeconds);
  await server.offer(artefact);
  await give(5, resetClock(clock.now));
  const { software } = await fetchSoftware(terminal, { originator: "server", waitSeconds: 0 });
  assert.equal(software.module, "hmi");
  assert.deepEqual(told(made), ["followed 5"]);
});

test("FCLOCK: a site whose clocks were a year ahead for a day goes on without a new enrolment", async (t) => {
  const made = await world(t);
  const { server, terminal, clock, give } = made;
  const start = clock.now;
  server.publish({ sequence: 1, version: "1" });
  await fetchSoftware(terminal);
  await install(terminal);
  clock.now += 365 * daySeconds;
  for (let hour = 0; hour < 24; hour++) {
    await assert.rejects(fetchSoftware(terminal), code("TERMINAL_NOTHING_NEW"));
    clock.now += 3600;
  }
  clock.up = { boot: "one", seconds: clock.now };
  clock.now = start + daySeconds;
  assert.ok(terminal.clock.nowSeconds() > start + 364 * daySeconds, "the floor followed the clocks");
  server.publish({ sequence: 2, version: "2" });
  await give(clock.now * 1000, resetClock(clock.now));
  assert.equal((await fetchSoftware(terminal)).software.sequence, 2);
  await install(terminal);
  assert.equal(terminal.clock.nowSeconds(), clock.now);
});

test("NEWEST BCAST: a terminal that listens asks for orders when it begins, and goes on when it cannot", async (t) => {
  const made = await withHighSequence(t);
  const { server, terminal, give, low } = made;
  await give(5, resetSequence(2));
  const once = async (): Promise<number> => {
    for await (const { software } of listen(terminal, { once: true, waitSeconds: 0 })) return software.sequence;
    return assert.fail();
  };
  await server.channel.broadcast(low, { mechanism: "open-broadcast" });
  server.faults.before = ({ url }) => (url === "/v1/links" ? "LINK_REFUSED" : undefined);
  await assert.rejects(once(), code("TERMINAL_NOTHING_NEW"));
  server.faults.before = undefined;
  assert.equal(await once(), 3);
  assert.deepEqual(told(made), ["unasked LINK_REFUSED", "followed 5"]);
});

test("NEWEST: an action that a terminal does not know makes a rightly signed order malformed, and nothing of it is done", async (t) => {
  const made = await world(t);
  const { server, terminal, clock, operator } = made;
  const floor = clock.now + 20 * daySeconds;
  await terminal.clock.restart(floor);
  const known = ["reset-clock", clock.now];
  server.orders = [{ number: 5, order: await operator.signAny([known, ["reset-everything", clock.now]], 5) }];
  assert.deepEqual(await obeyWaiting(terminal), []);
  assert.deepEqual(told(made), ["refused 5 ORDER_MALFORMED"]);
  assert.equal(restarted(made).clock.nowSeconds(), floor);
  assert.equal((await status(terminal)).order, null);
  server.orders = [{ number: 6, order: await operator.signAny([known], 6) }];
  assert.deepEqual(
    (await obeyWaiting(terminal)).map(({ number }) => number),
    [6],
  );
});
