import assert from "node:assert/strict";
import { test } from "node:test";
import { routes } from "@sealane/api";
import { suiteNamed } from "@sealane/crypto";
import type { ConfidentialLink, MechanismName, UnconfirmedLink } from "@sealane/link";
import { type CborValue, decode, encode, equalBytes } from "@sealane/wire";
import { maxThirdsPerTerminal } from "../../src/limits.ts";
import { type Device, post, postTogether, type Reply } from "./device.ts";
import { everyMechanism, TestServer } from "./test-server.ts";

const offers = { kind: "offers", module: null, installed: [] } as const;
const threeMessages = ["mutual-nonce", "mutual-agreement"] as const;
type ThreeMessages = (typeof threeMessages)[number];

async function send({ url }: Device, message: Uint8Array): Promise<Reply> {
  return await post(url + routes.links, message);
}

/** Sends what is taken and gives the reply. */
async function taken(device: Device, message: Uint8Array): Promise<Uint8Array> {
  const { status, body, code } = await send(device, message);
  assert.equal(status, 200, code ?? "");
  return body;
}

/** Sends what is refused like everything, and gives the code in the log. */
async function refusedCode(server: TestServer, device: Device, message: Uint8Array): Promise<string> {
  const before = server.codes.length;
  const reply = await send(device, message);
  assert.deepEqual([reply.status, reply.code], [403, "LINK_REFUSED"]);
  return server.codes.slice(before).join(" ");
}

async function restart(server: TestServer, device: Device): Promise<void> {
  await server.restart({ policy: everyMechanism });
  device.url = server.url;
}

/** M1 and M2 were exchanged: M3 is to be sent, and its link. */
interface Begun {
  readonly first: Uint8Array;
  readonly second: Uint8Array;
  readonly third: Uint8Array;
  readonly link: ConfidentialLink | UnconfirmedLink;
}

async function begin(device: Device, mechanism: ThreeMessages): Promise<Begun> {
  const { message: first, awaited } = await device.originate({ mechanism });
  const second = await taken(device, first);
  const { link, message: third } = await awaited.receive(device.context(mechanism), second);
  assert.ok(third !== null);
  return { first, second, third, link };
}

/** The server's message that waits in the inbox, behind an offer by a mechanism. */
async function offered(server: TestServer, device: Device, mechanism: MechanismName): Promise<Uint8Array> {
  await server.offer([device.name], "app", { mechanism });
  const message = (await device.inbox()).at(-1)?.message;
  assert.ok(message !== undefined);
  return message;
}

async function secondTo(device: Device, message: Uint8Array): Promise<Uint8Array> {
  const accepted = await device.acceptAny(message);
  assert.ok(accepted.kind !== "broadcast");
  return accepted.reply;
}

/** Copies with one bit changed, all over the message. */
function bitFlips(message: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: 12 }, (_, i) => {
    const at = Math.floor((i * message.length) / 12);
    return message.with(at, (message[at] ?? 0) ^ 1);
  });
}

/** A later message that says it belongs to the link of another. */
function redirected(message: Uint8Array, other: Uint8Array): Uint8Array {
  const { envelope, body } = partsOf(message);
  const [reference = null] = partsOf(other).body;
  return encode([...envelope, body.with(0, reference)]);
}

/** [...envelope, [reference, ...]] (docs/protocol.md, messages). */
function partsOf(message: Uint8Array): { readonly envelope: readonly CborValue[]; readonly body: readonly CborValue[] } {
  const parts = decode(message, message.length) as readonly CborValue[];
  return { envelope: parts.slice(0, -1), body: parts.at(-1) as readonly CborValue[] };
}

for (const mechanism of threeMessages) {
  test(`M1 and M3 of ${mechanism} again get the same bytes, also after a restart, until the link has gone on`, async (t) => {
    const server = await TestServer.start(t);
    const device = await server.device("gate-1");
    const { first, second, third, link } = await begin(device, mechanism);
    assert.equal(equalBytes(await taken(device, first), second), true);
    await restart(server, device);
    assert.equal(equalBytes(await taken(device, first), second), true);
    const record = await taken(device, third);
    assert.equal(equalBytes(await taken(device, third), record), true);
    await restart(server, device);
    assert.equal(equalBytes(await taken(device, third), record), true);
    const opened = device.openFirst(link, record);
    assert.equal((await device.ask(opened.link, offers)).kind, "offers");
    assert.equal(await refusedCode(server, device, third), "LINK_MESSAGE_REPLAYED");
    // M1 has no effect of its own: it waits for an M3 that nobody can make
    assert.equal(equalBytes(await taken(device, first), second), false);
    assert.equal(await refusedCode(server, device, third), "LINK_MESSAGE_REPLAYED");
    assert.equal((await server.rows()).links.length, 1);
    assert.equal((await device.ask(opened.link, offers)).kind, "offers");
  });

  test(`M1 and M3 of ${mechanism} several times at once make one link and are replied to alike`, async (t) => {
    const server = await TestServer.start(t);
    const device = await server.device("gate-1");
    const { message, awaited } = await device.originate({ mechanism });
    const together = async (body: Uint8Array): Promise<Uint8Array> => {
      const [one, ...others] = await postTogether(device.url + routes.links, [body, body, body, body]);
      assert.ok(one !== undefined && others.every((other) => other.status === 200 && equalBytes(other.body, one.body)));
      return one.body;
    };
    const { link, message: third } = await awaited.receive(device.context(mechanism), await together(message));
    const opened = device.openFirst(link, await together(third ?? new Uint8Array(0)));
    assert.equal((await device.ask(opened.link, offers)).kind, "offers");
    assert.deepEqual((await server.rows()).pending_links, []);
  });

  test(`an M3 of ${mechanism} that is changed, or is another link's, does not use the wait up`, async (t) => {
    const server = await TestServer.start(t);
    const [device, other] = [await server.device("gate-1"), await server.device("gate-2")];
    const [one, two, foreign] = [await begin(device, mechanism), await begin(device, mechanism), await begin(other, mechanism)];
    for (const changed of bitFlips(one.third)) assert.doesNotMatch(await refusedCode(server, device, changed), /Error|unknown/);
    for (const { third } of [two, foreign]) {
      const code = await refusedCode(server, device, redirected(third, one.third));
      assert.equal(code, mechanism === "mutual-nonce" ? "LINK_ANSWER_WRONG" : "LINK_RECORD_WRONG");
    }
    assert.equal(await refusedCode(server, device, one.second), "LINK_MESSAGE_UNEXPECTED"); // reflection
    for (const { third, link } of [two, one]) device.openFirst(link, await taken(device, third)).link[Symbol.dispose]();
  });

  test(`an M3 of ${mechanism} that comes too late is refused`, async (t) => {
    const server = await TestServer.start(t);
    const device = await server.device("gate-1");
    const { third } = await begin(device, mechanism);
    const { third: late } = await begin(device, mechanism);
    server.nowSeconds += 60;
    await taken(device, third);
    server.nowSeconds += 1;
    assert.equal(await refusedCode(server, device, late), "SERVER_PENDING_UNKNOWN");
  });

  test(`what ${mechanism} has begun ends with a new enrolment of the terminal's name`, async (t) => {
    const server = await TestServer.start(t);
    await server.publish("the software");
    const former = await server.device("gate-1");
    const { first, third } = await begin(former, mechanism);
    const second = await secondTo(former, await offered(server, former, mechanism));
    const current = await server.device("gate-1");
    assert.equal(await refusedCode(server, former, third), "SERVER_TERMINAL_INACTIVE");
    assert.equal(await refusedCode(server, former, second), "SERVER_TERMINAL_INACTIVE");
    assert.equal(await refusedCode(server, former, (await former.originate({ mechanism })).message), "LINK_PEER_WRONG");
    await taken(former, first); // nothing is proven by M1, and nothing comes of it
    assert.equal(await refusedCode(server, former, third), "SERVER_TERMINAL_INACTIVE");
    assert.deepEqual([(await server.rows()).links, (await server.rows()).licences], [[], []]);
    (await current.establish({ mechanism }))[Symbol.dispose]();
  });

  test(`a flood of M1 of ${mechanism} in a terminal's name is bounded, and the terminal's own link in progress survives it`, async (t) => {
    const server = await TestServer.start(t);
    const [device, other] = [await server.device("gate-1"), await server.device("gate-2")];
    const { third, link } = await begin(device, mechanism);
    const theirs = await begin(other, mechanism);
    const suite = suiteNamed("x25519");
    const flood = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await taken(device, (await device.originate({ mechanism, suite })).message);
    };
    await flood(60);
    device.openFirst(link, await taken(device, third)).link[Symbol.dispose]();
    await flood(maxThirdsPerTerminal - 50);
    const { pending_links } = await server.rows();
    assert.equal(pending_links.filter(({ terminal }) => terminal === "gate-1").length, maxThirdsPerTerminal);
    other.openFirst(theirs.link, await taken(other, theirs.third)).link[Symbol.dispose]();
    (await device.establish({ mechanism }))[Symbol.dispose]();
  });
}

for (const mechanism of [...threeMessages, "mutual-certified"] as const) {
  test(`DIR: M2 of ${mechanism} again gets the same bytes, also after a restart, until the link has gone on; another counts no more`, async (t) => {
    const server = await TestServer.start(t);
    await server.publish("the software");
    const device = await server.device("gate-1");
    const message = await offered(server, device, mechanism);
    const accepted = await device.acceptAny(message);
    assert.ok(accepted.kind !== "broadcast");
    const another = await secondTo(device, message); // as after a crash of the terminal
    for (const changed of bitFlips(accepted.reply)) assert.doesNotMatch(await refusedCode(server, device, changed), /Error|unknown/);
    const theirs = await secondTo(device, await offered(server, device, mechanism));
    assert.match(await refusedCode(server, device, redirected(theirs, accepted.reply)), /^(LINK|CRYPTO)_[A-Z_]+_WRONG$/);
    assert.equal((await device.inbox()).length, 2);

    const reply = await taken(device, accepted.reply);
    assert.equal(equalBytes(await taken(device, accepted.reply), reply), true);
    await restart(server, device);
    assert.equal(equalBytes(await taken(device, accepted.reply), reply), true);
    assert.equal(await refusedCode(server, device, another), "SERVER_PENDING_UNKNOWN");
    assert.equal((await device.inbox()).length, 1);
    const { link } =
      accepted.kind === "answered" ? device.openFirst(accepted.link, reply) : await accepted.awaited.receive(device.context(), reply);
    assert.equal((await device.ask(link, offers)).kind, "offers");
    assert.equal(await refusedCode(server, device, accepted.reply), "LINK_MESSAGE_REPLAYED");
    assert.equal((await server.rows()).licences.length, mechanism === "mutual-agreement" ? 1 : 0);
  });

  test(`FTIME: M2 of ${mechanism} that a terminal made, and could send a day later only, is still taken, and not after the offer's end`, async (t) => {
    const server = await TestServer.start(t);
    await server.publish("the software");
    const device = await server.device("gate-1");
    const [one, two] = [await offered(server, device, mechanism), await offered(server, device, mechanism)];
    const [first, second] = [await secondTo(device, one), await secondTo(device, two)];
    server.nowSeconds += 86_400;
    await taken(device, first);
    server.nowSeconds += 121;
    assert.equal(await refusedCode(server, device, second), "SERVER_PENDING_UNKNOWN");
  });
}

test("EQ14: a link is the recipient's only when its first record has confirmed it", async (t) => {
  const server = await TestServer.start(t);
  await server.publish("the software");
  const device = await server.device("gate-1");
  const accepted = await device.acceptAny(await offered(server, device, "mutual-agreement"));
  assert.ok(accepted.kind === "waiting");
  const { link } = await accepted.awaited.receive(device.context(), await taken(device, accepted.reply));
  const stages = async (): Promise<readonly string[]> => (await server.rows()).links.map(({ stage }) => stage);
  assert.deepEqual(await stages(), ["unconfirmed"]);
  const record = device.seal(link, offers);
  const last = record.length - 1;
  const changed = await post(device.recordsOf(link), record.with(last, (record[last] ?? 0) ^ 1));
  assert.deepEqual([changed.code, server.codes.at(-1), await stages()], ["LINK_REFUSED", "LINK_RECORD_WRONG", ["unconfirmed"]]);
  const replies = await postTogether(device.recordsOf(link), [record, record, record]);
  assert.ok(replies.every(({ status, body }) => status === 200 && equalBytes(body, replies[0]?.body ?? body)));
  assert.deepEqual(await stages(), ["confirmed"]);
});

test("ANON: M1 of an anonymous terminal again gets the same answer, also after a restart, until its link has gone on", async (t) => {
  const server = await TestServer.start(t, { policy: everyMechanism });
  const device = await server.device("gate-1");
  for (const mechanism of ["anonymous-transport", "anonymous-agreement"] as const) {
    const { message, awaited } = await device.originate({ mechanism });
    const [answer, ...others] = await postTogether(device.url + routes.links, [message, message, message]);
    assert.ok(answer !== undefined && others.every(({ body }) => equalBytes(body, answer.body)));
    await restart(server, device);
    assert.equal(equalBytes(await taken(device, message), answer.body), true);
    using link = await device.receive(awaited, answer.body);
    await device.ask(link, { ...offers, module: "app" });
    assert.equal(await refusedCode(server, device, message), "LINK_MESSAGE_REPLAYED");
  }
});
