import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { standardSuites } from "@sealane/crypto";
import { allowedTriples, thirdModes } from "@sealane/link";
import { artefactId } from "@sealane/wire";
import {
  MemoryPendingStates,
  type NamedMechanism,
  namedMechanisms,
  type OriginateOptions,
  Party,
  type PartyOptions,
  type ThirdMode,
} from "../../src/index.ts";
import { establish } from "../establish.ts";
import { addressOf, code, newWorld } from "../world.ts";

const hello = new TextEncoder().encode("hello");
const licence = new TextEncoder().encode("a licence");
const release = new TextEncoder().encode("a release");
const artefact = artefactId(new Uint8Array(32).fill(7));

const world = await newWorld();
const ends = { server: [world.office, world.gateway], terminal: [world.gateway, world.office] } as const;

/** Runs a mechanism on every suite, by either party, and sends records both ways. */
function everyWay(name: NamedMechanism): () => Promise<void> {
  return async () => {
    const triples = allowedTriples(standardSuites).filter(({ mechanism }) => mechanism.name === name);
    assert.equal(triples.length, 2 * standardSuites.length);
    for (const { mechanism, suite, originator } of triples) {
      const [from, to] = ends[originator];
      const options: OriginateOptions = { mechanism: name };
      const link = await establish(from, to, { ...options, suite: suite.name });
      assert.deepEqual(link.recipient.open(link.originator.seal(hello)), hello);
      assert.deepEqual(link.originator.open(link.recipient.seal(hello)), hello);
      assert.equal(link.originator.id, link.recipient.id);
      assert.deepEqual([link.originator.peer, link.recipient.peer], [to.identity.name, from.identity.name]);
      const { promise, readers, ...properties } = link.recipient.properties;
      const { anonymous, forwardSecret } = mechanism;
      assert.deepEqual(properties, { mechanism: name, suite: suite.name, grade: "confidential", anonymous, forwardSecret });
      assert.doesNotMatch(promise + readers, /[{}]/);
    }
  };
}

/** Delivers artefact and licence by the third message in one of its forms. */
function delivery(third: ThirdMode): () => Promise<void> {
  return async () => {
    const [office, gateway] = [new Party(world.office), new Party(world.gateway)];
    const mechanisms = ["mutual-agreement"] as const;
    const { message } = await office.originate(addressOf(world.gateway), { mechanism: "mutual-agreement", third });
    const others = thirdModes.filter((each) => each !== third);
    await assert.rejects(gateway.accept(message, { mechanisms, thirdModes: others }), code("LINK_MECHANISM_UNKNOWN"));
    if (third === "unsigned") await assert.rejects(gateway.accept(message, { mechanisms }), code("LINK_MECHANISM_UNKNOWN"));
    const { reply } = await gateway.accept(message, { mechanisms, thirdModes: [third] });
    const replied = await office.receive(reply, { mechanisms, content: { artefactId: artefact, licence, release } });
    assert.ok(replied.kind === "replied");
    const completed = await gateway.receive(replied.message, { mechanisms });
    assert.ok(completed.kind === "completed");
    assert.deepEqual([completed.artefactId, completed.licence, completed.release], [artefact, licence, release]);
    const { link } = replied.link.confirm(completed.link.seal(hello));
    assert.deepEqual(completed.link.open(link.seal(hello)), hello);
  };
}

describe("between parties with names, through the stores, on every suite and from either", () => {
  test("EQ1 EQ5 DIR: signed-transport", everyWay("signed-transport"));
  test("EQ2 DIR: recovered-transport", everyWay("recovered-transport"));
  test("EQ4 EQ7S DIR: signed-agreement", everyWay("signed-agreement"));
  test("EQ8 DIR: mutual-nonce", everyWay("mutual-nonce"));
  test("EQ11 DIR: mutual-certified", everyWay("mutual-certified"));
  test("EQ14 DIR: mutual-agreement", everyWay("mutual-agreement"));
});

describe("the third message brings artefact and licence to a recipient that takes its form", () => {
  test("EQ14: signed", delivery("signed"));
  test("EQ14i: unsigned", delivery("unsigned"));
  test("EQ14ii: signed beside", delivery("signed-beside"));
  test("EQ14iii: the licence signed", delivery("licence-signed"));
  test("EQ14iii: the encrypted licence signed", delivery("licence-encrypted"));
});

describe("a mechanism between parties with names", () => {
  test("EQ7S EQ11: an agreement is encrypted, and a certified link one way, when asked for", async () => {
    const plain = await new Party(world.gateway).originate(addressOf(world.office), { mechanism: "signed-agreement" });
    const hidden = await new Party(world.gateway).originate(addressOf(world.office), { mechanism: "signed-agreement", encrypted: true });
    assert.deepEqual(
      [plain, hidden].map(({ message }) => Buffer.from(message).includes("gateway-1")),
      [true, false],
    );
    await establish(world.gateway, world.office, { mechanism: "signed-agreement", encrypted: true });
    const { message } = await new Party(world.office).originate(addressOf(world.gateway), { mechanism: "mutual-certified", twoWay: false });
    const { reply } = await new Party(world.gateway).accept(message, { mechanisms: ["mutual-certified"] });
    assert.ok(reply.length < 200, "an answer, not M2 with a signature");
    await establish(world.office, world.gateway, { mechanism: "mutual-certified", twoWay: false });
  });

  test("a licence in the first message is given out: at once by an answered link, with the third message otherwise", async () => {
    for (const mechanism of namedMechanisms) {
      if (mechanism === "mutual-agreement") continue;
      const { message } = await new Party(world.office).originate(addressOf(world.gateway), { mechanism, licence });
      const accepted = await new Party(world.gateway).accept(message, { mechanisms: namedMechanisms });
      if (accepted.kind === "answered") assert.deepEqual(accepted.licence, licence, mechanism);
      else assert.equal(accepted.claimedPeer, "office");
    }
    const { completed } = await establish(world.office, world.gateway, { mechanism: "mutual-nonce", licence });
    assert.deepEqual(completed?.licence, licence);
  });

  test("a recipient takes the mechanisms that it names, signed-transport alone unless told", async () => {
    const [office, gateway] = [new Party(world.office), new Party(world.gateway)];
    for (const mechanism of namedMechanisms) {
      const { message } = await office.originate(addressOf(world.gateway), { mechanism });
      const others = namedMechanisms.filter((each) => each !== mechanism);
      await assert.rejects(gateway.accept(message, { mechanisms: others }), code("LINK_MECHANISM_UNKNOWN"));
      if (mechanism !== "signed-transport") await assert.rejects(gateway.accept(message), code("LINK_MECHANISM_UNKNOWN"));
      const { reply } = await gateway.accept(message, { mechanisms: [mechanism] });
      await assert.rejects(office.receive(reply, { mechanisms: others }), code("LINK_MECHANISM_UNKNOWN"));
      if (mechanism !== "signed-transport") await assert.rejects(office.receive(reply), code("LINK_MECHANISM_UNKNOWN"));
    }
  });

  test("content for a mechanism whose third message has none is refused, and the pending state stays", async () => {
    const [office, gateway] = [new Party(world.office), new Party(world.gateway)];
    const mechanisms = ["mutual-nonce"] as const;
    const { message } = await office.originate(addressOf(world.gateway), { mechanism: "mutual-nonce" });
    const { reply } = await gateway.accept(message, { mechanisms });
    await assert.rejects(
      office.receive(reply, { mechanisms, content: { artefactId: artefact, licence, release } }),
      code("LINK_FIELD_WRONG"),
    );
    assert.equal((await office.receive(reply, { mechanisms })).kind, "replied");
  });
});

for (const mechanism of ["mutual-nonce", "mutual-agreement"] as const) {
  describe(`the three messages of ${mechanism}`, () => {
    const mechanisms = [mechanism] as const;
    const begin = async () => {
      const [office, gateway] = [new Party(world.office), new Party(world.gateway)];
      const { message } = await office.originate(addressOf(world.gateway), { mechanism });
      return { office, gateway, message };
    };

    test("FNONCE: a first message makes one wait, a second and a third message one link", async () => {
      const { office, gateway, message } = await begin();
      const { reply } = await gateway.accept(message, { mechanisms });
      await assert.rejects(gateway.accept(message, { mechanisms }), code("LINK_MESSAGE_REPLAYED"));
      const again = await Promise.allSettled([office, new Party(world.office)].map((party) => party.receive(reply, { mechanisms })));
      assert.deepEqual(again.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      const [replied] = again.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      assert.ok(replied?.kind === "replied");
      const forged = replied.message.with(-1, (replied.message.at(-1) ?? 0) ^ 1);
      await assert.rejects(gateway.receive(forged, { mechanisms }));
      const third = await Promise.allSettled([gateway, gateway].map((party) => party.receive(replied.message, { mechanisms })));
      assert.deepEqual(third.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      await assert.rejects(gateway.receive(replied.message, { mechanisms }), code("LINK_MESSAGE_UNEXPECTED"));
    });

    test("one store may hold the waits of both parties", async () => {
      const pending = new MemoryPendingStates(world.environment.clock);
      await establish({ ...world.office, pending }, { ...world.gateway, pending }, { mechanism });
    });

    test("the wait for the third message is over when two interactive messages would be too old", async () => {
      const { office, gateway, message } = await begin();
      const { reply, reference } = await gateway.accept(message, { mechanisms });
      const state = await world.gateway.pending.find(reference);
      assert.notEqual(state, null);
      const { clock } = world.environment;
      clock.now += 2 * (300 + 60) + 1;
      const { message: other } = await office.originate(addressOf(world.gateway), { mechanism });
      await gateway.accept(other, { mechanisms });
      assert.equal(await world.gateway.pending.find(reference), null);
      await assert.rejects(office.receive(reply, { mechanisms }), code("LINK_MESSAGE_STALE"));
    });

    test("KDIR: certificates that are not sent are found by their thumbprints, for the right purpose only", async () => {
      const { identity } = world.office;
      const known = [...identity.signing, ...identity.decryption].map(({ certificate }) => certificate);
      const finder = (certificates: typeof known): PartyOptions => ({
        ...world.gateway,
        findCertificate: (thumbprint) => certificates.find((each) => each.thumbprint.toHex() === thumbprint.toHex()) ?? null,
      });
      const { message } = await new Party(world.office).originate(addressOf(world.gateway), { mechanism, sendCertificate: false });
      await assert.rejects(new Party(world.gateway).accept(message, { mechanisms }), code("LINK_PEER_UNKNOWN"));
      await assert.rejects(new Party(finder(known.slice(0, 1))).accept(message, { mechanisms }), code("LINK_PEER_UNKNOWN"));
      await establish(world.office, finder(known), { mechanism, sendCertificate: false });
      const confused = new Party({ ...world.gateway, findCertificate: () => identity.agreement[0]?.certificate ?? null });
      await assert.rejects(confused.accept(message, { mechanisms }), code("LINK_PEER_UNKNOWN"));
    });
  });
}
