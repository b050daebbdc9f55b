import assert from "node:assert/strict";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { HttpClient } from "@sealane/http";
import { artefactId } from "@sealane/wire";
import { httpSource } from "../../src/artefact-source.ts";
import { code } from "../double/codes.ts";

const file = Buffer.from("0123456789");

interface Opened {
  readonly fileBytes: number | null;
  readonly bytes: string;
}

/** What comes of a store's reply to a request from byte 4 on. */
async function opened(
  t: TestContext,
  reply: { readonly status: number; readonly range?: string; readonly body: Uint8Array },
): Promise<Opened> {
  const server = createServer((_, response) => {
    const range = reply.range === undefined ? {} : { "content-range": reply.range };
    response.writeHead(reply.status, { "content-length": reply.body.length, ...range }).end(reply.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const http = new HttpClient({ environment: {} });
  t.after(() => {
    http[Symbol.dispose]();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const source = httpSource(http, new URL(`http://127.0.0.1:${port}/`), artefactId(new Uint8Array(32)));
  const { fileBytes, bytes } = await source.open(4);
  return { fileBytes, bytes: (await buffer(bytes)).toString() };
}

test("STREAM: a store may answer a range with it, with the whole file, with status 200, or begin before it", async (t) => {
  const expected = { fileBytes: 10, bytes: "456789" };
  assert.deepEqual(await opened(t, { status: 206, range: "bytes 4-9/10", body: file.subarray(4) }), expected);
  assert.deepEqual(await opened(t, { status: 200, body: file }), expected);
  assert.deepEqual(await opened(t, { status: 200, range: "bytes 4-9/10", body: file.subarray(4) }), expected);
  assert.deepEqual(await opened(t, { status: 206, range: "bytes 2-9/10", body: file.subarray(2) }), expected);
  assert.deepEqual(await opened(t, { status: 206, range: "bytes 4-9/*", body: file.subarray(4) }), { ...expected, fileBytes: null });
});

test("STREAM: a range that begins behind what was asked for, or is none, is refused", async (t) => {
  for (const range of ["bytes 5-9/10", "bytes */10", "lines 4-9/10", `bytes 4-${"9".repeat(17)}/10`]) {
    await assert.rejects(opened(t, { status: 206, range, body: file.subarray(4) }), code("API_REPLY_WRONG"), range);
  }
  await assert.rejects(opened(t, { status: 206, body: file.subarray(4) }), code("API_REPLY_WRONG"));
});
