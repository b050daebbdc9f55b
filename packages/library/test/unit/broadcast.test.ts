import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256, standardSuites } from "@sealane/crypto";
import { AnonymousParty, Group, GroupLink, GroupMemberships, MemoryReplayCache, Party, PublicLink, Secret } from "../../src/index.ts";
import { findMembership } from "../../src/link/group-memberships.ts";
import { addressOf, bytesOf, code, licensedContent, linkedPair, newWorld, type World } from "../world.ts";

/** A listener without a name that remembers nothing of others. */
function listenerIn(world: World): AnonymousParty {
  const { identity: _, ...options } = world.gateway;
  return new AnonymousParty({ ...options, replay: new MemoryReplayCache(world.environment.clock) });
}

/** A group of the office with the gateway as its member. */
async function groupOf(world: World, options: Partial<Parameters<typeof Group.create>[0]> = {}) {
  const { environment } = world;
  const group = Group.create({ groupId: "fleet", environment, ...options });
  const groups = new GroupMemberships(environment.clock);
  const { office, gateway } = await linkedPair(world);
  const joined = groups.join(gateway, group.admit(office));
  return { group, groups, joined, office, gateway };
}

describe("a broadcast to everybody", () => {
  for (const { name: suite } of standardSuites) {
    for (const from of ["office", "gateway"] as const) {
      test(`EQ3 BCAST: on ${suite} from the ${from}, gives whoever hears it the content key that its licence vouches for`, async () => {
        const world = await newWorld();
        const { licence, contentKey } = await licensedContent(world, "*");
        const { message, link } = await new Party(world[from]).broadcast(licence.bytes, { suite });
        const wrapped = link.wrap(contentKey, licence);
        const other = from === "office" ? world.gateway : world.office;
        const heard = await new Party(other).accept(message, { mechanisms: ["open-broadcast"] });
        assert.ok(heard.link instanceof PublicLink);
        assert.deepEqual(
          [heard.kind, heard.licence, heard.link.originator, heard.link.group],
          ["heard", licence.bytes, world[from].identity.name, null],
        );
        using key = heard.link.unwrap(wrapped, licence);
        assert.deepEqual(bytesOf(key), bytesOf(contentKey));
        const { grade, anonymous, mechanism, promise, readers } = heard.link.properties;
        assert.deepEqual([grade, anonymous, mechanism, readers], ["public", "recipient", "open-broadcast", "Everybody can read it"]);
        assert.match(promise, new RegExp(`^${from}.* signed this`));
      });
    }
  }

  test("EQ3: lasts 30 minutes unless told, is heard once, and by parties without a name", async () => {
    const world = await newWorld();
    const { clock } = world.environment;
    const { licence, contentKey } = await licensedContent(world, "*");
    const { message, link } = await new Party(world.office).broadcast(licence.bytes);
    assert.equal(link.expiresAtSeconds, clock.now + 1_800);
    clock.now += 1_800;
    const listener = listenerIn(world);
    const heard = await listener.accept(message);
    await assert.rejects(listener.accept(message), code("LINK_MESSAGE_REPLAYED"));
    using _ = heard.link.unwrap(link.wrap(contentKey, licence), licence);
    clock.now += 1;
    await assert.rejects(listenerIn(world).accept(message), code("LINK_MESSAGE_EXPIRED"));
    assert.throws(() => link.wrap(contentKey, licence), code("LINK_EXPIRED"));
    assert.throws(() => heard.link.unwrap(new Uint8Array(0), licence), code("LINK_EXPIRED"));
  });

  test("EQ3: one that lives longer is heard as late as the listener's policy says", async () => {
    const world = await newWorld();
    const { clock } = world.environment;
    const { licence } = await licensedContent(world, "*");
    const { message } = await new Party(world.office).broadcast(licence.bytes, { keyLifeSeconds: 7_200 });
    clock.now += 1_800 + 61;
    await assert.rejects(listenerIn(world).accept(message), code("LINK_MESSAGE_EXPIRED"));
    const patient = new Party({ ...world.gateway, broadcastSeconds: 7_200 });
    await patient.accept(message, { mechanisms: ["open-broadcast"] });
  });

  test("EQ3: carries keys for the licence that it brought and no other; a party takes none unless it says so", async () => {
    const world = await newWorld();
    const { licence, contentKey } = await licensedContent(world, "*");
    const other = await licensedContent(world, "*");
    const { message, link } = await new Party(world.office).broadcast(licence.bytes);
    assert.throws(() => link.wrap(contentKey, other.licence), code("LINK_FIELD_WRONG"));
    await assert.rejects(new Party(world.gateway).accept(message), code("LINK_MECHANISM_UNKNOWN"));
    await assert.rejects(new Party(world.office).broadcast(new Uint8Array(0)), code("LIBRARY_ARGUMENT_WRONG"));
    await assert.rejects(new Party(world.office).broadcast(new Uint8Array(24_577)), code("LIBRARY_ARGUMENT_WRONG"));
    const foreign = { ...world.gateway, trust: (await newWorld()).gateway.trust };
    await assert.rejects(new AnonymousParty(foreign).accept(message), code("PKI_SIGNATURE_WRONG"));
  });
});

describe("a group", () => {
  for (const { name: suite } of standardSuites) {
    test(`EQ4 KGRP: a broadcast on ${suite} gives its members the content key`, async () => {
      const world = await newWorld();
      const { group, groups, joined } = await groupOf(world, { suite });
      assert.deepEqual(joined, group.record);
      assert.deepEqual([joined.groupId, joined.epoch, joined.suite], ["fleet", 1, suite]);
      const { licence, contentKey } = await licensedContent(world, "*");
      const { message, link } = await new Party(world.office).broadcastToGroup(group.record, licence.bytes);
      const heard = await new Party(world.gateway).accept(message, { mechanisms: ["group-broadcast"], groups });
      assert.ok(heard.link instanceof GroupLink);
      assert.deepEqual([heard.link.originator, heard.link.group?.groupId, heard.link.group?.epoch], ["office", "fleet", 1]);
      using key = heard.link.unwrap(link.wrap(contentKey, licence), licence);
      assert.deepEqual(bytesOf(key), bytesOf(contentKey));
      const { grade, mechanism } = heard.link.properties;
      assert.deepEqual([grade, mechanism], ["confidential", "group-broadcast"]);
    });
  }

  test("EQ4: who is no member, or not of this epoch, cannot use it; a terminal cannot send it", async () => {
    const world = await newWorld();
    const { group, groups, office, gateway } = await groupOf(world);
    const { licence } = await licensedContent(world, "*");
    const party = new Party(world.gateway);
    const mechanisms = ["group-broadcast"] as const;
    const { message } = await new Party(world.office).broadcastToGroup(group.record, licence.bytes);
    await assert.rejects(party.accept(message, { mechanisms }), code("LINK_GROUP_UNKNOWN"));
    const elsewhere = await groupOf(world);
    await assert.rejects(party.accept(message, { mechanisms, groups: elsewhere.groups }), code("LINK_GROUP_UNKNOWN"));
    const second = group.next();
    const later = await new Party(world.office).broadcastToGroup(second.record, licence.bytes);
    await assert.rejects(party.accept(later.message, { mechanisms, groups }), code("LINK_GROUP_UNKNOWN"));
    assert.equal(groups.join(gateway, second.admit(office)).epoch, 2);
    await party.accept(later.message, { mechanisms, groups });
    await assert.rejects(new Party(world.gateway).broadcastToGroup(group.record, licence.bytes), code("LINK_MECHANISM_UNKNOWN"));
  });

  test("KGRP: a member keeps the epoch before for an hour, and none beyond its end", async () => {
    const world = await newWorld();
    const { clock } = world.environment;
    const mechanisms = ["group-broadcast"] as const;
    const party = new Party(world.gateway);
    const { group, groups, office, gateway } = await groupOf(world, { lifeSeconds: 100_000 });
    const { licence } = await licensedContent(world, "*");
    const send = async (to: Group) => (await new Party(world.office).broadcastToGroup(to.record, licence.bytes)).message;
    const second = group.next({ lifeSeconds: 7_200 });
    groups.join(gateway, second.admit(office));
    clock.now += 3_600;
    await party.accept(await send(group), { mechanisms, groups });
    clock.now += 1;
    await assert.rejects(party.accept(await send(group), { mechanisms, groups }), code("LINK_GROUP_UNKNOWN"));
    await party.accept(await send(second), { mechanisms, groups });
    clock.now += 3_599;
    const last = await send(second);
    clock.now += 1;
    await assert.rejects(party.accept(last, { mechanisms, groups }), code("LINK_GROUP_UNKNOWN"));
    await assert.rejects(send(second), code("LINK_EXPIRED"));
  });

  test("KGRP: an epoch never goes back, comes from one party, and from one with a name", async () => {
    const world = await newWorld();
    const { group, groups, office, gateway } = await groupOf(world);
    const second = group.next();
    groups.join(gateway, second.admit(office));
    assert.throws(() => groups.join(gateway, group.admit(office)), code("LINK_FIELD_WRONG"));
    assert.deepEqual(groups.join(gateway, second.admit(office)), second.record); // once more, after a lost answer
    assert.throws(() => groups.join(gateway, group.next().admit(office)), code("LINK_FIELD_WRONG"));
    assert.throws(() => groups.join(office, second.next().admit(gateway)), code("LINK_PEER_WRONG"));
    assert.throws(() => groups.join(gateway, office.seal(new Uint8Array(1))), code("WIRE_SHAPE_WRONG"));
    const over = Group.create({ groupId: "over", lifeSeconds: 1, environment: world.environment }).admit(office);
    world.environment.clock.now += 2;
    assert.throws(() => groups.join(gateway, over), code("LINK_EXPIRED"));
  });

  test("KGRP: a party without a name makes no members; a member has 64 groups at most", async () => {
    const world = await newWorld();
    const { environment } = world;
    const { identity: _, ...options } = world.office;
    const nobody = new AnonymousParty({ ...options, role: "server" });
    const { message } = await nobody.originate(addressOf(world.gateway), { mechanism: "anonymous-agreement" });
    const accepted = await new Party(world.gateway).accept(message, { mechanisms: ["anonymous-agreement"] });
    const { link: sender } = await nobody.receive(accepted.reply);
    const { link } = accepted.link.confirm(sender.seal(new Uint8Array(0)));
    const groups = new GroupMemberships(environment.clock);
    const make = (number: number): Group => Group.create({ groupId: `group-${number}`, suite: "x25519", environment });
    assert.throws(() => groups.join(link, make(0).admit(sender)), code("LINK_PEER_WRONG"));
    const { office, gateway } = await linkedPair(world);
    for (let i = 0; i < 64; i++) groups.join(gateway, make(i).admit(office));
    assert.throws(() => groups.join(gateway, make(64).admit(office)), code("LINK_EXHAUSTED"));
    groups.leave("group-0");
    groups.join(gateway, make(64).admit(office));
    using _loaded = GroupMemberships.load(groups.save(), environment.clock);
  });

  test("KGRP: its secret serves no other suite", async () => {
    const { group, groups } = await groupOf(await newWorld());
    const { groupId, epoch, publicValue } = group.record;
    const reference = { groupId, epoch, publicDigest: sha256(publicValue) };
    const found = standardSuites.map((suite) => findMembership(groups, reference, suite) !== null);
    assert.deepEqual(
      found,
      standardSuites.map(({ name }) => name === "hybrid"),
    );
  });

  test("is saved and loaded by its maker and by its members; who leaves has nothing left", async () => {
    const world = await newWorld();
    const { environment } = world;
    const mechanisms = ["group-broadcast"] as const;
    const { group, groups, office, gateway } = await groupOf(world);
    const second = Group.load(group.save(), environment).next();
    groups.join(gateway, second.admit(office));
    const { licence } = await licensedContent(world, "*");
    const there = GroupMemberships.load(groups.save(), environment.clock);
    groups[Symbol.dispose]();
    for (const epoch of [group, second]) {
      const { message } = await new Party(world.office).broadcastToGroup(epoch.record, licence.bytes);
      await assert.rejects(new Party(world.gateway).accept(message, { mechanisms, groups }), code("LINK_GROUP_UNKNOWN"));
      await new Party(world.gateway).accept(message, { mechanisms, groups: there });
    }
    there.leave("fleet");
    const { message } = await new Party(world.office).broadcastToGroup(second.record, licence.bytes);
    await assert.rejects(new Party(world.gateway).accept(message, { mechanisms, groups: there }), code("LINK_GROUP_UNKNOWN"));
    const wrong = Secret.take("saved group", new Uint8Array(3));
    assert.throws(() => Group.load(wrong, environment), code("LINK_STATE_WRONG"));
    const wrongToo = Secret.take("saved memberships", new Uint8Array(3));
    assert.throws(() => GroupMemberships.load(wrongToo, environment.clock), code("LINK_STATE_WRONG"));
  });
});
