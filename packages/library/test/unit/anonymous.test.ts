import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { standardSuites } from "@sealane/crypto";
import { type AnonymousMechanism, AnonymousParty, type AnonymousPartyOptions, anonymousMechanisms, Party } from "../../src/index.ts";
import { addressOf, bytesOf, code, licensedContent, newWorld, type World } from "../world.ts";

const hello = new TextEncoder().encode("hello");

/** A party that has what the gateway has, but neither its name nor its keys. */
function somebodyIn(world: World): AnonymousPartyOptions {
  const { identity: _, ...options } = world.gateway;
  return options;
}

/** Runs a mechanism on every suite. */
function everySuite(mechanism: AnonymousMechanism): () => Promise<void> {
  return async () => {
    for (const { name: suite } of standardSuites) {
      const world = await newWorld();
      const { message } = await new AnonymousParty(somebodyIn(world)).originate(addressOf(world.office), { mechanism, suite });
      const accepted = await new Party(world.office).accept(message, { mechanisms: anonymousMechanisms });
      assert.equal(accepted.link.peer, null);
      const { link: here } = await new AnonymousParty(somebodyIn(world)).receive(accepted.reply);
      const { link: there, payload } = accepted.link.confirm(here.seal(hello));
      assert.deepEqual([payload, here.open(there.seal(hello))], [hello, hello]);
      assert.deepEqual([here.peer, there.peer, here.id], ["office", null, there.id]);
      assert.deepEqual([here.properties.anonymous, there.properties.anonymous], ["originator", "originator"]);
      assert.match(there.properties.promise, /office does not learn who that is/);
    }
  };
}

describe("a party without a name", () => {
  test("EQ6 ANON: originates anonymous-transport, knows the server, and stays unknown to it", everySuite("anonymous-transport"));
  test("EQ7 ANON: originates anonymous-agreement, likewise", everySuite("anonymous-agreement"));

  test("EQ7: a server can begin without a name too, by agreement and not by transport; encrypted when asked for", async () => {
    const world = await newWorld();
    const { identity: _, ...options } = world.office;
    const server = new AnonymousParty({ ...options, role: "server" });
    await assert.rejects(server.originate(addressOf(world.gateway)), code("LIBRARY_ARGUMENT_WRONG"));
    for (const encrypted of [false, true]) {
      const { message } = await server.originate(addressOf(world.gateway), { mechanism: "anonymous-agreement", encrypted });
      const { reply, link } = await new Party(world.gateway).accept(message, { mechanisms: ["anonymous-agreement"] });
      const { link: sender } = await server.receive(reply);
      assert.deepEqual(link.confirm(sender.seal(hello)).payload, hello);
      assert.equal(link.peer, null);
    }
  });

  test("ANON: its first messages are of one length, and a recipient takes them only when it says so", async () => {
    const world = await newWorld();
    const somebody = new AnonymousParty(somebodyIn(world));
    const messages = await Promise.all([1, 2].map(() => somebody.originate(addressOf(world.office))));
    const [first, second] = messages.map(({ message }) => message);
    assert.equal(first?.length, second?.length);
    await assert.rejects(new Party(world.office).accept(first ?? hello), code("LINK_MECHANISM_UNKNOWN"));
  });

  test("ANON: cannot sign, and a party with a name does not originate without it", async () => {
    const world = await newWorld();
    const somebody = new AnonymousParty(somebodyIn(world));
    // @ts-expect-error it has nothing to sign with
    await assert.rejects(somebody.originate(addressOf(world.office), { mechanism: "signed-transport" }), code("LIBRARY_ARGUMENT_WRONG"));
    const gateway = new Party(world.gateway);
    // @ts-expect-error it would be known by what carries its messages
    await assert.rejects(gateway.originate(addressOf(world.office), { mechanism: "anonymous-transport" }), code("LIBRARY_ARGUMENT_WRONG"));
    const { message } = await new Party(world.office).originate(addressOf(world.gateway));
    // @ts-expect-error it has nothing to open with
    await assert.rejects(somebody.accept(message, { mechanisms: ["signed-transport"] }), code("LINK_MESSAGE_UNEXPECTED"));
  });

  test("ANON: content is wrapped for the link, not for a name", async () => {
    const world = await newWorld();
    const somebody = new AnonymousParty(somebodyIn(world));
    const { message } = await somebody.originate(addressOf(world.office));
    const accepted = await new Party(world.office).accept(message, { mechanisms: ["anonymous-transport"] });
    const { link: here } = await somebody.receive(accepted.reply);
    const { link: there } = accepted.link.confirm(here.seal(hello));
    const { licence, contentKey } = await licensedContent(world, "anonymous");
    using got = here.unwrap(there.wrap(contentKey, licence), licence);
    assert.deepEqual(bytesOf(got), bytesOf(contentKey));
  });
});
