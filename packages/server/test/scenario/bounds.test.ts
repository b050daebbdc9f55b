import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { connect, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { mediaType, pathOf, routes } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import { TestServer } from "./test-server.ts";

/** Opens a connection from an address of this machine and begins a request that it does not end. */
async function hold(url: string, localAddress: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), localAddress });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write("GET /v1/broadcasts HTTP/1.1\r\nHost: a\r\nX-A: ");
  return socket.resume();
}

test("one address holds its own share of the connections and leaves the others theirs", async (t) => {
  const server = await TestServer.start(t, { limits: { maxConnections: 8, maxConnectionsPerAddress: 4 } });
  const held: Socket[] = [];
  for (let i = 0; i < 12; i++) held.push(await hold(server.url, "127.0.0.2"));
  t.after(() => {
    for (const socket of held) socket.destroy();
  });
  assert.equal((await fetch(server.url + routes.health)).status, 200);
  const metrics = await (await fetch(server.url + routes.metrics)).text();
  assert.match(metrics, /sealane_connections_closed_total 8\n/);
});

test("behind a trusted proxy the addresses that it names are bounded, and its own connections are not", async (t) => {
  const limits = { maxConnectionsPerAddress: 1, requestsPerMinute: 2 };
  const server = await TestServer.start(t, { limits, trustedProxies: ["127.0.0.1"] });
  const ask = async (address: string): Promise<number> =>
    (await fetch(server.url + routes.health, { headers: { "x-forwarded-for": address } })).status;
  const held = await Promise.all([hold(server.url, "127.0.0.1"), hold(server.url, "127.0.0.1")]);
  for (const address of ["2001:db8:1:2::1", "2001:db8:1:2::2", "192.0.2.1", "::ffff:192.0.2.1"]) assert.equal(await ask(address), 200);
  for (const address of ["2001:db8:1:2::3", "192.0.2.1"]) assert.equal(await ask(address), 429, address);
  assert.equal(await ask("2001:db8:1:3::1"), 200);
  for (const socket of held) {
    assert.equal(socket.closed, false);
    socket.destroy();
  }
});

test("a terminal that is proven has a rate of its own beside strangers of its address", async (t) => {
  const server = await TestServer.start(t, { limits: { requestsPerMinute: 20 } });
  const device = await server.device("gate-1");
  await device.inbox(); // proves it on the connection that is kept for what follows
  const stranger = async (): Promise<string> => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write(`GET ${routes.health} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    let received = "";
    for await (const piece of socket) received += String(piece);
    return received.slice(9, 12);
  };
  const statuses: string[] = [];
  for (let i = 0; i < 21; i++) statuses.push(await stranger());
  assert.equal(statuses.at(-1), "429");
  assert.equal((await fetch(server.url + routes.health)).status, 200);
});

/** Sends requests on one connection that is its own, as a gateway does. */
function gatewayOf(t: TestContext, url: string): (path: string, body: Uint8Array) => Promise<{ readonly status: number; end(): void }> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return async (path, body) => {
    const request = http.request(url + path, {
      method: "POST",
      agent,
      headers: { "content-type": mediaType.cbor, accept: path.includes("wait") ? mediaType.events : mediaType.cbor },
    });
    request.on("error", () => {}).end(body);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    if (response.headers["content-type"] === mediaType.events) response.resume();
    else for await (const _piece of response);
    return { status: response.statusCode ?? 0, end: () => response.destroy() };
  };
}

test("gateways of one address, many times what strangers may, are all served while a stranger there is bounded", async (t) => {
  const own = 6;
  const gateways = 3 * own;
  const server = await TestServer.start(t, { limits: { maxConnectionsPerAddress: own, linksPerMinute: own } });
  const devices = [];
  for (let i = 0; i < gateways; i++) devices.push(await server.device(`gate-${i}`));
  const asks = devices.map((device) => ({ device, ask: gatewayOf(t, server.url) }));
  for (const { device, ask } of asks) assert.equal((await ask(routes.inbox, await device.inboxRequest())).status, 200, device.name);
  // All wait at the same time, each on the connection that it has proven itself on.
  const streams = await Promise.all(
    asks.map(async ({ device, ask }) => await ask(`${routes.inbox}?after=0&wait=25`, await device.inboxRequest())),
  );
  assert.deepEqual([...new Set(streams.map(({ status }) => status))], [200]);
  const held: Socket[] = [];
  for (let i = 0; i < 2 * own; i++) held.push(await hold(server.url, "127.0.0.1"));
  t.after(() => {
    for (const socket of held) socket.destroy();
  });
  const stranger = gatewayOf(t, server.url);
  const statuses: number[] = [];
  for (let i = 0; i < own + 1; i++) statuses.push((await stranger(routes.inbox, new Uint8Array([0]))).status);
  assert.deepEqual(statuses, [...Array.from({ length: own }, () => 403), 429]);
  // Neither his connections nor his requests have ended one of theirs.
  const metrics = async (): Promise<string> => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port), localAddress: "127.0.0.2" });
    socket.write(`GET ${routes.metrics} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    return (await buffer(socket)).toString();
  };
  assert.match(await metrics(), new RegExp(`sealane_inbox_waiting ${gateways}\\n`));
  for (const stream of streams) stream.end();
});

test("who reads an artefact slower than the least rate is cut off", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const server = await TestServer.start(t, { limits: { leastBytesPerSecond: 1_000_000_000 } });
  const size = 20_000_000; // more than the system's buffers take
  const { artefactId } = await server.publish(systemRandom.bytes(size));
  const { port, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  socket.write(`GET ${pathOf(routes.artefact, artefactId.toHex())} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await once(socket, "readable"); // the download has begun; nobody reads
  t.mock.timers.tick(120_000);
  let received = 0;
  for await (const chunk of socket) if (chunk instanceof Uint8Array) received += chunk.length;
  assert.ok(received < size, `${received} bytes`);
  await server.stop();
  assert.ok(server.log.some((line) => line.includes(routes.artefact) && line.includes("client went")));
});
