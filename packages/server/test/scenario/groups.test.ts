import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type DeliveryPolicy, type GroupView, pathOf, routes } from "@sealane/api";
import { standardSuites } from "@sealane/crypto";
import { type MechanismName, mechanisms } from "@sealane/link";
import { hasCode } from "@sealane/wire";
import { backupServer, restoreServer, startServer } from "../../src/index.ts";
import { locateDatabase } from "../../src/locate-database.ts";
import { openDatabase } from "../../src/storage/database.ts";
import { dropSchema, newPostgresUrl } from "../postgres.ts";
import { NewDevice } from "./device.ts";
import { ChannelListener, refusalOf, startBroadcast } from "./listening.ts";
import { onPostgres, TestServer } from "./test-server.ts";

const all = Object.keys(mechanisms) as MechanismName[];
const policy: Partial<DeliveryPolicy> = { application: all, content: all };
const toFleet = { mechanism: "group-broadcast", group: "fleet" } as const;

async function makeFleet(server: TestServer, ...members: readonly string[]): Promise<void> {
  await server.operator.post(routes.groups, { name: "fleet" });
  if (members.length > 0) await changeFleet(server, { add: members });
}

async function changeFleet(server: TestServer, change: object): Promise<GroupView> {
  return (await server.operator.post(pathOf(routes.groupMembers, "fleet"), change)) as GroupView;
}

async function rotateFleet(server: TestServer): Promise<GroupView> {
  return (await server.operator.post(pathOf(routes.groupEpoch, "fleet"), {})) as GroupView;
}

const unknown = (error: unknown): boolean => hasCode(error, "LINK_GROUP_UNKNOWN");

for (const suite of standardSuites) {
  test(`EQ4 MULTI: on ${suite.name} members are given the group's secret on a link, and open what is broadcast to them`, async (t) => {
    const server = await TestServer.start(t, { policy });
    const prepared = await server.publish("the software");
    const [member, other] = [await server.device("gate-1"), await server.device("gate-2")];
    await makeFleet(server, "gate-1");
    await startBroadcast(server, { ...toFleet, suite: suite.name });
    const [inside, outside] = [await ChannelListener.of(server), await ChannelListener.of(server)];
    const [item] = await inside.items();
    assert.ok(item !== undefined);
    const held = await inside.join(member);
    assert.deepEqual(
      held.map(({ groupId, epoch }) => [groupId, epoch]),
      standardSuites.map(() => ["fleet", 1]),
    );
    assert.equal((await inside.hear(item)).link.grade, "confidential");
    assert.equal(await inside.opens(item, prepared), true);
    assert.deepEqual(await outside.join(other), []);
    await assert.rejects(outside.hear(item), unknown);
  });
}

test("EQ4 ANON: who has no name is in no group", async (t) => {
  const server = await TestServer.start(t, { policy });
  const device = await server.device("gate-1");
  await makeFleet(server, "gate-1");
  using link = await device.establish({ mechanism: "anonymous-transport" });
  assert.deepEqual(await device.ask(link, { kind: "groups" }), { kind: "refused", code: "API_REQUEST_WRONG" });
});

test("EQ4: a removed terminal cannot open what is broadcast from then on, and a running broadcast goes over to the new epoch", async (t) => {
  const server = await TestServer.start(t, { policy });
  const prepared = await server.publish("the software");
  const [leaving, staying] = [await server.device("gate-1"), await server.device("gate-2")];
  await makeFleet(server, "gate-1", "gate-2");
  await startBroadcast(server, toFleet);
  const [gone, member] = [await ChannelListener.of(server), await ChannelListener.of(server)];
  await gone.join(leaving);
  await member.join(staying);
  const [before] = await gone.items();
  assert.ok(before !== undefined);
  assert.equal(await gone.opens(before, prepared), true);

  assert.deepEqual((await changeFleet(server, { remove: ["gate-1"] })).members, ["gate-2"]);
  const items = await member.items(`?after=${before.position}`);
  const [after] = items;
  assert.ok(after !== undefined && items.length === 1);
  assert.equal((await member.items()).length, 1, "the message of the epoch before is still given");
  await assert.rejects(gone.hear(after), unknown);
  assert.deepEqual(await gone.join(leaving), []);
  const held = await member.join(staying);
  assert.deepEqual([...new Set(held.map(({ epoch }) => epoch))], [2, 1]);
  assert.equal(await member.opens(after, prepared), true);
});

test("EQ4: an epoch of before ends within the hour by its own signed record, and a new one begins before the last ends", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the software");
  const device = await server.device("gate-1");
  await makeFleet(server, "gate-1");
  const listener = await ChannelListener.of(server);
  const ends = async (): Promise<readonly (readonly [number, number])[]> =>
    (await listener.join(device)).slice(0, 4).map(({ epoch, expiresAtSeconds }) => [epoch, expiresAtSeconds - server.nowSeconds]);
  const days = 30 * 86_400;
  assert.deepEqual(await ends(), [
    [1, days],
    [1, days],
  ]);
  assert.equal((await rotateFleet(server)).epoch, 2);
  assert.deepEqual(await ends(), [
    [2, days],
    [2, days],
    [1, 3_600],
    [1, 3_600],
  ]);
  server.nowSeconds += 3_600;
  assert.deepEqual(await ends(), [
    [2, days - 3_600],
    [2, days - 3_600],
  ]);
  server.nowSeconds += days - 2 * 3_600;
  assert.deepEqual(await ends(), [
    [3, days],
    [3, days],
    [2, 3_600],
    [2, 3_600],
  ]);
});

test("EQ4: an epoch that ends within the hour is not used for another broadcast", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("the software");
  await makeFleet(server);
  await startBroadcast(server, { ...toFleet, lifeSeconds: 86_400 });
  const [group] = (await server.operator.get(routes.groups)) as readonly GroupView[];
  server.nowSeconds = (group?.epochEndsAtSeconds ?? 0) - 3_601;
  await startBroadcast(server, toFleet);
  const [sameEpoch] = (await server.operator.get(routes.groups)) as readonly GroupView[];
  assert.equal(sameEpoch?.epoch, 1);
  server.nowSeconds += 1;
  await startBroadcast(server, toFleet);
  const [next] = (await server.operator.get(routes.groups)) as readonly GroupView[];
  assert.equal(next?.epoch, 2);
});

test("EQ4: when a member's name is enrolled anew, the secret that its old device holds is not used any more", async (t) => {
  const server = await TestServer.start(t, { policy });
  const prepared = await server.publish("the software");
  const old = await server.device("gate-1");
  await makeFleet(server, "gate-1");
  await startBroadcast(server, toFleet);
  const [thief, listener] = [await ChannelListener.of(server), await ChannelListener.of(server)];
  await thief.join(old);
  const fresh = await new NewDevice(server.url, await server.operator.token("gate-1"), { now: () => server.nowSeconds }).enrol();
  const [item] = await listener.items();
  assert.ok(item !== undefined);
  await assert.rejects(thief.hear(item), unknown);
  await assert.rejects(thief.join(old));
  await listener.join(fresh);
  assert.equal(await listener.opens(item, prepared), true);
});

test("groups have names, known terminals, and bounds", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.device("gate-1");
  await makeFleet(server, "gate-1");
  assert.equal(await refusalOf(server, routes.groups, { name: "fleet" }), "SERVER_GROUP_TAKEN");
  assert.equal(await refusalOf(server, routes.groups, { name: "Not a name" }), "API_REQUEST_WRONG");
  assert.equal(await refusalOf(server, pathOf(routes.groupMembers, "none"), { add: ["gate-1"] }), "GROUP_UNKNOWN");
  assert.equal(await refusalOf(server, pathOf(routes.groupMembers, "No name"), { add: ["gate-1"] }), "GROUP_UNKNOWN");
  assert.equal(await refusalOf(server, pathOf(routes.groupEpoch, "none"), {}), "GROUP_UNKNOWN");
  assert.equal(await refusalOf(server, pathOf(routes.groupMembers, "fleet"), { add: ["gate-9"] }), "TERMINAL_UNKNOWN");
  assert.equal(await refusalOf(server, pathOf(routes.groupMembers, "fleet"), {}), "API_REQUEST_WRONG");
  for (let i = 1; i < 8; i++) {
    await server.operator.post(routes.groups, { name: `fleet-${i}` });
    await server.operator.post(pathOf(routes.groupMembers, `fleet-${i}`), { add: ["gate-1"] });
  }
  await server.operator.post(routes.groups, { name: "fleet-8" });
  assert.equal(await refusalOf(server, pathOf(routes.groupMembers, "fleet-8"), { add: ["gate-1"] }), "SERVER_GROUPS_EXCEEDED");
  const groups = (await server.operator.get(routes.groups)) as readonly GroupView[];
  assert.deepEqual([groups.length, groups.at(-1)?.members], [9, []], "a refused change was made");
});

test("KLIFE: a group's secrets lie sealed in the database, and go with their epochs", async (t) => {
  const server = await TestServer.start(t, { policy });
  const device = await server.device("gate-1");
  await makeFleet(server, "gate-1");
  const listener = await ChannelListener.of(server);
  const [held] = await listener.join(device);
  assert.ok(held !== undefined);
  await using db = await openDatabase(await locateDatabase({ ...server.database, folder: server.folder }));
  const { seeds } = await db.selectFrom("group_epochs").select("seeds").executeTakeFirstOrThrow();
  assert.equal(
    held.secret.use((seed) => Buffer.from(seeds).includes(seed.subarray(0, 16))),
    false,
  );
  server.nowSeconds += 31 * 86_400;
  await server.restart({ policy });
  assert.deepEqual(await db.selectFrom("group_epochs").select("epoch").execute(), []);
});

test("EQ4 KREP: after the server's clock leapt ahead and was set right, links are made anew and groups begin a new epoch", async (t) => {
  const server = await TestServer.start(t, { policy });
  const prepared = await server.publish("the software");
  const device = await server.device("gate-1");
  await makeFleet(server, "gate-1");
  const listener = await ChannelListener.of(server);
  assert.equal((await listener.join(device))[0]?.epoch, 1);
  using before = await device.establish();
  const leapSeconds = 40 * 86_400;
  server.nowSeconds += leapSeconds;
  await server.restart({ policy });
  server.nowSeconds -= leapSeconds;
  await server.restart({ policy });
  device.url = server.url;
  await assert.rejects(device.ask(before, { kind: "groups" }));
  assert.equal((await (await ChannelListener.of(server)).join(device))[0]?.epoch, 2);
  await startBroadcast(server, toFleet);
  const after = await ChannelListener.of(server);
  await after.join(device);
  const [item] = await after.items();
  assert.ok(item !== undefined);
  assert.equal(await after.opens(item, prepared), true);
});

test("a restored server has its groups and members, and gives no number of an epoch twice", async (t) => {
  const folder = await emptyFolder(t);
  const server = await TestServer.start(t, { policy });
  const device = await server.device("gate-1");
  await makeFleet(server, "gate-1");
  const listener = await ChannelListener.of(server);
  const [before] = await listener.join(device);
  const source = join(folder, "backup");
  await backupServer({ ...server.database, folder: server.folder, target: source, withArtefacts: false });
  await rotateFleet(server);
  await server.stop();
  const databaseUrl = onPostgres ? { databaseUrl: newPostgresUrl() } : {};
  t.after(async () => {
    if (databaseUrl.databaseUrl !== undefined) await dropSchema(databaseUrl.databaseUrl);
  });
  const restored = { ...databaseUrl, folder: join(folder, "restored") };
  await restoreServer({ ...restored, source, nowSeconds: server.nowSeconds });
  const { databaseUrl: _, ...options } = server.options({ policy });
  const running = await startServer({ ...options, ...restored });
  t.after(() => running.close());
  device.url = running.url;
  server.nowSeconds += 1_000; // until then every message is refused as a replay
  const [after] = await listener.join(device);
  assert.deepEqual([before?.groupId, before?.epoch], ["fleet", 1]);
  assert.deepEqual([after?.groupId, after?.epoch], ["fleet", 1_000_002]);
});

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-groups-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
