import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { rangeStart, TamperingProxy } from "../../src/scenarios/tampering-proxy.ts";

const content = Buffer.from("0123456789".repeat(1000));
let server: Server;
let proxy: TamperingProxy;

before(async () => {
  server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    if (request.method === "POST") response.setHeader("x-seen", request.headers["x-sent"] ?? "").end(Buffer.concat(pieces));
    else if (start === undefined) response.end(content);
    else response.writeHead(206, { "content-range": `bytes ${start}-9999/10000` }).end(content.subarray(Number(start)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = await TamperingProxy.listen();
  proxy.targets = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`];
});

after(async () => {
  await proxy.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  proxy.fault = null;
  proxy.forget();
});

test("without a fault the proxy changes nothing", async () => {
  const posted = await fetch(`${proxy.url}/a?b=1`, { method: "POST", body: "hello", headers: { "x-sent": "there" } });
  assert.deepEqual([await posted.text(), posted.headers.get("x-seen")], ["hello", "there"]);
  const ranged = await fetch(`${proxy.url}/file`, { headers: { range: "bytes=9000-" } });
  assert.deepEqual([ranged.status, (await ranged.bytes()).length], [206, 1000]);
  assert.deepEqual(
    proxy.seen.map(({ request, reply, changed }) => [request.path, rangeStart(reply), changed]),
    [
      ["/a?b=1", 0, false],
      ["/file", 9000, false],
    ],
  );
});

test("a fault changes the requests that it names, as often as it says, and what was seen stays what was sent", async () => {
  proxy.fault = {
    on: ({ path }) => path === "/a",
    times: 1,
    request: (request) => ({ ...request, body: Buffer.from("longer than before") }),
  };
  const send = async (path: string): Promise<string> => await (await fetch(proxy.url + path, { method: "POST", body: "hello" })).text();
  assert.deepEqual([await send("/b"), await send("/a"), await send("/a")], ["hello", "longer than before", "hello"]);
  assert.equal(proxy.changes, 1);
  assert.equal(Buffer.from(proxy.seen[1]?.request.body ?? []).toString(), "hello");
});

test("a fault changes status and body of replies", async () => {
  proxy.fault = { on: () => true, reply: (reply) => ({ ...reply, status: 403, body: Buffer.from("no") }) };
  const reply = await fetch(`${proxy.url}/file`);
  assert.deepEqual([reply.status, await reply.text()], [403, "no"]);
});

test("a reply can be cut in the middle", async () => {
  proxy.fault = { on: () => true, reply: (reply) => ({ ...reply, cutAfterBytes: 700 }) };
  const reply = await fetch(`${proxy.url}/file`);
  assert.equal(reply.headers.get("content-length"), "10000");
  await assert.rejects(reply.bytes());
});

test("a server that is not there looks like one behind no proxy", async () => {
  const lonely = await TamperingProxy.listen();
  await assert.rejects(fetch(lonely.url));
  await lonely.close();
});
