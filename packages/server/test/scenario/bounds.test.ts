import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { pathOf, routes } from "@sealane/api";
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

test("who reads an artefact slower than the least rate is cut off", async (t) => {
  const server = await TestServer.start(t, { limits: { bodySeconds: 0.05, leastBytesPerSecond: 1_000_000_000 } });
  t.after(() => server.stop());
  const { artefactId } = await server.publish(systemRandom.bytes(20_000_000));
  const { port, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  socket.write(`GET ${pathOf(routes.artefact, artefactId.toHex())} HTTP/1.1\r\nHost: x\r\n\r\n`);
  while (!server.log.some((line) => line.includes(routes.artefact) && line.includes("client went"))) {
    await fetch(server.url + routes.health); // until the server has cut it off; nobody reads meanwhile
  }
  socket.destroy();
});
