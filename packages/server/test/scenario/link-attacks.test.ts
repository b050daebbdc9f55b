import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaType, pathOf, routes, type TerminalView } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import { ConfidentialLink } from "@sealane/link";
import { concatBytes, decode, encode, equalBytes } from "@sealane/wire";
import { type Device, post, postTogether, type Reply } from "./device.ts";
import { TestServer } from "./test-server.ts";

const offers = { kind: "offers", module: null, installed: [] } as const;

/** Sends to the links route and expects the refusal; gives the code in the log. */
async function refusedCode(server: TestServer, send: () => Promise<Reply>): Promise<string> {
  const before = server.codes.length;
  const reply = await send();
  assert.deepEqual([reply.status, reply.code], [403, "LINK_REFUSED"]);
  refusals.push(reply.body);
  return server.codes.slice(before).join(" ");
}

/** Bodies of all refusals of this file. */
const refusals: Uint8Array[] = [];

/** The elements of an encoded array, to be changed. */
function elements(message: Uint8Array): unknown[] {
  return [...(decode(message, 100_000) as readonly unknown[])];
}

function changed(message: Uint8Array, at: number, value: unknown): Uint8Array {
  return encode(elements(message).with(at, value) as Parameters<typeof encode>[0]);
}

async function twoServers(t: Parameters<typeof TestServer.start>[0]): Promise<{ server: TestServer; device: Device; stranger: Device }> {
  const [server, other] = [await TestServer.start(t), await TestServer.start(t)];
  return { server, device: await server.device("gate-1"), stranger: await other.device("gate-1") };
}

test("EQ5: M1 of another version, mechanism, number, sender or suite is refused", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const { message } = await device.originate();
  const send = (body: Uint8Array) => () => post(device.url + routes.links, body);
  assert.equal(await refusedCode(server, send(changed(message, 0, 2))), "LINK_VERSION_UNKNOWN");
  assert.equal(await refusedCode(server, send(changed(message, 1, 99))), "LINK_MECHANISM_UNKNOWN");
  assert.equal(await refusedCode(server, send(changed(message, 2, 4))), "LINK_MESSAGE_UNEXPECTED");
  assert.equal(await refusedCode(server, send(changed(message, 2, 3))), "LINK_MESSAGE_UNEXPECTED");
  assert.equal(await refusedCode(server, send(changed(message, 3, 1))), "LINK_MESSAGE_UNEXPECTED");
  assert.equal(await refusedCode(server, send(changed(message, 4, 77))), "CRYPTO_SUITE_UNKNOWN");
  assert.equal((await post(device.url + routes.links, message)).status, 200);
});

test("EQ5: M1 that is cut, longer, encoded otherwise or changed anywhere is refused", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const { message } = await device.originate();
  const variants = [
    new Uint8Array(0).fill(0),
    message.subarray(0, 1),
    message.subarray(0, message.length - 1),
    concatBytes(message, Uint8Array.of(0)),
    concatBytes(Uint8Array.of(0x98, 6), message.subarray(1)), // the array's length in two bytes
    new Uint8Array(40_000),
    Uint8Array.of(...Array.from({ length: 1_000 }, () => 0x81), 0),
    ...Array.from({ length: 40 }, (_, i) => {
      const at = Math.floor((i * message.length) / 40);
      return message.with(at, (message[at] ?? 0) ^ 0x01);
    }),
  ];
  for (const variant of variants.slice(1)) {
    const code = await refusedCode(server, () => post(device.url + routes.links, variant));
    assert.notEqual(code, "");
    assert.equal(/Error|unknown/.test(code), false, code); // nothing unexpected was thrown
  }
  assert.equal((await post(device.url + routes.links, message)).status, 200);
});

test("EQ5: M1 for another server, or of a terminal that is not active here, is refused", async (t) => {
  const { server, device, stranger } = await twoServers(t);
  const misdirected = await device.originate({}, stranger.serverDecryption);
  const foreign = await stranger.originate({}, device.serverDecryption);
  const chained = await stranger.originate({ sendCertificate: true }, device.serverDecryption);
  const send = (body: Uint8Array) => () => post(device.url + routes.links, body);
  assert.equal(await refusedCode(server, send(misdirected.message)), "LINK_RECIPIENT_WRONG");
  assert.equal(await refusedCode(server, send(foreign.message)), "LINK_PEER_UNKNOWN");
  assert.equal(await refusedCode(server, send(chained.message)), "PKI_SIGNATURE_WRONG");
  const own = await device.originate({ sendCertificate: true });
  assert.equal((await post(device.url + routes.links, own.message)).status, 200);
});

test("FTIME EQ5: M1 that is stale, dated in the future or stored is refused", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  server.nowSeconds += 1_000;
  const send = (body: Uint8Array) => () => post(device.url + routes.links, body);
  const { message } = await device.originate();
  const stored = await device.originate({ expiresAtSeconds: server.nowSeconds + 1_000 });
  server.nowSeconds += 361;
  assert.equal(await refusedCode(server, send(message)), "LINK_MESSAGE_STALE");
  assert.equal(await refusedCode(server, send(stored.message)), "LINK_MESSAGE_EXPIRED");
  server.nowSeconds -= 361 + 61;
  assert.equal(await refusedCode(server, send(message)), "LINK_MESSAGE_FUTURE");
  const challenged = await device.originate({ challenge: systemRandom.bytes(32) });
  assert.equal(await refusedCode(server, send(challenged.message)), "LINK_CHALLENGE_WRONG");
});

test("FNONCE EQ5: M1 again makes no second link, also after a restart and after its link has gone on", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const { message, awaited } = await device.originate();
  const answer = await post(device.url + routes.links, message);
  // the terminal did not hear: the same bytes, the same answer
  assert.equal(equalBytes((await post(device.url + routes.links, message)).body, answer.body), true);
  await server.restart();
  device.url = server.url;
  assert.equal(equalBytes((await post(device.url + routes.links, message)).body, answer.body), true);
  using link = await device.receive(awaited, answer.body);
  await device.ask(link, offers);
  const replay = () => post(device.url + routes.links, message);
  assert.equal(await refusedCode(server, replay), "LINK_MESSAGE_REPLAYED");
  await server.restart();
  device.url = server.url;
  assert.equal(await refusedCode(server, replay), "LINK_MESSAGE_REPLAYED");
  await device.ask(link, offers);
});

test("FNONCE: M1 several times at once makes one link and is answered alike", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const { message, awaited } = await device.originate();
  const replies = await postTogether(device.url + routes.links, [message, message, message, message]);
  const [first] = replies;
  assert.ok(first !== undefined);
  for (const { status, body } of replies) assert.deepEqual([status, equalBytes(body, first.body)], [200, true]);
  using link = await device.receive(awaited, first.body);
  assert.equal((await device.ask(link, offers)).kind, "offers");
});

test("FNONCE: M1 whose link is forgotten is still known by the replay cache, and not answered after its window", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const { message } = await device.originate();
  assert.equal((await post(device.url + routes.links, message)).status, 200);
  const replay = () => post(device.url + routes.links, message);
  for (let i = 0; i < 16; i++) (await device.establish())[Symbol.dispose](); // 16 newer links take its place
  assert.equal(await refusedCode(server, replay), "LINK_MESSAGE_REPLAYED");
  const later = await device.originate();
  assert.equal((await post(device.url + routes.links, later.message)).status, 200);
  server.nowSeconds += 361;
  assert.equal(await refusedCode(server, () => post(device.url + routes.links, later.message)), "LINK_MESSAGE_REPLAYED");
});

test("FNONCE: one terminal cannot fill the replay cache", async (t) => {
  const server = await TestServer.start(t, { limits: { maxReplayEntries: 3 } });
  const [greedy, other] = [await server.device("gate-1"), await server.device("gate-2")];
  for (let i = 0; i < 3; i++) (await greedy.establish())[Symbol.dispose]();
  const { message } = await greedy.originate();
  assert.equal(await refusedCode(server, () => post(greedy.url + routes.links, message)), "LINK_REPLAY_CACHE_FULL");
  (await other.establish())[Symbol.dispose]();
});

test("a record that is changed, cut, of another link, out of order or unconfirmed is refused and changes nothing", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  using link = await device.establish();
  using other = await device.establish();
  const record = device.seal(link, offers);
  const send =
    (body: Uint8Array, target: { readonly id: Uint8Array } = link) =>
    () =>
      post(device.recordsOf(target), body);
  const last = record.length - 1;
  assert.equal(await refusedCode(server, send(record.with(last, (record[last] ?? 0) ^ 1))), "LINK_RECORD_WRONG");
  assert.equal(await refusedCode(server, send(record.subarray(0, last))), "WIRE_TRUNCATED");
  assert.equal(await refusedCode(server, send(record, other)), "LINK_RECORD_WRONG");
  assert.equal(await refusedCode(server, send(device.seal(link, offers))), "LINK_RECORD_OUT_OF_ORDER");
  assert.equal(await refusedCode(server, send(record, { id: systemRandom.bytes(16) })), "SERVER_LINK_UNKNOWN");
  const first = await send(record)();
  assert.equal(first.status, 200);
  assert.equal(device.open(link, first.body).kind, "offers");
  // reflection: the server's own record
  assert.equal(await refusedCode(server, send(first.body)), "LINK_RECORD_OUT_OF_ORDER");
  for (const id of ["x", "0".repeat(31), "0".repeat(33), "G".repeat(32), "..%2f"]) {
    const { status, code } = await post(device.url + pathOf(routes.records, id), record);
    assert.deepEqual([status, code], [400, "API_REQUEST_WRONG"], id);
  }
});

test("a record again gets the same bytes, also after a restart, until the link has gone on", async (t) => {
  const server = await TestServer.start(t);
  const { artefactId } = await server.publish("the software");
  const device = await server.device("gate-1");
  using link = await device.establish();
  const record = device.seal(link, { kind: "authorise", artefactId });
  const first = await post(device.recordsOf(link), record);
  assert.equal(equalBytes((await post(device.recordsOf(link), record)).body, first.body), true);
  await server.restart();
  device.url = server.url;
  assert.equal(equalBytes((await post(device.recordsOf(link), record)).body, first.body), true);
  assert.equal(device.open(link, first.body).kind, "authorised");
  assert.equal((await device.ask(link, offers)).kind, "offers");
  assert.equal(await refusedCode(server, () => post(device.recordsOf(link), record)), "LINK_RECORD_OUT_OF_ORDER");
});

test("one record several times at once is one", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  using link = await device.establish();
  for (let round = 0; round < 5; round++) {
    const record = device.seal(link, offers);
    const replies = await postTogether(device.recordsOf(link), [record, record, record, record]);
    const [first] = replies;
    assert.ok(first !== undefined);
    for (const { status, body } of replies) assert.deepEqual([status, equalBytes(body, first.body)], [200, true]);
    assert.equal(device.open(link, first.body).kind, "offers");
  }
});

test("of different records at one place one counts, and only its effect is there", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  using link = await device.establish();
  for (let round = 0; round < 5; round++) {
    // copies of the terminal's state, as after it was restored from a backup
    const ends = Array.from({ length: 4 }, (_, i) => {
      using saved = link.save();
      const end = ConfidentialLink.load(saved);
      const installed = [{ module: "app", version: `${round}.${i}`, sequence: i }];
      return { end, version: `${round}.${i}`, record: device.seal(end, { kind: "offers", module: null, installed }) };
    });
    const replies = await postTogether(
      device.recordsOf(link),
      ends.map(({ record }) => record),
    );
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 403, 403, 403]);
    const winner = replies.findIndex(({ status }) => status === 200);
    const view = (await server.operator.get(pathOf(routes.terminal, "gate-1"))) as TerminalView;
    assert.equal(view.installed[0]?.version, ends[winner]?.version);
    device.seal(link, offers); // moves this end on as the winner's
    assert.equal(device.open(link, replies[winner]?.body ?? new Uint8Array(0)).kind, "offers");
  }
});

test("KLIFE: a link is refused when its key's life is over", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const { message, awaited } = await device.originate({ keyLifeSeconds: 100 });
  using link = await device.receive(awaited, (await post(device.url + routes.links, message)).body);
  await device.ask(link, offers);
  const record = device.seal(link, offers);
  server.nowSeconds += 100;
  assert.equal((await post(device.recordsOf(link), record)).status, 200);
  server.nowSeconds += 1;
  assert.equal(await refusedCode(server, () => post(device.recordsOf(link), record)), "SERVER_LINK_UNKNOWN");
});

test("EQ1: a wrong answer does not use the message up, the right one counts once and is answered again", async (t) => {
  const server = await TestServer.start(t);
  await server.publish("the software");
  const [device, other] = [await server.device("gate-1"), await server.device("gate-2")];
  await server.offer(["gate-1", "gate-2"]);
  const [[message], [others]] = [await device.inbox(), await other.inbox()];
  assert.ok(message !== undefined && others !== undefined);
  const { reply: answer, link: unconfirmed } = await device.accept(message.message);
  const second = await device.accept(message.message); // as after a crash of the terminal: another salt
  const send = (body: Uint8Array) => () => post(device.url + routes.links, body);
  const last = answer.length - 1;
  assert.equal(await refusedCode(server, send(answer.with(last, (answer[last] ?? 0) ^ 1))), "LINK_ANSWER_WRONG");
  assert.equal(await refusedCode(server, send(changed(answer, 3, 1))), "LINK_MESSAGE_UNEXPECTED");
  const foreign = await other.accept(others.message);
  const [reference] = elements(answer)[5] as readonly Uint8Array[];
  const mixed = changed(foreign.reply, 5, (elements(foreign.reply)[5] as readonly unknown[]).with(0, reference));
  assert.equal(await refusedCode(server, send(mixed)), "LINK_ANSWER_WRONG");
  assert.equal((await device.inbox()).length, 1);

  const record = await post(device.url + routes.links, answer);
  assert.equal(record.status, 200);
  assert.equal(equalBytes((await post(device.url + routes.links, answer)).body, record.body), true);
  await server.restart();
  device.url = server.url;
  assert.equal(equalBytes((await post(device.url + routes.links, answer)).body, record.body), true);
  assert.equal(await refusedCode(server, send(second.reply)), "SERVER_PENDING_UNKNOWN");
  const { link } = unconfirmed.confirm(record.body, server.nowSeconds);
  await device.ask(link, offers);
  assert.equal(await refusedCode(server, send(answer)), "LINK_MESSAGE_REPLAYED");
});

test("EQ1: the same answer twice at once is answered alike", async (t) => {
  const server = await TestServer.start(t);
  await server.publish("the software");
  const device = await server.device("gate-1");
  await server.offer(["gate-1"]);
  const [message] = await device.inbox();
  const { reply: answer } = await device.accept(message?.message ?? new Uint8Array(0));
  const replies = await postTogether(device.url + routes.links, [answer, answer, answer, answer]);
  for (const { status, body } of replies) assert.deepEqual([status, equalBytes(body, replies[0]?.body ?? body)], [200, true]);
});

test("what was established with a terminal's former certificates ends with its new enrolment", async (t) => {
  const server = await TestServer.start(t);
  const { artefactId } = await server.publish("the software");
  const former = await server.device("gate-1");
  using link = await former.establish();
  await former.ask(link, offers);
  await server.offer(["gate-1"]);
  const [message] = await former.inbox();
  const { reply: answer } = await former.accept(message?.message ?? new Uint8Array(0));
  const unsent = await former.originate();
  const current = await server.device("gate-1");
  const record = former.seal(link, { kind: "authorise", artefactId });
  assert.equal(await refusedCode(server, () => post(former.recordsOf(link), record)), "SERVER_TERMINAL_INACTIVE");
  assert.equal(await refusedCode(server, () => post(former.url + routes.links, answer)), "SERVER_TERMINAL_INACTIVE");
  assert.equal(await refusedCode(server, () => post(former.url + routes.links, unsent.message)), "LINK_PEER_UNKNOWN");
  assert.deepEqual(await current.inbox(), []);
  using fresh = await current.establish();
  assert.equal((await current.ask(fresh, offers)).kind, "offers");
});

test("bodies of the wrong type or size are told apart by the transport alone", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const { message } = await device.originate();
  for (const path of [routes.links, pathOf(routes.records, "00".repeat(16))]) {
    const typed = await post(device.url + path, message, { "content-type": mediaType.json });
    assert.deepEqual([typed.status, typed.code], [400, "API_REQUEST_WRONG"]);
    const untyped = await post(device.url + path, message, {});
    assert.deepEqual([untyped.status, untyped.code], [400, "API_REQUEST_WRONG"]);
    const large = await post(device.url + path, new Uint8Array(300_000));
    assert.deepEqual([large.status, large.code], [413, "API_BODY_TOO_LARGE"]);
  }
});

test("every refusal above has the same body", () => {
  assert.ok(refusals.length > 70);
  for (const body of refusals) assert.equal(equalBytes(body, refusals[0] ?? new Uint8Array(0)), true);
});
