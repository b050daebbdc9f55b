import assert from "node:assert/strict";
import { test } from "node:test";
import { inboxMessagesCodec, inboxStatementCodec, routes, statementAad } from "@sealane/api";
import { sign1 } from "@sealane/cose";
import { SoftwareKey } from "@sealane/crypto";
import { decodeMessage } from "@sealane/link";
import { decodeAs, encode, encodeAs, parseName } from "@sealane/wire";
import { type Device, post, replyOf } from "./device.ts";
import { TestServer } from "./test-server.ts";

async function serverWithDevice(t: Parameters<typeof TestServer.start>[0]): Promise<{ server: TestServer; device: Device }> {
  const server = await TestServer.start(t);
  await server.publish("the software");
  return { server, device: await server.device("gate-1") };
}

async function positions(response: Response | Promise<Response>): Promise<readonly number[]> {
  const bytes = await (await response).bytes();
  return decodeAs(inboxMessagesCodec, bytes, { maxBytes: 1_000_000, what: "inbox" }).map(({ position }) => position);
}

/** Goes to the server and back until a request that was sent before must have come to its wait. */
async function settle(device: Device): Promise<void> {
  for (let i = 0; i < 5; i++) await device.inbox();
}

test("EQ1: a long poll ends with the message that it waits for", async (t) => {
  const { server, device } = await serverWithDevice(t);
  const polling = device.fetchInbox(0, 25);
  await settle(device);
  await server.offer(["gate-1"]);
  assert.deepEqual(await positions(polling), [1]);
});

test("EQ1: nothing is lost when the connection is lost: what was read comes again until it is answered", async (t) => {
  const { server, device } = await serverWithDevice(t);
  const gone = new AbortController();
  const lost = device.fetchInbox(0, 25, gone.signal);
  await settle(device);
  gone.abort();
  await assert.rejects(lost);
  for (let i = 0; i < 3; i++) await server.offer(["gate-1"]);
  assert.deepEqual(await positions(device.fetchInbox(0)), [1, 2, 3]);
  assert.deepEqual(await positions(device.fetchInbox(0)), [1, 2, 3]);
  assert.deepEqual(await positions(device.fetchInbox(2)), [3]);
  assert.deepEqual(await positions(device.fetchInbox(3)), []);
  await server.restart();
  device.url = server.url;
  const [first] = await device.inbox();
  const { reply: answer } = await device.accept(first?.message ?? new Uint8Array(0));
  assert.equal((await post(device.url + routes.links, answer)).status, 200);
  assert.deepEqual(await positions(device.fetchInbox(0)), [2, 3]);
  await server.offer(["gate-1"]);
  assert.deepEqual(await positions(device.fetchInbox(0)), [2, 3, 4]);
});

test("a terminal that comes again is never turned away: its oldest request ends", async (t) => {
  const { server, device } = await serverWithDevice(t);
  const oldest = device.fetchInbox(0, 25);
  await settle(device);
  const others: Promise<Response>[] = [];
  for (let i = 0; i < 3; i++) {
    others.push(device.fetchInbox(0, 25));
    await settle(device);
  }
  assert.deepEqual(await positions(oldest), []);
  await server.offer(["gate-1"]);
  await Promise.all(others);
});

test("KLIFE: a message that has expired is not given", async (t) => {
  const { server, device } = await serverWithDevice(t);
  await server.offer(["gate-1"]);
  server.nowSeconds += 86_400;
  assert.deepEqual(await positions(device.fetchInbox(0)), [1]);
  server.nowSeconds += 1;
  assert.deepEqual(await positions(device.fetchInbox(0)), []);
});

test("an inbox opens to its own terminal, now and at this server only", async (t) => {
  const { server, device } = await serverWithDevice(t);
  const other = await server.device("gate-2");
  const elsewhere = await (await TestServer.start(t)).device("gate-1");
  const { nowSeconds } = server;
  const refused = async (body: Uint8Array): Promise<string> => {
    const before = server.codes.length;
    const reply = await post(server.url + routes.inbox, body);
    assert.deepEqual([reply.status, reply.code], [403, "LINK_REFUSED"]);
    while (server.codes.length === before) await new Promise(setImmediate); // the line is written when the reply is out
    return server.codes[before] ?? "";
  };
  const body = await device.inboxRequest();
  assert.equal(await refused(encode(null)), "WIRE_SHAPE_WRONG");
  assert.equal(await refused(body.subarray(0, -1)), "WIRE_TRUNCATED");
  assert.equal(await refused(body.with(-1, (body.at(-1) ?? 0) ^ 1)), "CRYPTO_OPEN_FAILED");
  assert.equal(await refused(body.with(5, (body[5] ?? 0) ^ 1)), "LINK_RECIPIENT_WRONG");
  assert.equal(
    await refused(device.sealInbox(await sign1(other.keys.signing.signingKey(), statementOf(device)))),
    "CRYPTO_SIGNATURE_WRONG",
  );
  assert.equal(await refused(await device.inboxRequest({ terminal: parseName("gate-2") })), "SERVER_STATEMENT_WRONG");
  assert.equal(await refused(await device.inboxRequest({ server: parseName("other") })), "SERVER_STATEMENT_WRONG");
  assert.equal(await refused(await device.inboxRequest({ issuedAtSeconds: nowSeconds - 301 })), "SERVER_STATEMENT_STALE");
  assert.equal(await refused(await device.inboxRequest({ issuedAtSeconds: nowSeconds + 61 })), "SERVER_STATEMENT_STALE");
  assert.equal(await refused(await elsewhere.inboxRequest()), "LINK_RECIPIENT_WRONG");
  Object.assign(elsewhere, { serverDecryption: device.serverDecryption });
  assert.equal(await refused(await elsewhere.inboxRequest()), "SERVER_TERMINAL_INACTIVE");
  for (const issuedAtSeconds of [nowSeconds - 300, nowSeconds + 60]) {
    assert.equal((await post(server.url + routes.inbox, await other.inboxRequest({ issuedAtSeconds }))).status, 200);
  }
});

/** What a device signs to read its inbox. */
function statementOf(device: Device): Parameters<typeof sign1>[1] {
  const { name: terminal, serverName, keys } = device;
  const payload = encodeAs(inboxStatementCodec, { terminal, server: serverName, issuedAtSeconds: keys.now() });
  return { payload, externalAad: statementAad("inbox") };
}

test("a query that is no number is refused", async (t) => {
  const { server, device } = await serverWithDevice(t);
  const body = await device.inboxRequest();
  for (const query of ["after=-1", "after=x", "after=1.5", "after=99999999999999999", "wait=-1", "wait=", "after=1&after=2"]) {
    const reply = await post(`${server.url}${routes.inbox}?${query}`, body);
    assert.deepEqual([reply.status, reply.code], [400, "API_REQUEST_WRONG"], query);
  }
});

test("an offer on a suite for which a terminal has no key is refused to the operator; unless told it is made on one of its own", async (t) => {
  const { server } = await serverWithDevice(t);
  const fresh = await server.newDevice("gate-2");
  Object.assign(fresh, { decryption: [SoftwareKey.generate("x25519")] });
  const device = await fresh.enrol();
  const wish = { terminals: ["gate-1", "gate-2"], module: "app", suite: "hybrid" };
  const refused = await replyOf(
    await server.operator.send("POST", routes.offers, { type: "application/json", body: JSON.stringify(wish) }),
  );
  assert.deepEqual([refused.status, refused.code], [400, "CRYPTO_SUITE_UNKNOWN"]);
  assert.deepEqual(await device.inbox(), []);
  await server.offer(["gate-2"]);
  const [message] = await device.inbox();
  const bytes = message?.message ?? new Uint8Array(0);
  assert.equal(decodeMessage(bytes).header.suite.name, "x25519");
  (await device.accept(bytes)).link[Symbol.dispose]();
});

test("an offer is made to all terminals or to none", async (t) => {
  const { server, device } = await serverWithDevice(t);
  await server.device("gate-2", "m2");
  const send = async (body: unknown): Promise<readonly [number, string | null]> => {
    const reply = await replyOf(
      await server.operator.send("POST", routes.offers, { type: "application/json", body: JSON.stringify(body) }),
    );
    return [reply.status, reply.code];
  };
  assert.deepEqual(await send({ terminals: ["gate-1", "nobody"], module: "app" }), [404, "TERMINAL_UNKNOWN"]);
  assert.deepEqual(await send({ terminals: ["gate-1", "gate-2"], module: "app" }), [404, "RELEASE_UNKNOWN"]);
  assert.deepEqual(await send({ terminals: ["gate-1"], module: "app", mechanism: "no-such" }), [400, "LINK_MECHANISM_UNKNOWN"]);
  assert.deepEqual(await send({ terminals: ["gate-1"], module: "app", suite: "no-such" }), [400, "CRYPTO_SUITE_UNKNOWN"]);
  for (const wrong of [{ terminals: [], module: "app" }, { terminals: "gate-1", module: "app" }, { terminals: ["gate-1"] }, {}]) {
    assert.deepEqual(await send(wrong), [400, "API_REQUEST_WRONG"], JSON.stringify(wrong));
  }
  assert.deepEqual(await positions(device.fetchInbox(0)), []);
  assert.deepEqual(await server.offer(["gate-1", "gate-1"]), ["gate-1"]);
  assert.deepEqual(await positions(device.fetchInbox(0)), [1]);
});

test("a server that stops ends long polls at once", async (t) => {
  const { server, device } = await serverWithDevice(t);
  const polling = [device.fetchInbox(0, 25), device.fetchInbox(0, 25)];
  await settle(device);
  await server.stop(); // a poll that goes on is cut off in the end, and has no answer
  for (const each of polling) assert.deepEqual(await positions(each), []);
});
