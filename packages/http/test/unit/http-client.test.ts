import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { hasCode, type SealaneError } from "@sealane/wire";
import { HttpClient, type HttpOptions } from "../../src/index.ts";

const cbor = { type: "application/cbor" } as const;

const code = (expected: Parameters<typeof hasCode>[1]) => (error: unknown) => hasCode(error, expected);

async function serve(t: TestContext, listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

function client(t: TestContext, options: Partial<HttpOptions> = {}): HttpClient {
  const http = new HttpClient({ environment: {}, ...options });
  t.after(() => http[Symbol.dispose]());
  return http;
}

test("a reply is read whole, and one connection serves many requests", async (t) => {
  const ports = new Set<number | undefined>();
  const url = await serve(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.writeHead(200, { "content-type": "application/cbor; x=y" }).end(Buffer.from([1, 2, 3]));
  });
  const http = client(t);
  for (let i = 0; i < 3; i++) assert.deepEqual([...(await http.exchange({ method: "GET", url }, cbor))], [1, 2, 3]);
  assert.equal(ports.size, 1);
});

test("a reply that is too large or compressed is refused; another type, a redirect and a page are told as no server's", async (t) => {
  const replies: Readonly<Record<string, RequestListener>> = {
    "/large": (_, response) => response.writeHead(200, { "content-type": cbor.type }).end(new Uint8Array(101)),
    "/endless": (_, response) => {
      response.writeHead(200, { "content-type": cbor.type });
      const timer = setInterval(() => response.write(new Uint8Array(60)), 1);
      response.on("close", () => clearInterval(timer));
    },
    "/html": (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    "/gzip": (_, response) => response.writeHead(200, { "content-type": cbor.type, "content-encoding": "gzip" }).end("x"),
    "/moved": (_, response) => response.writeHead(302, { location: "/html" }).end(),
    "/none": (_, response) => response.writeHead(204).end(),
    "/proxy": (_, response) => response.writeHead(404, { "content-type": "text/html" }).end("not here"),
  };
  const url = await serve(t, (request, response) => replies[request.url ?? ""]?.(request, response));
  const http = client(t);
  for (const path of Object.keys(replies)) {
    const request = { method: "GET", url: new URL(path, url) } as const;
    const expected = ["/large", "/endless", "/gzip"].includes(path) ? "API_REPLY_WRONG" : "API_REPLY_FOREIGN";
    await assert.rejects(http.exchange(request, { ...cbor, maxBytes: 100 }), code(expected), path);
  }
});

test("a problem document becomes its error; an unknown one, or one that is too long, does not", async (t) => {
  const url = await serve(t, (request, response) => {
    const said = { "/known": "ARTEFACT_UNKNOWN", "/unknown": "NO_SUCH", "/long": "x".repeat(10_000) }[request.url ?? ""];
    response.writeHead(404, { "content-type": "application/problem+json" }).end(JSON.stringify({ code: said }));
  });
  const http = client(t);
  const get = async (path: string): Promise<unknown> => await http.open({ method: "GET", url: new URL(path, url) });
  await assert.rejects(get("/known"), code("ARTEFACT_UNKNOWN"));
  await assert.rejects(get("/unknown"), code("API_REPLY_FOREIGN"));
  await assert.rejects(get("/long"), code("API_REPLY_FOREIGN"));
});

test("a server that is not there, does not answer, or falls silent within a reply is unreachable", async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === "/silent") return;
    response.writeHead(200, { "content-type": cbor.type, "content-length": 10 }).write("12345");
  });
  const http = client(t, { idleSeconds: 0.03 });
  for (const path of ["/silent", "/half"]) {
    await assert.rejects(http.exchange({ method: "GET", url: new URL(path, url) }, cbor), code("API_SERVER_UNREACHABLE"), path);
  }
  const nowhere = new URL("http://127.0.0.1:1/");
  await assert.rejects(http.exchange({ method: "GET", url: nowhere }, cbor), code("API_SERVER_UNREACHABLE"));
});

test("a request that its sender breaks off is unreachable, before the reply and in the middle of it", async (t) => {
  let arrived = (): void => {};
  const url = await serve(t, (request, response) => {
    if (request.url === "/silent") return arrived();
    response.writeHead(200, { "content-type": "Application/CBOR; x=y" }).write("12345", () => arrived());
  });
  const http = client(t);
  for (const path of ["/silent", "/half"]) {
    const breaking = new AbortController();
    arrived = () => breaking.abort();
    const request = { method: "GET", url: new URL(path, url), signal: breaking.signal } as const;
    await assert.rejects(http.exchange(request, cbor), code("API_SERVER_UNREACHABLE"), path);
  }
  assert.equal((await http.open({ method: "GET", url: new URL("/half", url) })).type, cbor.type);
});

test("a proxy of the environment is used, but for hosts that are excepted", async (t) => {
  const seen: string[] = [];
  const proxy = await serve(t, (request, response) => {
    seen.push(request.url ?? "");
    response.writeHead(200, { "content-type": cbor.type }).end("p");
  });
  const url = await serve(t, (_, response) => response.writeHead(200, { "content-type": cbor.type }).end("d"));
  const through = client(t, { environment: { HTTP_PROXY: proxy.host } });
  const request = { method: "GET", url: new URL("/x", url) } as const;
  assert.equal(Buffer.from(await through.exchange(request, cbor)).toString(), "p");
  assert.deepEqual(seen, [new URL("/x", url).href]);
  const direct = client(t, { environment: { HTTP_PROXY: proxy.href, NO_PROXY: "127.0.0.1" } });
  assert.equal(Buffer.from(await direct.exchange(request, cbor)).toString(), "d");
});

/**
 * A reply whose server sends what the test says. The function that comes back brings so many bytes, one at least, and lets the window of two
 * minutes pass; it rejects where the body was given up before they came.
 */
async function slowReply(t: TestContext, options: Partial<HttpOptions>): Promise<(bytes: number) => Promise<void>> {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const begun = Promise.withResolvers<ServerResponse>();
  const url = await serve(t, (_, response) => {
    response.writeHead(200, { "content-type": cbor.type }).flushHeaders();
    begun.resolve(response);
  });
  const http = client(t, options);
  const bytes = http.bytes(await http.open({ method: "GET", url }));
  const response = await begun.promise;
  return async (count) => {
    response.write(new Uint8Array(count));
    for (let come = 0; come < count; ) {
      const { value } = await bytes.next();
      assert.ok(value instanceof Uint8Array);
      come += value.length;
    }
    t.mock.timers.tick(120_000);
  };
}

test("a body that brings the least rate in each window goes on, and one byte less in one of them is given up", async (t) => {
  const bring = await slowReply(t, {});
  for (const bytes of [120 * 1_024, 1_000_000, 120 * 1_024, 120 * 1_024 - 1]) await bring(bytes);
  await assert.rejects(bring(1), code("API_SERVER_UNREACHABLE"));
});

test("a body whose single bytes keep coming is given up, however much came before", async (t) => {
  const bring = await slowReply(t, {});
  await bring(1_000_000);
  await bring(1);
  await assert.rejects(bring(1), code("API_SERVER_UNREACHABLE"));
});

test("a client may have another least rate", async (t) => {
  const bring = await slowReply(t, { leastRate: { bytesPerSecond: 200, seconds: 120 } });
  for (const bytes of [120 * 200, 120 * 200, 120 * 200 - 1]) await bring(bytes);
  await assert.rejects(bring(1), code("API_SERVER_UNREACHABLE"));
});

test("a client without a least rate waits", async (t) => {
  const bring = await slowReply(t, { leastRate: null });
  for (const bytes of [1, 1, 1]) await bring(bytes);
});

test("a head that comes byte by byte is given up when its time is over, and not before", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const begun = Promise.withResolvers<Socket>();
  const url = await serve(t, ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nX-A: ");
    begun.resolve(socket);
  });
  const http = client(t, { connectSeconds: 10, idleSeconds: 60 });
  let isGivenUp = false;
  const opening = http.open({ method: "GET", url }).finally(() => {
    isGivenUp = true;
  });
  const outcome = assert.rejects(opening, code("API_SERVER_UNREACHABLE"));
  const socket = await begun.promise;
  for (const seconds of [9.999, 30, 30]) {
    t.mock.timers.tick(seconds * 1000);
    await new Promise<unknown>((resolve) => socket.write("x", resolve));
    assert.equal(isGivenUp, false);
  }
  t.mock.timers.tick(1);
  socket.write("\r\n\r\n"); // too late
  await outcome;
});

test("a command was carried out where 204 says so, and not where a portal answers", async (t) => {
  const url = await serve(t, (request, response) =>
    request.url === "/done" ? response.writeHead(204).end() : response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  );
  const http = client(t);
  await http.command({ method: "DELETE", url: new URL("/done", url) });
  await assert.rejects(http.command({ method: "POST", url: new URL("/portal", url) }), code("API_REPLY_FOREIGN"));
});

test("every client names itself by the same words, whatever its version and machine", async (t) => {
  const seen: unknown[] = [];
  const url = await serve(t, (request, response) => {
    seen.push(request.headers["user-agent"]);
    response.writeHead(204).end();
  });
  await client(t).command({ method: "POST", url });
  assert.deepEqual(seen, ["sealane"]);
});

test("a file is sent whole, and a file that cannot be read is no fault of the server", async (t) => {
  const received: Buffer[] = [];
  const url = await serve(t, async (request, response) => {
    for await (const piece of request) received.push(piece);
    response.writeHead(204).end();
  });
  const folder = await mkdtemp(join(tmpdir(), "http-client-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  const bytes = Buffer.alloc(2_500_000, "sealed");
  await writeFile(path, bytes);
  const sent: number[] = [];
  const http = client(t);
  const body = { path, bytes: bytes.length, onSent: (count: number) => void sent.push(count) };
  await http.command({ method: "POST", url, body });
  assert.ok(Buffer.concat(received).equals(bytes));
  assert.equal(sent.at(-1), bytes.length);
  await assert.rejects(http.command({ method: "POST", url, body: { ...body, path: join(folder, "gone") } }), code("FILE_READ_FAILED"));
});

test("an error of the server has the reference of the request, where the reply has one", async (t) => {
  const url = await serve(t, (request, response) => {
    response.setHeader("sealane-reference", request.url === "/right" ? "0123456789abcdef" : "<script>");
    response.writeHead(403, { "content-type": "application/problem+json" }).end('{"code":"LINK_REFUSED"}');
  });
  const http = client(t);
  const reference = async (path: string): Promise<unknown> =>
    await http.open({ method: "GET", url: new URL(path, url) }).then(
      () => assert.fail(),
      ({ details }: SealaneError) => details["reference"],
    );
  assert.equal(await reference("/right"), "0123456789abcdef");
  assert.equal(await reference("/wrong"), undefined);
});
