import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type TestContext, test } from "node:test";
import { hasCode } from "@sealane/wire";
import { OperatorClient } from "../../src/operator-client.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : assert.fail();
}

test("an operator's server stands below the path of its address", async (t) => {
  const seen: unknown[] = [];
  const origin = await serve(t, (request, response) => {
    seen.push(request.url);
    response.setHeader("content-type", "application/json; charset=utf-8").end("{}");
  });
  for (const base of ["", "/", "/ota", "/ota/b/"]) await new OperatorClient({ url: `${origin}${base}`, token: "x" }).get("/v1/releases");
  assert.deepEqual(seen, ["/v1/releases", "/v1/releases", "/ota/v1/releases", "/ota/b/v1/releases"]);
});

test("what answers an operator in place of its server is named, and what comes later is told as later", async (t) => {
  const replies: Readonly<Record<string, RequestListener>> = {
    "/portal": (_, response) => response.setHeader("content-type", "text/html").end("<html>"),
    "/moved": (_, response) => response.writeHead(301, { location: "https://elsewhere.example/x?secret" }).end(),
    "/missing": (_, response) => response.writeHead(404, { "content-type": "text/html" }).end("<html>"),
    "/busy": (_, response) => response.writeHead(429, { "content-type": "text/html", "retry-after": "3" }).end("<html>"),
    "/broken": (_, response) => response.setHeader("content-type", "application/json").end("{"),
  };
  const url = await serve(t, (request, response) => replies[request.url ?? ""]?.(request, response));
  const client = new OperatorClient({ url, token: "x" });
  const expected = {
    "/portal": ["API_REPLY_FOREIGN", { status: 200, type: "text/html" }],
    "/moved": ["API_REPLY_FOREIGN", { status: 301, target: "https://elsewhere.example/x" }],
    "/missing": ["API_REPLY_FOREIGN", { status: 404, type: "text/html" }],
    "/busy": ["API_RATE_EXCEEDED", { status: 429, retryAfterSeconds: 3 }],
    "/broken": ["API_REPLY_WRONG", { expected: "JSON" }],
  } as const;
  for (const [path, [code, details]] of Object.entries(expected)) {
    await assert.rejects(client.get(path), (error: unknown) => {
      assert.ok(hasCode(error, code), String(error));
      assert.deepEqual(error.details, details);
      return true;
    });
  }
});

test("the operator's command takes the proxy of the environment, but none that a token in plain would leave this machine by", async (t) => {
  const seen: unknown[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push(request.url);
    response.setHeader("content-type", "application/json").end("{}");
  };
  const [url, proxy] = [await serve(t, answer), await serve(t, answer)];
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  const ask = async (given: string): Promise<void> => {
    process.env = { ...before, HTTP_PROXY: given };
    await new OperatorClient({ url, token: "x" }).get("/v1/server");
  };
  await ask(proxy);
  await ask(proxy.replace("http://", ""));
  await ask("http://proxy.example:3128");
  assert.deepEqual(seen, [`${url}/v1/server`, `${url}/v1/server`, "/v1/server"]);
});
