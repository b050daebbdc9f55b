import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfidentialLink, Party, UnconfirmedLink } from "../../src/index.ts";
import { addressOf, code, linkedPair, newWorld } from "../world.ts";

const hello = new TextEncoder().encode("hello");

describe("a link between two parties of the library", () => {
  test("EQ1, EQ5: is originated by either on every suite, carries records both ways and tells who the peer is", async () => {
    const world = await newWorld();
    for (const suite of ["hybrid", "x25519"] as const) {
      for (const [from, to] of [
        [world.office, world.gateway],
        [world.gateway, world.office],
      ] as const) {
        const [sender, receiver] = [new Party(from), new Party(to)];
        const { message } = await sender.originate(addressOf(to), { suite, licence: hello });
        const accepted = await receiver.accept(message);
        assert.deepEqual(accepted.licence, hello);
        const { link: there } = await sender.receive(accepted.reply);
        const { link: here, payload } = accepted.link.confirm(there.seal(hello));
        assert.deepEqual(payload, hello);
        assert.deepEqual(there.open(here.seal(payload)), hello);
        assert.deepEqual([here.peer, there.peer], [from.identity.name, to.identity.name]);
        assert.equal(here.id, there.id);
        assert.deepEqual([here.properties.suite, here.properties.mechanism], [suite, "signed-transport"]);
        assert.doesNotMatch(here.properties.promise + here.properties.readers, /[{}]/);
      }
    }
  });

  test("is accepted once, answered once, and not by one who was not meant", async () => {
    const world = await newWorld();
    const other = await newWorld();
    const [office, gateway] = [new Party(world.office), new Party(world.gateway)];
    const { message } = await office.originate(addressOf(world.gateway));
    await assert.rejects(new Party({ ...world.gateway, trust: other.gateway.trust }).accept(message), code("PKI_SIGNATURE_WRONG"));
    await assert.rejects(new Party(other.gateway).accept(message), code("LINK_RECIPIENT_WRONG"));
    const { reply } = await gateway.accept(message);
    await assert.rejects(gateway.accept(message), code("LINK_MESSAGE_REPLAYED"));
    const forged = reply.with(-1, (reply.at(-1) ?? 0) ^ 1);
    await assert.rejects(office.receive(forged), code("LINK_ANSWER_WRONG"));
    await office.receive(reply); // the forged one has used up nothing
    await assert.rejects(office.receive(reply), code("LINK_MESSAGE_UNEXPECTED"));
    await assert.rejects(gateway.receive(reply), code("LINK_MESSAGE_UNEXPECTED"));
  });

  test("two processes that receive one answer make one link", async () => {
    const world = await newWorld();
    const { message } = await new Party(world.office).originate(addressOf(world.gateway));
    const { reply } = await new Party(world.gateway).accept(message);
    const processes = [new Party(world.office), new Party(world.office)];
    const results = await Promise.allSettled(processes.map((party) => party.receive(reply)));
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });

  test("the clock that was passed decides on age and end", async () => {
    const world = await newWorld();
    const { clock } = world.environment;
    const [office, gateway] = [new Party(world.office), new Party({ ...world.gateway, windowSeconds: 10, toleranceSeconds: 5 })];
    const { message } = await office.originate(addressOf(world.gateway), { keyLifeSeconds: 100 });
    clock.now += 16;
    await assert.rejects(gateway.accept(message), code("LINK_MESSAGE_STALE"));
    clock.now -= 1;
    const { reply, link } = await gateway.accept(message);
    const { link: sender } = await office.receive(reply);
    assert.equal(sender.expiresAtSeconds, clock.now + 85);
    const record = sender.seal(hello);
    clock.now += 86;
    assert.throws(() => link.confirm(record), code("LINK_EXPIRED"));
    assert.throws(() => sender.seal(hello), code("LINK_EXPIRED"));
  });

  test("a stored message is accepted as its options say", async () => {
    const world = await newWorld();
    const { clock } = world.environment;
    const [office, gateway] = [new Party(world.office), new Party(world.gateway)];
    const stored = await office.originate(addressOf(world.gateway), { expiresAtSeconds: clock.now + 3_600 });
    clock.now += 3_000;
    await assert.rejects(new Party({ ...world.gateway, storedSeconds: 0 }).accept(stored.message), code("LINK_MESSAGE_EXPIRED"));
    await gateway.accept(stored.message);
  });

  test("a certificate that is not sent is looked for", async () => {
    const world = await newWorld();
    const { certificate } = world.office.identity.signing[0] ?? assert.fail();
    const { message } = await new Party(world.office).originate(addressOf(world.gateway), { sendCertificate: false });
    await assert.rejects(new Party(world.gateway).accept(message), code("LINK_PEER_UNKNOWN"));
    const gateway = new Party({
      ...world.gateway,
      findCertificate: (thumbprint) => (thumbprint.toHex() === certificate.thumbprint.toHex() ? certificate : null),
    });
    assert.equal((await gateway.accept(message)).link.peer, "office");
  });

  test("is saved and loaded in both states", async () => {
    const world = await newWorld();
    const office = new Party(world.office);
    const { message } = await office.originate(addressOf(world.gateway));
    const accepted = await new Party(world.gateway).accept(message);
    const { link: first } = await office.receive(accepted.reply);
    const unconfirmed = UnconfirmedLink.load(accepted.link.save(), world.environment);
    assert.deepEqual([unconfirmed.id, unconfirmed.peer], [first.id, "office"]);
    const { link } = unconfirmed.confirm(first.seal(hello));
    assert.throws(() => ConfidentialLink.load(accepted.link.save(), world.environment), code("LINK_STATE_WRONG"));
    using there = ConfidentialLink.load(first.save(), world.environment);
    assert.deepEqual(link.open(there.seal(hello)), hello);
    assert.throws(() => link.open(first.seal(hello)), code("LINK_RECORD_OUT_OF_ORDER"));
  });

  test("a disposed link does nothing any more", async () => {
    const { office } = await linkedPair(await newWorld());
    office[Symbol.dispose]();
    assert.throws(() => office.seal(hello), code("CRYPTO_SECRET_GONE"));
  });
});
