import assert from "node:assert/strict";
import { test } from "node:test";
import { type BroadcastView, type DeliveryPolicy, defaultDeliveryPolicy, pathOf, routes } from "@sealane/api";
import { standardSuites } from "@sealane/crypto";
import { type MechanismName, mechanisms } from "@sealane/link";
import { equalBytes, hasCode } from "@sealane/wire";
import { startServer } from "../../src/index.ts";
import { replyOf } from "./device.ts";
import { ChannelListener, refusalOf, startBroadcast } from "./listening.ts";
import { TestServer } from "./test-server.ts";

const all = Object.keys(mechanisms) as MechanismName[];
const policy: Partial<DeliveryPolicy> = { application: all, content: all };
const isPublic = { grade: "public" } as const;

for (const suite of standardSuites) {
  test(`EQ3 BCAST: on ${suite.name} whoever listens hears the same signed message and gets the content key`, async (t) => {
    const server = await TestServer.start(t, { policy });
    const prepared = await server.publish("the film", isPublic);
    const started = await startBroadcast(server, { suite: suite.name });
    assert.deepEqual([started.mechanism, started.suite, started.group, started.module], ["open-broadcast", suite.name, null, "app"]);
    const [one, two] = [await ChannelListener.of(server), await ChannelListener.of(server)];
    const [first] = await one.items();
    const [second] = await two.items();
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual([first.message, first.wrap], [second.message, second.wrap], "made anew for another listener");
    const heard = await one.hear(first);
    assert.deepEqual([heard.link.grade, heard.link.originator, heard.licence.recipient], ["public", "server", "*"]);
    assert.deepEqual([heard.link.issuedAtSeconds, heard.link.keyExpiresAtSeconds], [server.nowSeconds, server.nowSeconds + 1_800]);
    assert.equal(await two.opens(second, prepared), true);
  });
}

test("EQ3: what was not published as public is not broadcast to everybody, and nothing of it stands on the channel", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("a secret");
  const listener = await ChannelListener.of(server);
  assert.equal(await refusalOf(server, routes.broadcasts, { module: "app" }), "RELEASE_NOT_PUBLIC");
  assert.deepEqual(await listener.items(), []);
});

test("POLICY: nothing is broadcast unless the policy names it, and system software only if it is named there", async (t) => {
  const server = await TestServer.start(t);
  await server.publish("the app", isPublic);
  assert.equal(await refusalOf(server, routes.broadcasts, { module: "app" }), "POLICY_REFUSED");
  await server.restart({ policy });
  await server.publish("the system", { ...isPublic, module: "os", softwareClass: "system" });
  assert.equal(await refusalOf(server, routes.broadcasts, { module: "os" }), "POLICY_REFUSED");
  await server.restart({ policy: { system: [...defaultDeliveryPolicy.system, "open-broadcast"] } });
  assert.equal(await refusalOf(server, routes.broadcasts, { module: "os" }), "done");
});

test("a broadcast is of a release that exists, by a mechanism that is one, with a group only where one belongs", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the app", isPublic);
  const refusal = async (wish: object): Promise<string> => await refusalOf(server, routes.broadcasts, { module: "app", ...wish });
  assert.equal(await refusal({ module: "none" }), "RELEASE_UNKNOWN");
  assert.equal(await refusal({ model: "m2" }), "RELEASE_UNKNOWN");
  assert.equal(await refusal({ mechanism: "signed-transport" }), "LINK_MECHANISM_UNKNOWN");
  assert.equal(await refusal({ suite: "rot13" }), "CRYPTO_SUITE_UNKNOWN");
  assert.equal(await refusal({ group: "fleet" }), "API_REQUEST_WRONG");
  assert.equal(await refusal({ mechanism: "group-broadcast" }), "API_REQUEST_WRONG");
  assert.equal(await refusal({ mechanism: "group-broadcast", group: "fleet" }), "GROUP_UNKNOWN");
  assert.equal(await refusal({ lifeSeconds: 9 }), "API_REQUEST_WRONG");
  assert.equal(await refusal({ model: "m1" }), "done");
});

test("a listener that waits is woken by a broadcast, and hears by position what came behind", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the app", isPublic);
  await server.publish("another", { ...isPublic, module: "film" });
  const listener = await ChannelListener.of(server);
  const waiting = listener.channel("?after=0&wait=25");
  await startBroadcast(server);
  const { position, items } = await waiting;
  assert.deepEqual([position, items.map((item) => item.position)], [1, [1]]);
  await startBroadcast(server, { module: "film" });
  assert.deepEqual(
    (await listener.items("?after=1")).map((item) => item.position),
    [2],
  );
  assert.deepEqual(await listener.items("?after=2"), []);
  assert.equal((await listener.items("?after=77")).length, 2, "a position that was never given begins anew");
  const reply = await fetch(`${server.url}${routes.broadcasts}`);
  assert.match(reply.headers.get("cache-control") ?? "", /^public, max-age=\d+$/);
  assert.equal(reply.headers.get("set-cookie"), null);
});

test("KLIFE: a broadcast that somebody hears gets a new M1 in time, with the same licence, and ends when it was to end", async (t) => {
  const server = await TestServer.start(t, { policy });
  const prepared = await server.publish("the app", isPublic);
  await startBroadcast(server, { lifeSeconds: 3_600 });
  const listener = await ChannelListener.of(server);
  const [first] = await listener.items();
  assert.ok(first !== undefined);
  server.nowSeconds += 299;
  assert.deepEqual((await listener.items())[0], first, "a young one was made anew");
  server.nowSeconds += 1;
  const together = await Promise.all([1, 2, 3, 4].map(() => listener.items("?after=1")));
  const [renewed] = together[0] ?? [];
  assert.ok(renewed !== undefined);
  assert.deepEqual(
    together.map((items) => items.map(({ position }) => position)),
    [[2], [2], [2], [2]],
    "renewed more than once",
  );
  assert.notDeepEqual(renewed.message, first.message);
  const [before, after] = [await listener.hear(first), await listener.hear(renewed)];
  assert.equal(equalBytes(before.licence.digest, after.licence.digest), true);
  assert.equal(await listener.opens(renewed, prepared), true);

  server.nowSeconds += 3_000;
  const [last] = await listener.items();
  assert.ok(last !== undefined);
  assert.equal((await listener.hear(last)).link.keyExpiresAtSeconds, server.nowSeconds + 300, "it lives on behind its end");
  server.nowSeconds += 300;
  assert.deepEqual(await listener.items(), []);
  await assert.rejects(listener.hear(first), (error) => hasCode(error, "LINK_MESSAGE_EXPIRED"));
});

test("a broadcast whose policy has changed is not renewed, and ends with its M1", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the app", isPublic);
  await startBroadcast(server, { lifeSeconds: 86_400 });
  await server.restart();
  const listener = await ChannelListener.of(server);
  server.nowSeconds += 301;
  assert.equal((await listener.items())[0]?.position, 1);
  assert.equal(server.codes.at(-1), "POLICY_REFUSED");
  server.nowSeconds += 1_600;
  assert.deepEqual(await listener.items(), []);
});

test("a broadcast that was stopped is gone, and operators alone start, see and stop them", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the app", isPublic);
  const { id } = await startBroadcast(server);
  const listener = await ChannelListener.of(server);
  const running = (await server.operator.get(routes.runningBroadcasts)) as readonly BroadcastView[];
  assert.deepEqual(
    running.map((each) => [each.id, each.version, each.endsAtSeconds]),
    [[id, "1.0", server.nowSeconds + 1_800]],
  );
  for (const [method, path] of [
    ["POST", routes.broadcasts],
    ["GET", routes.runningBroadcasts],
    ["DELETE", pathOf(routes.broadcast, id)],
  ] as const) {
    assert.equal((await replyOf(await fetch(server.url + path, { method }))).code, "API_TOKEN_WRONG");
  }
  assert.equal((await server.operator.send("DELETE", pathOf(routes.broadcast, id))).status, 204);
  assert.deepEqual(await listener.items(), []);
  assert.equal((await replyOf(await server.operator.send("DELETE", pathOf(routes.broadcast, id)))).code, "BROADCAST_UNKNOWN");
  assert.equal((await replyOf(await server.operator.send("DELETE", pathOf(routes.broadcast, "x")))).code, "BROADCAST_UNKNOWN");
});

test("any server process serves the channel, and a listener that waits at one hears what another starts", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the app", isPublic);
  const other = await startServer(server.options({ policy }));
  t.after(() => other.close());
  const listener = await ChannelListener.of(server);
  await startBroadcast(server);
  const [here, there] = [await listener.channel(), await listener.channel("", other.url)];
  assert.deepEqual(here, there);
  if (server.database.databaseUrl === undefined) return; // on SQLite one process serves
  const waiting = listener.channel("?after=1&wait=25", other.url);
  await startBroadcast(server);
  assert.deepEqual(
    (await waiting).items.map(({ position }) => position),
    [2],
  );
});

test("a server that stops sends its listeners away", async (t) => {
  const server = await TestServer.start(t, { policy });
  const listener = await ChannelListener.of(server);
  const waiting = listener.channel("?wait=25");
  while ((await waitingAt(server)) !== 1);
  await server.stop();
  assert.deepEqual(await waiting, { position: 0, items: [] });
});

test("as many broadcasts run as a listener can look through", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the app", isPublic);
  for (let i = 0; i < 64; i++) await startBroadcast(server, { suite: "x25519" });
  assert.equal(await refusalOf(server, routes.broadcasts, { module: "app" }), "SERVER_BROADCASTS_FULL");
  const listener = await ChannelListener.of(server);
  const positions: number[] = [];
  for (let after = 0; ; after = positions.at(-1) ?? 0) {
    const items = await listener.items(`?after=${after}`);
    if (items.length === 0) break;
    assert.ok(items.length <= 16);
    positions.push(...items.map(({ position }) => position));
  }
  assert.deepEqual(
    positions,
    Array.from({ length: 64 }, (_, i) => i + 1),
  );
});

/** Requests to the channel that wait, as the metrics have them. */
async function waitingAt(server: TestServer): Promise<number> {
  const text = await (await fetch(server.url + routes.metrics)).text();
  return Number(/^sealane_broadcast_listeners (\d+)$/m.exec(text)?.[1]);
}
