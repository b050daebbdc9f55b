import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { mediaType, routes } from "@sealane/api";
import { type Device, post, replyOf } from "./device.ts";
import { fetchStream, InboxStream } from "./inbox-stream.ts";
import { TestServer } from "./test-server.ts";

type Limits = NonNullable<Parameters<typeof TestServer.start>[1]>["limits"];

async function serverWithDevice(t: TestContext, limits: Limits = {}): Promise<{ server: TestServer; device: Device }> {
  const server = await TestServer.start(t, { limits });
  await server.publish("the software");
  return { server, device: await server.device("gate-1") };
}

/** What the server says of how many requests wait. */
async function waiting(server: TestServer): Promise<number> {
  const text = await (await fetch(server.url + routes.metrics)).text();
  return Number(/^sealane_inbox_waiting (\d+)$/m.exec(text)?.[1]);
}

test("EQ1 UNI: a stream lives at once, gives what waits and what comes, each once and as the long poll has it", async (t) => {
  const { server, device } = await serverWithDevice(t);
  await server.offer(["gate-1"]);
  const response = await fetchStream(device);
  const { headers } = response;
  assert.deepEqual(
    ["content-type", "cache-control", "x-accel-buffering", "content-length"].map((name) => headers.get(name)),
    ["text/event-stream", "no-store, no-transform", "no", null],
  );
  const stream = new InboxStream(response);
  assert.equal(await stream.block(), ":");
  const [polled] = await device.inbox();
  assert.equal(await stream.block(), `id: 1\nevent: message\ndata: ${Buffer.from(polled?.message ?? []).toString("base64url")}`);
  await server.offer(["gate-1"]);
  await server.offer(["gate-1"]);
  const second = await stream.message();
  assert.deepEqual([second?.position, (await stream.message())?.position], [2, 3]);
  const { reply } = await device.accept(second?.message ?? new Uint8Array());
  assert.equal((await post(device.url + routes.links, reply)).status, 200);
  assert.deepEqual(await (await InboxStream.open(device, { wait: 0 })).positions(), [1, 3]);
});

test("EQ1: a stream goes on behind what its client has seen, by Last-Event-ID or by its query; reading removes nothing", async (t) => {
  const { server, device } = await serverWithDevice(t);
  for (let i = 0; i < 20; i++) await server.offer(["gate-1"]);
  const all = Array.from({ length: 20 }, (_, i) => i + 1);
  const positions = async (wish: Parameters<typeof fetchStream>[1]): Promise<readonly number[]> =>
    await (await InboxStream.open(device, { wait: 0, ...wish })).positions();
  assert.deepEqual(await positions({}), all);
  assert.deepEqual(await positions({}), all);
  assert.deepEqual(await positions({ lastEventId: "18" }), [19, 20]);
  assert.deepEqual(await positions({ after: 17 }), [18, 19, 20]);
  assert.deepEqual(await positions({ after: 18, lastEventId: "19" }), [20]);
  assert.deepEqual(await positions({ after: 19, lastEventId: "0" }), [20]);
  assert.deepEqual(await positions({ lastEventId: "9007199254740991" }), []);
});

test("EQ1: nothing is lost with a connection: what comes meanwhile is given to the next stream; the lost one is forgotten", async (t) => {
  const { server, device } = await serverWithDevice(t, { inboxHeartbeatSeconds: 1_000 });
  const gone = new AbortController();
  const lost = await InboxStream.open(device, { signal: gone.signal });
  await server.offer(["gate-1"]);
  assert.equal((await lost.message())?.position, 1);
  assert.equal(await waiting(server), 1);
  gone.abort();
  await assert.rejects(lost.block());
  while ((await waiting(server)) > 0) await new Promise(setImmediate);
  await server.offer(["gate-1"]);
  const next = await InboxStream.open(device, { lastEventId: "1", wait: 0 });
  assert.deepEqual(await next.positions(), [2]);
});

test("a terminal that comes again is never turned away: its oldest stream ends, also for a long poll", async (t) => {
  const { server, device } = await serverWithDevice(t, { maxPollsPerTerminal: 1 });
  const other = await InboxStream.open(await server.device("gate-2"));
  const first = await InboxStream.open(device);
  const second = await InboxStream.open(device);
  assert.equal(await first.block(), null);
  await server.offer(["gate-1"]);
  assert.equal((await second.message())?.position, 1);
  await device.fetchInbox(0);
  assert.equal(await second.block(), null);
  await server.offer(["gate-2"]);
  assert.equal((await other.message())?.position, 1);
});

test("UNI: a terminal that was enrolled anew gets its messages; the stream and the long poll of the one before get none", async (t) => {
  const { server, device } = await serverWithDevice(t);
  await server.offer(["gate-1"]);
  const stream = await InboxStream.open(device);
  assert.equal((await stream.message())?.position, 1);
  const polling = device.fetchInbox(1, 25);
  while ((await waiting(server)) < 2) await new Promise(setImmediate);
  const successor = await server.device("gate-1");
  const codes = server.codes.length;
  await server.offer(["gate-1"]);
  assert.equal(await stream.block(), null);
  const reply = await replyOf(await polling);
  assert.deepEqual([reply.status, reply.code], [403, "LINK_REFUSED"]);
  assert.equal((await replyOf(await fetchStream(device))).code, "LINK_REFUSED");
  assert.deepEqual(await (await InboxStream.open(successor, { wait: 0 })).positions(), [2]);
  while (server.codes.length < codes + 3) await new Promise(setImmediate); // a line is written when its reply is out
  assert.deepEqual(new Set(server.codes.slice(codes)), new Set(["SERVER_TERMINAL_INACTIVE"]));
});

test("UNI: the stream of a terminal that was enrolled anew ends with the next sign of life, without any message", async (t) => {
  const { server, device } = await serverWithDevice(t, { inboxHeartbeatSeconds: 0.02 });
  const stream = await InboxStream.open(device);
  await server.device("gate-1");
  assert.deepEqual(await stream.positions(), []);
});

test("a server that stops ends streams at once, and opens none", async (t) => {
  const { server, device } = await serverWithDevice(t);
  const streams = await Promise.all([InboxStream.open(device), InboxStream.open(device)]);
  await server.stop(); // a stream that goes on is cut off in the end, which is an error
  for (const each of streams) assert.equal(await each.block(), null);
});

test("a stream shows that it lives, ends by itself, and goes on behind where it ended", async (t) => {
  const { server, device } = await serverWithDevice(t, { inboxHeartbeatSeconds: 0.02, inboxStreamSeconds: 0.5 });
  await server.offer(["gate-1"]);
  const started = performance.now();
  const stream = await InboxStream.open(device, { wait: 1_000 });
  assert.equal((await stream.message())?.position, 1);
  let beats = 0;
  for (let block = await stream.block(); block !== null; block = await stream.block()) beats += block === ":" ? 1 : 0;
  assert.ok(performance.now() - started >= 490);
  assert.ok(beats >= 1);
  await server.offer(["gate-1"]);
  assert.deepEqual(await (await InboxStream.open(device, { lastEventId: "1" })).positions(), [2]);
});

test("FTIME: a stream is no longer than the statement that opened it is accepted", async (t) => {
  const { server, device } = await serverWithDevice(t);
  await server.offer(["gate-1"]);
  const started = performance.now();
  const stream = new InboxStream(await fetchStream(device, { issuedAtSeconds: server.nowSeconds - 300 }));
  assert.deepEqual(await stream.positions(), [1]);
  assert.ok(performance.now() - started >= 900);
});

test("KLIFE: a message that has expired is not given by a stream either", async (t) => {
  const { server, device } = await serverWithDevice(t);
  await server.offer(["gate-1"]);
  server.nowSeconds += 86_400;
  assert.deepEqual(await (await InboxStream.open(device, { wait: 0 })).positions(), [1]);
  await server.offer(["gate-1"]);
  server.nowSeconds += 1;
  assert.deepEqual(await (await InboxStream.open(device, { wait: 0 })).positions(), [2]);
});

test("only who names event streams gets one", async (t) => {
  const { device } = await serverWithDevice(t);
  const typeFor = async (accept: string): Promise<string | null> => {
    const response = await fetchStream(device, { accept, wait: 0 });
    await response.bytes();
    return response.headers.get("content-type");
  };
  for (const accept of [mediaType.events, "Text/Event-Stream", "application/cbor, text/event-stream;q=0.9"]) {
    assert.equal(await typeFor(accept), mediaType.events, accept);
  }
  for (const accept of ["*/*", "text/*", "application/cbor", "text/event-streams", "application/cbor; x=text/event-stream"]) {
    assert.equal(await typeFor(accept), mediaType.cbor, accept);
  }
});

test("a stream is refused like a long poll: strangers, positions that are no numbers, too many requests", async (t) => {
  const { server, device } = await serverWithDevice(t, { linksPerMinute: 7 });
  const refused = async (response: Response): Promise<readonly [number, string | null]> => {
    const { status, code } = await replyOf(response);
    return [status, code];
  };
  const headers = { accept: mediaType.events, "content-type": mediaType.cbor };
  const strangers = fetch(server.url + routes.inbox, { method: "POST", headers, body: new Uint8Array(100) });
  assert.deepEqual(await refused(await strangers), [403, "LINK_REFUSED"]);
  const old = fetchStream(device, { issuedAtSeconds: server.nowSeconds - 301 });
  assert.deepEqual(await refused(await old), [403, "LINK_REFUSED"]);
  for (const lastEventId of ["x", "-1", "1.5", "99999999999999999", "1, 2"]) {
    assert.deepEqual(await refused(await fetchStream(device, { lastEventId })), [400, "API_REQUEST_WRONG"], lastEventId);
  }
  // None of these seven has proven a terminal, which would have raised the rate of this address.
  assert.deepEqual(await refused(await fetchStream(device, { wait: 0 })), [429, "API_RATE_EXCEEDED"]);
});
