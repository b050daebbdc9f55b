import assert from "node:assert/strict";
import { test } from "node:test";
import { type DeliveryPolicy, routes } from "@sealane/api";
import { type Suite, standardSuites, systemRandom } from "@sealane/crypto";
import { type BroadcastLink, defaultWindowSeconds, type MechanismName, mechanisms } from "@sealane/link";
import { locateDatabase } from "../../src/locate-database.ts";
import { openDatabase } from "../../src/storage/database.ts";
import { type Device, post, postTogether } from "./device.ts";
import { ChannelListener, type HeardBroadcast, opensTo, startBroadcast } from "./listening.ts";
import type { Prepared } from "./publisher.ts";
import { TestServer } from "./test-server.ts";

const all = Object.keys(mechanisms) as MechanismName[];
const policy: Partial<DeliveryPolicy> = { application: all, content: all };

interface World {
  readonly server: TestServer;
  readonly device: Device;
  readonly prepared: Prepared;
  readonly heard: HeardBroadcast;
}

/** A device that has heard the licence for everybody of a public release. */
async function worldWith(server: TestServer): Promise<World> {
  const prepared = await server.publish("the film", { grade: "public" });
  await startBroadcast(server, { suite: "x25519" });
  const listener = await ChannelListener.of(server);
  const [item] = await listener.items();
  assert.ok(item !== undefined);
  return { server, device: await server.device("gate-1"), prepared, heard: await listener.hear(item) };
}

/** M1 of `open-broadcast` by the device. */
async function originate(
  { device, server }: Pick<World, "device" | "server">,
  licence: Uint8Array,
  suite: Suite | undefined = standardSuites[0],
): Promise<{ readonly message: Uint8Array; readonly link: BroadcastLink }> {
  assert.ok(suite !== undefined);
  const { self } = device.context();
  const context = { self, recipient: [], nowSeconds: server.nowSeconds, random: systemRandom };
  const sent = await mechanisms["open-broadcast"].originate(context, { suite, licence });
  assert.ok(sent.kind === "broadcast");
  return sent;
}

for (const suite of standardSuites) {
  test(`EQ3 DIR: on ${suite.name} a terminal signs a number for everybody, and gets the content key of a public release under it`, async (t) => {
    const world = await worldWith(await TestServer.start(t, { policy }));
    const { server, heard, prepared } = world;
    const { message, link } = await originate(world, heard.link.licence, suite);
    const { status, body } = await post(server.url + routes.links, message);
    assert.equal(status, 200);
    assert.equal(opensTo({ ...heard, link, wrap: body }, prepared, server.nowSeconds), true);
  });
}

test("FNONCE: the same open broadcast again gets a wrap of the same key while it is timely, and leaves one entry and no link", async (t) => {
  const world = await worldWith(await TestServer.start(t, { policy }));
  const { server, heard, prepared } = world;
  const { message, link } = await originate(world, heard.link.licence);
  const replies = await postTogether(server.url + routes.links, [message, message, message]);
  for (const { status, body } of [...replies, await post(server.url + routes.links, message)]) {
    assert.equal(status, 200);
    assert.equal(opensTo({ ...heard, link, wrap: body }, prepared, server.nowSeconds), true);
  }
  await using db = await openDatabase(await locateDatabase({ ...server.database, folder: server.folder }));
  const entries = await db.selectFrom("replay_entries").select("mechanism").execute();
  assert.deepEqual(
    entries.map(({ mechanism }) => mechanism),
    ["open-broadcast"],
  );
  assert.deepEqual(await db.selectFrom("links").select("id").execute(), []);

  server.nowSeconds += defaultWindowSeconds + 61;
  assert.equal((await post(server.url + routes.links, message)).code, "LINK_REFUSED");
  assert.equal(server.codes.at(-1), "LINK_MESSAGE_EXPIRED");
});

test("EQ3 LIC: an open broadcast of a terminal is answered for this server's licences for everybody only", async (t) => {
  const world = await worldWith(await TestServer.start(t, { policy }));
  const { server, device } = world;
  const refusedWith = async (licence: Uint8Array): Promise<string | undefined> => {
    const { message } = await originate(world, licence);
    assert.equal((await post(server.url + routes.links, message)).code, "LINK_REFUSED");
    return server.codes.at(-1);
  };
  assert.equal(await refusedWith(Uint8Array.of(1, 2, 3)), "RELEASE_UNKNOWN");
  await server.publish("a secret", { module: "app", version: "2.0", sequence: 2 });
  using link = await device.establish();
  const [offers] = [await device.ask(link, { kind: "offers", module: "app", installed: [] })];
  assert.ok(offers.kind === "offers" && offers.offers[0] !== undefined);
  const own = await device.ask(link, { kind: "authorise", artefactId: offers.offers[0].artefactId });
  assert.ok(own.kind === "authorised");
  assert.equal(await refusedWith(own.licence), "RELEASE_UNKNOWN", "a licence of one terminal opened for everybody");
});

test("EQ3 POLICY: a licence for everybody of what was not published as public opens nothing", async (t) => {
  const server = await TestServer.start(t, { policy });
  await server.publish("a secret");
  const device = await server.device("gate-1");
  await server.operator.post(routes.groups, { name: "fleet" });
  await startBroadcast(server, { mechanism: "group-broadcast", group: "fleet", suite: "x25519" });
  await server.operator.post("/v1/groups/fleet/members", { add: ["gate-1"] });
  const listener = await ChannelListener.of(server);
  await listener.join(device);
  const [item] = await listener.items();
  assert.ok(item !== undefined);
  const { link } = await listener.hear(item);
  const { message } = await originate({ server, device }, link.licence);
  assert.equal((await post(server.url + routes.links, message)).code, "LINK_REFUSED");
  assert.equal(server.codes.at(-1), "RELEASE_NOT_PUBLIC");
});

test("POLICY: a server whose policy does not name open broadcasts answers none", async (t) => {
  const server = await TestServer.start(t, { policy });
  const world = await worldWith(server);
  const { message } = await originate(world, world.heard.link.licence);
  await server.restart();
  assert.equal((await post(server.url + routes.links, message)).code, "LINK_REFUSED");
  assert.equal(server.codes.at(-1), "LINK_MECHANISM_UNKNOWN");
});
