import assert from "node:assert/strict";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { type TestContext, test } from "node:test";
import { mediaType, pathOf, routes, type ServerView } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import { formatBase64Url } from "@sealane/wire";
import { post, replyOf } from "./device.ts";
import { OperatorClient } from "./operator-client.ts";
import { TestServer } from "./test-server.ts";

/** Sends raw bytes and gives what comes back until the connection ends. */
async function raw(url: string, text: string): Promise<string> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(text);
  let received = "";
  for await (const piece of socket) received += String(piece);
  return received;
}

test("health is for everybody", async (t) => {
  const server = await TestServer.start(t);
  const response = await fetch(server.url + routes.health);
  assert.deepEqual([response.status, await response.json()], [200, { status: "ok" }]);
});

test("routes and methods that are not there", async (t) => {
  const server = await TestServer.start(t);
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/v1"],
    ["GET", routes.links],
    ["DELETE", pathOf(routes.terminal, "gate-1")],
    ["PUT", routes.health],
    ["HEAD", routes.health],
    ["OPTIONS", routes.links],
    ["POST", "/v2/links"],
    ["GET", "//v1/inbox"],
  ] as const) {
    const { status, code } = await replyOf(await fetch(server.url + path, { method }));
    assert.deepEqual([status, code], [404, method === "HEAD" ? null : "API_ROUTE_UNKNOWN"], `${method} ${path}`);
  }
});

test("what is no HTTP, or no address, is refused in one line", async (t) => {
  const server = await TestServer.start(t);
  assert.match(await raw(server.url, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await raw(server.url, `GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(100_000)}\r\n\r\n`), /^(?:HTTP\/1\.1 400 |$)/);
  const badUrl = await raw(server.url, "GET /%E0%A4%A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(badUrl, /^HTTP\/1\.1 400 /);
  assert.ok(badUrl.includes("API_REQUEST_WRONG"));
});

test("what is refused in front of the routes has a code, a line of log and a count", async (t) => {
  const server = await TestServer.start(t);
  const long = "a".repeat(400);
  const lines: string[] = [];
  for (const path of [routes.artefact, routes.records, routes.terminal].map((route) => route.replace(/:\w+/, long))) {
    for (const method of ["GET", "POST", "HEAD"]) {
      const { status, code } = await replyOf(await fetch(server.url + path, { method }));
      assert.deepEqual([status < 500, code?.startsWith("API_") ?? method === "HEAD"], [true, true], `${method} ${path}`);
      lines.push(path);
    }
  }
  const close = "Connection: close\r\n";
  for (const request of [
    "nonsense\r\n\r\n",
    `GET /%E0%A4%A HTTP/1.1\r\nHost: x\r\n${close}\r\n`,
    `GET /healthz HTTP/1.1\r\n${close}\r\n`,
    `GET /v1/artefacts/${long} HTTP/1.1\r\nHost: x\r\nExpect: the worst\r\n${close}\r\n`,
  ]) {
    const before = server.codes.length;
    const reply = await raw(server.url, request);
    assert.match(reply, /^HTTP\/1\.1 400 /);
    assert.match(reply.toLowerCase(), /content-type: application\/problem\+json/);
    assert.ok(reply.includes("API_REQUEST_WRONG"));
    assert.deepEqual(server.codes.slice(before), ["API_REQUEST_WRONG"]);
  }
  const metrics = await (await fetch(server.url + routes.metrics)).text();
  const counted = /sealane_refusals_total\{route="unknown",code="API_REQUEST_WRONG"\} (\d+)/.exec(metrics)?.[1];
  assert.ok(Number(counted) >= 4);
  assert.ok(server.codes.length >= lines.length);
});

test("a token that a proxy passes on which is not trusted is refused", async (t) => {
  const server = await TestServer.start(t);
  const authorization = `Bearer ${server.operatorToken}`;
  const ask = async (headers: Readonly<Record<string, string>>): Promise<string | null> =>
    (await replyOf(await fetch(server.url + routes.terminals, { headers: { authorization, ...headers } }))).code;
  const forwarded = [
    { "x-forwarded-for": "203.0.113.9" },
    { "x-forwarded-for": "127.0.0.1" },
    { "x-forwarded-proto": "https" },
    { "x-forwarded-host": "a" },
    { "x-real-ip": "203.0.113.9" },
    { forwarded: "for=203.0.113.9;proto=https" },
    { via: "1.1 proxy" },
  ];
  for (const headers of forwarded as readonly Readonly<Record<string, string>>[]) {
    assert.equal(await ask(headers), "SERVER_OPERATOR_REMOTE", JSON.stringify(headers));
  }
  assert.equal((await fetch(server.url + routes.terminals, { headers: { authorization } })).status, 200);
  const behind = await TestServer.start(t, { trustedProxies: ["127.0.0.1"] });
  const status = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await fetch(behind.url + routes.terminals, { headers: { authorization: `Bearer ${behind.operatorToken}`, ...headers } })).status;
  assert.equal(await status({ "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https" }), 200);
  assert.equal(await status({ "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "http" }), 403);
  assert.equal(await status({ "x-real-ip": "203.0.113.9" }), 403);
});

test("operator routes want a token that is known", async (t) => {
  const server = await TestServer.start(t);
  const paths = [routes.terminals, pathOf(routes.terminal, "gate-1"), routes.releases, routes.server];
  const posts = [routes.tokens, routes.offers, routes.releases, routes.artefacts];
  const wrong = [
    null,
    "Bearer",
    "Bearer ",
    `Bearer ${formatBase64Url(systemRandom.bytes(32))}`,
    `Bearer ${server.operatorToken}x`,
    `Basic ${server.operatorToken}`,
  ];
  for (const authorization of wrong) {
    const headers: Record<string, string> = authorization === null ? {} : { authorization };
    for (const path of paths) {
      const { status, code } = await replyOf(await fetch(server.url + path, { headers }));
      assert.deepEqual([status, code], [401, "API_TOKEN_WRONG"], path);
    }
    for (const path of posts) {
      const { status, code } = await post(server.url + path, new Uint8Array(10), { ...headers, "content-type": mediaType.json });
      assert.deepEqual([status, code], [401, "API_TOKEN_WRONG"], path);
    }
  }
  const view = (await server.operator.get(routes.server)) as ServerView;
  assert.deepEqual([view.name, view.fingerprint], ["server", server.fingerprint.toHex()]);
  assert.equal((await replyOf(await server.operator.send("GET", pathOf(routes.terminal, "nobody")))).code, "TERMINAL_UNKNOWN");
});

const [remote] = Object.values(networkInterfaces()).flatMap((list) =>
  (list ?? []).filter(({ family, internal }) => family === "IPv4" && !internal),
);

test("operators come from this machine only, strangers from anywhere", {
  skip: remote === undefined && "no address but loopback",
}, async (t) => {
  const server = await TestServer.start(t, { host: "0.0.0.0" });
  const url = `http://${remote?.address}:${new URL(server.url).port}`;
  const { status, code } = await replyOf(await new OperatorClient(url, server.operatorToken).send("GET", routes.server));
  assert.deepEqual([status, code], [403, "SERVER_OPERATOR_REMOTE"]);
  assert.equal((await fetch(url + routes.enrol)).status, 200);
  assert.equal((await server.operator.send("GET", routes.server)).status, 200);
});

test("operator bodies: JSON that is wrong, poisoned or large", async (t) => {
  const server = await TestServer.start(t);
  const send = async (body: string): Promise<readonly [number, string | null]> => {
    const { status, code } = await replyOf(await server.operator.send("POST", routes.tokens, { type: mediaType.json, body }));
    return [status, code];
  };
  for (const body of ["", "{", '{"name":', '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{}}}', '"text"']) {
    assert.deepEqual(await send(body), [400, "API_REQUEST_WRONG"], body);
  }
  assert.deepEqual(await send(`"${"x".repeat(300_000)}"`), [413, "API_BODY_TOO_LARGE"]);
});

test("rates: strangers are limited where a private key is used, and told to wait", async (t) => {
  const server = await TestServer.start(t, { limits: { linksPerMinute: 3, enrolmentsPerMinute: 2, requestsPerMinute: 10 } });
  const codes = async (path: string, times: number): Promise<readonly (string | null)[]> => {
    const found: (string | null)[] = [];
    for (let i = 0; i < times; i++) found.push((await post(server.url + path, new Uint8Array(10))).code);
    return found;
  };
  assert.deepEqual(await codes(routes.links, 4), ["LINK_REFUSED", "LINK_REFUSED", "LINK_REFUSED", "API_RATE_EXCEEDED"]);
  assert.deepEqual(await codes(routes.enrolments, 3), ["ENROL_REFUSED", "ENROL_REFUSED", "API_RATE_EXCEEDED"]);
  const response = await fetch(server.url + routes.links, { method: "POST", headers: { "content-type": mediaType.cbor }, body: "x" });
  assert.equal(response.status, 429);
  assert.ok(Number(response.headers.get("retry-after")) > 0);
  assert.equal(response.headers.get("x-ratelimit-remaining"), null);
  const unknown = await codes("/nowhere", 20);
  assert.ok(unknown.includes("API_RATE_EXCEEDED"));
});

test("a body that does not come ends its connection", async (t) => {
  const server = await TestServer.start(t, { limits: { bodySeconds: 0.05 } });
  const request = `POST ${routes.links} HTTP/1.1\r\nHost: x\r\nContent-Type: ${mediaType.cbor}\r\nContent-Length: 100\r\n\r\nabc`;
  const received = await raw(server.url, request);
  assert.equal(received.includes("200 OK"), false);
});

test("no secret, token, address, body or query in the log", async (t) => {
  const server = await TestServer.start(t);
  const { artefactId } = await server.publish("the software");
  const fresh = await server.newDevice("gate-1");
  const { tokenSecret } = fresh.token;
  const device = await fresh.enrol();
  using link = await device.establish();
  await device.ask(link, { kind: "authorise", artefactId });
  await server.offer(["gate-1"]);
  await device.inbox();
  await post(server.url + routes.links, new Uint8Array(100));
  await post(`${server.url}${routes.inbox}?after=471147114711`, new TextEncoder().encode("c2VjcmV0"));
  await new OperatorClient(server.url, formatBase64Url(systemRandom.bytes(32))).send("GET", routes.server);
  await server.stop();
  const log = server.log.filter((line) => !line.includes("Server listening")).join("");
  assert.ok(server.log.length > 10);
  const secrets = [
    server.operatorToken,
    formatBase64Url(tokenSecret),
    tokenSecret.toHex(),
    tokenSecret.toBase64(),
    "c2VjcmV0",
    "471147114711",
    "127.0.0.1",
  ];
  for (const secret of secrets) assert.equal(log.includes(secret), false, secret);
  assert.ok(log.includes(routes.records) && log.includes("WIRE_"));
});

test("a request that comes while the server stops is turned away", async (t) => {
  const server = await TestServer.start(t);
  const { port, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${routes.health} HTTP/1.1\r\nHost: x\r\n`); // not complete: the connection is not idle
  for (let i = 0; i < 3; i++) await fetch(server.url + routes.health);
  const stopped = server.stop();
  socket.write("\r\n");
  let received = "";
  for await (const piece of socket) received += String(piece);
  assert.match(received, /^HTTP\/1\.1 503 /);
  assert.ok(received.includes("API_SERVER_BUSY"));
  await stopped;
});

test("a stopping server finishes what is under way, within its time", async (t: TestContext) => {
  const server = await TestServer.start(t, { limits: { closeSeconds: 0.2 } });
  const { artefactId } = await server.publish(systemRandom.bytes(20_000_000));
  const { port, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.write(`GET ${pathOf(routes.artefact, artefactId.toHex())} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise<void>((resolve) => socket.once("readable", () => resolve())); // and nobody reads on
  const { url } = server;
  await Promise.all([server.stop(), server.stop()]);
  socket.destroy();
  await ended;
  await assert.rejects(fetch(url + routes.health));
});
