import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { formatInboxEvent, inboxHeartbeat, inboxMessagesCodec, maxInboxEventCharacters, mediaType } from "@sealane/api";
import { HttpClient } from "@sealane/http";
import { encodeAs } from "@sealane/wire";
import { loadEnrolment } from "../../src/identity.ts";
import { InboxReader } from "../../src/inbox-reader.ts";
import { fetchSoftware, install } from "../../src/index.ts";
import { streamStartSeconds } from "../../src/limits.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, type World } from "../double/enrolled.ts";

const waitSeconds = 60;
const waiting = { originator: "server", waitSeconds } as const;
const stream = "POST /v1/inbox stream";
const poll = "POST /v1/inbox";

const skippedIn = ({ events }: World): readonly string[] =>
  events.flatMap((event) => (event.kind === "message-skipped" ? [event.code] : []));

/** Begins an event stream. */
function begin(response: ServerResponse): ServerResponse {
  response.writeHead(200, { "content-type": mediaType.events, connection: "close" }).write(inboxHeartbeat);
  return response;
}

/** The first byte of each message that a reader gives, in their order. */
async function readAll(t: TestContext, world: World, startSeconds?: number): Promise<readonly (readonly [number, number | undefined])[]> {
  const { terminal } = world;
  const http = new HttpClient({ environment: {} });
  t.after(() => http[Symbol.dispose]());
  const reader = new InboxReader({ terminal, enrolment: await loadEnrolment(terminal), http }, startSeconds);
  const given: (readonly [number, number | undefined])[] = [];
  for await (const { position, message } of reader.messages(waitSeconds)) given.push([position, message[0]]);
  return given;
}

test("EQ1 DIR UNI: a terminal that waits gets what the server originates meanwhile, by one stream, which ends with the command", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  server.holdsStreams = true;
  const streaming = server.streaming();
  const fetching = fetchSoftware(terminal, waiting);
  await streaming;
  server.post(new Uint8Array(40)); // what is no message is passed over, and the stream goes on
  await server.offer(server.publish({}));
  const fetched = await fetching;
  assert.equal(fetched.link.originator, "server");
  assert.deepEqual(skippedIn(world), ["WIRE_TRAILING_BYTES"]);
  assert.deepEqual(
    server.requests.filter((each) => each.startsWith("POST /v1/inbox")),
    [stream],
  );
  while (server.streams > 0) await new Promise(setImmediate);
  await install(terminal);
});

test("EQ1: a message that waits already is taken from a stream as from a long poll", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  await server.offer(server.publish({}));
  await fetchSoftware(terminal, waiting);
  assert.deepEqual([server.waiting, server.requests[0]], [0, stream]);
});

test("EQ1: a stream that is lost in the middle of an event goes on behind the last whole one; nothing is lost or given twice", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  for (const first of [1, 2, 3]) server.post(Uint8Array.of(first));
  const asked: number[] = [];
  server.faults.stream = (response, after) => {
    asked.push(after);
    const rest = [1, 2, 3].filter((position) => position > after);
    const [next = 0] = rest;
    begin(response).write(formatInboxEvent({ position: next, message: Uint8Array.of(next) }));
    if (rest.length <= 1) return void response.end();
    response.write(`id: ${next + 1}\nevent: message\ndata: A`, () => response.destroy());
    if (after === 1) server.faults.stream = undefined;
  };
  assert.deepEqual(await readAll(t, world), [
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  assert.deepEqual(asked, [0, 1]);
  assert.equal(server.requests.includes(poll), true); // the last look, when the time is over
});

test("EQ1: what is repeated on the way is given once, and what comes in another order is not given", async (t) => {
  const world = await enrolledWorld(t);
  world.server.faults.stream = (response) => {
    begin(response);
    for (const position of [2, 2, 1, 5, 3, 5]) response.write(formatInboxEvent({ position, message: Uint8Array.of(position) }));
    response.end();
  };
  assert.deepEqual(await readAll(t, world), [
    [2, 2],
    [5, 5],
  ]);
});

test("a stream that ends is asked for again, once a second, until the time to wait is over", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  const before = clock.now;
  await assert.rejects(fetchSoftware(terminal, waiting), code("TERMINAL_NOTHING_WAITING"));
  assert.equal(clock.now - before, waitSeconds);
  assert.deepEqual(server.requests, [...Array.from({ length: waitSeconds }, () => stream), poll]);
});

test("a server that holds a stream open for ever does not hold the terminal", async (t) => {
  const { server, terminal, clock } = await enrolledWorld(t);
  const before = clock.now;
  server.faults.stream = (response) => {
    begin(response);
    const pass = (): void => {
      clock.now += 5;
      response.write("junk\n", (error) => (error == null && clock.now < before + 10 * waitSeconds ? setImmediate(pass) : undefined));
    };
    pass();
  };
  await assert.rejects(fetchSoftware(terminal, waiting), code("TERMINAL_NOTHING_WAITING"));
  assert.ok(clock.now - before < 10 * waitSeconds, `${clock.now - before} s`);
});

type Answer = (response: ServerResponse) => void;

const unfit: Readonly<Record<string, Answer>> = {
  "another type": (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  "a refusal of that type": (response) => response.writeHead(406).end(),
  "no content": (response) => response.writeHead(204).end(),
  "a redirect": (response) => response.writeHead(302, { location: "/" }).end(),
  "a compressed body": (response) => response.writeHead(200, { "content-type": mediaType.events, "content-encoding": "gzip" }).end("x"),
};

const silent: Readonly<Record<string, Answer>> = {
  "a head and nothing more": (response) => response.writeHead(200, { "content-type": mediaType.events }).flushHeaders(),
  "not even a head": () => {},
  "half a line": (response) => response.writeHead(200, { "content-type": mediaType.events }).write("id: 1"),
};

/** The terminal gets its one message by polls, after one stream that was answered so. */
async function pollsAfter(t: TestContext, answer: Answer): Promise<void> {
  const world = await enrolledWorld(t);
  const { server } = world;
  server.faults.stream = answer;
  server.post(Uint8Array.of(9));
  assert.deepEqual(await readAll(t, world), [[1, 9]]);
  assert.deepEqual(server.requests.slice(0, 3), [stream, poll, poll]);
  assert.equal(server.requests.filter((each) => each === stream).length, 1);
}

for (const [name, answer] of Object.entries(unfit)) {
  test(`EQ1: where something between answers a stream with ${name}, the terminal polls from then on, and waits for nothing`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] }); // the time in which a stream has to begin is never over
    await pollsAfter(t, answer);
  });
}

for (const [name, answer] of Object.entries(silent)) {
  test(`EQ1: where something between answers a stream with ${name}, the terminal polls when the stream had its time to begin`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await pollsAfter(t, (response) => {
      answer(response);
      t.mock.timers.tick(streamStartSeconds * 1000);
      response.destroy(); // too late to count as a connection that was lost
    });
  });
}

test("EQ1: a server that knows only long polls answers as to one, and its answer is used", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  server.faults.stream = (response) => {
    const reply = encodeAs(inboxMessagesCodec, [{ position: 1, message: Uint8Array.of(9) }]);
    response.writeHead(200, { "content-type": mediaType.cbor }).end(reply);
  };
  assert.deepEqual(await readAll(t, world), [[1, 9]]);
  assert.deepEqual(server.requests.slice(0, 2), [stream, poll]);
  assert.equal(server.requests.filter((each) => each === stream).length, 1);
});

test("EQ1: a stream that has shown that it lives may be silent for longer than it had for that", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  const startSeconds = 2; // in which the stream begins, on a slow machine too
  server.faults.stream = (response) => {
    server.faults.stream = undefined;
    begin(response);
    setTimeout(() => response.end(formatInboxEvent({ position: 1, message: Uint8Array.of(9) })), 1.5 * startSeconds * 1000);
  };
  assert.deepEqual(await readAll(t, world, startSeconds), [[1, 9]]);
});

test("EQ1: a server that is away for a while, and once more, is waited for, and then streams again", async (t) => {
  const world = await enrolledWorld(t);
  const { server, events } = world;
  const isAway = (asked: number): boolean => (asked >= 2 && asked <= 5) || (asked >= 8 && asked <= 9);
  let asked = 0;
  server.faults.before = () => (isAway(++asked) ? "drop" : undefined);
  server.post(Uint8Array.of(9));
  assert.deepEqual(await readAll(t, world), [[1, 9]]);
  const first = [stream, stream, poll, poll, poll, poll, stream];
  assert.deepEqual(server.requests.slice(0, 13), [...first, stream, poll, poll, stream, stream, stream]);
  assert.equal(events.filter(({ kind }) => kind === "retry").length, 4);
});

test("a way that breaks off every stream before it begins, and lets long polls through, is tried twice", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  server.faults.before = ({ headers }) => (headers.accept?.includes(mediaType.events) === true ? "drop" : undefined);
  server.post(Uint8Array.of(9));
  assert.deepEqual(await readAll(t, world), [[1, 9]]);
  assert.deepEqual(server.requests.slice(0, 5), [stream, poll, stream, poll, poll]);
  assert.equal(server.requests.filter((each) => each === stream).length, 2);
});

test("a terminal whose request is refused does not ask in another way", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.faults.before = () => "LINK_REFUSED";
  await assert.rejects(fetchSoftware(terminal, waiting), code("LINK_REFUSED"));
  assert.deepEqual(server.requests, [stream]);
});

const malformed: Readonly<Record<string, string | Uint8Array>> = {
  "a message that is no base64url": "id: 1\nevent: message\ndata: A+/=\n\n",
  "no message": "id: 1\nevent: message\ndata\n\n",
  "a position that is none": "id: 01\nevent: message\ndata: AQID\n\n",
  "no position": "event: message\ndata: AQID\n\n",
  "another type of event": "id: 1\nevent: offer\ndata: AQID\n\n",
  "no type of event": "id: 1\ndata: AQID\n\n",
  "bytes that are no UTF-8": Uint8Array.of(0x3a, 0xff, 0x0a),
  "an event that is too long": `id: 1\nevent: message\ndata: ${"A".repeat(maxInboxEventCharacters)}\n\n`,
  "a line without end": `data: ${"A".repeat(maxInboxEventCharacters)}`,
};

for (const [name, text] of Object.entries(malformed)) {
  test(`EQ1: a stream with ${name} is refused, and what came before it was used`, async (t) => {
    const world = await enrolledWorld(t);
    world.server.faults.stream = (response) => {
      begin(response).write(formatInboxEvent({ position: 1, message: Uint8Array.of(0xff) }), () => response.write(text));
    };
    await assert.rejects(fetchSoftware(world.terminal, waiting), code("API_REPLY_WRONG"));
    assert.deepEqual(skippedIn(world), ["WIRE_NOT_DETERMINISTIC"]);
    assert.deepEqual(world.server.requests, [stream]);
  });
}
