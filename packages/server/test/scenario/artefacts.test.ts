import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import http from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ArtefactView, mediaType, pathOf, type ReleaseView, routes } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import { encodePublication, parsePublication } from "@sealane/software";
import { eventually } from "@sealane/testkit/eventually";
import { concatBytes, equalBytes, parseName } from "@sealane/wire";
import { startServer } from "../../src/index.ts";
import { downloadMemoryBytes, largePieceBytes } from "../../src/limits.ts";
import { replyOf } from "./device.ts";
import { type Prepared, Publisher } from "./publisher.ts";
import { TestServer } from "./test-server.ts";

const content = systemRandom.bytes(300_000);

/** More than there are large buffers for. */
const slowReaders: number = downloadMemoryBytes / largePieceBytes + 6;

async function published(t: TestContext): Promise<{ server: TestServer; url: string; id: string; file: Uint8Array }> {
  const server = await TestServer.start(t);
  const { artefactId, artefact } = await server.publish(content);
  const id = artefactId.toHex();
  return { server, url: server.url + pathOf(routes.artefact, id), id, file: artefact };
}

async function filesOf(server: TestServer): Promise<readonly string[]> {
  return await readdir(join(server.folder, "artefacts"));
}

/** What the server says of itself. */
async function runningDownloads(server: TestServer): Promise<number> {
  const metrics = await (await fetch(server.url + routes.metrics)).text();
  return Number(/^sealane_downloads_running (\d+)$/m.exec(metrics)?.[1]);
}

test("an artefact comes whole, cacheable for ever, without any authorisation", async (t) => {
  const { url, id, file } = await published(t);
  const response = await fetch(url);
  assert.equal(response.status, 200);
  const { headers } = response;
  assert.equal(headers.get("content-type"), mediaType.artefact);
  assert.equal(headers.get("content-length"), String(file.length));
  assert.equal(headers.get("etag"), `"${id}"`);
  assert.equal(headers.get("cache-control"), "public, max-age=31536000, immutable");
  assert.equal(headers.get("accept-ranges"), "bytes");
  assert.equal(equalBytes(await response.bytes(), file), true);
  const head = await fetch(url, { method: "HEAD", headers: { range: "bytes=0-1" } });
  assert.deepEqual([head.status, head.headers.get("content-length"), (await head.bytes()).length], [200, String(file.length), 0]);
  const cached = await fetch(url, { headers: { "if-none-match": `"x", "${id}"` } });
  assert.deepEqual([cached.status, (await cached.bytes()).length], [304, 0]);
});

test("one range of an artefact", async (t) => {
  const { url, id, file } = await published(t);
  const size = file.length;
  const table: readonly (readonly [string, number, number])[] = [
    ["bytes=0-0", 0, 0],
    ["bytes=100-199", 100, 199],
    [`bytes=${size - 5}-`, size - 5, size - 1],
    ["bytes=-7", size - 7, size - 1],
    [`bytes=10-${size + 10}`, 10, size - 1],
    [`bytes=0-${size - 1}`, 0, size - 1],
  ];
  for (const [range, start, end] of table) {
    const response = await fetch(url, { headers: { range } });
    assert.equal(response.status, 206, range);
    assert.equal(response.headers.get("content-range"), `bytes ${start}-${end}/${size}`);
    assert.equal(response.headers.get("content-length"), String(end - start + 1));
    assert.equal(equalBytes(await response.bytes(), file.subarray(start, end + 1)), true, range);
  }
  for (const range of [`bytes=${size}-`, "bytes=5-4", "bytes=0-1,5-6", "bytes=x", "bytes=-0"]) {
    const response = await fetch(url, { headers: { range } });
    assert.equal(response.headers.get("content-range"), `bytes */${size}`, range);
    assert.equal(response.headers.get("cache-control"), null);
    const { status, code } = await replyOf(response);
    assert.deepEqual([status, code], [416, "API_RANGE_WRONG"], range);
  }
  const ifRange = async (tag: string): Promise<number> => (await fetch(url, { headers: { range: "bytes=0-1", "if-range": tag } })).status;
  assert.deepEqual([await ifRange(`"${id}"`), await ifRange('"other"'), await ifRange("Wed, 21 Oct 2015 07:28:00 GMT")], [206, 200, 200]);
  assert.equal((await fetch(url, { headers: { range: "items=0-1" } })).status, 200);
});

test("ids that are none, and none of this store, are unknown", async (t) => {
  const { server, id } = await published(t);
  for (const wrong of ["0".repeat(64), id.toUpperCase(), id.slice(1), `${id}0`, "..%2f..%2fstorage.key", ".sealed", "a".repeat(300)]) {
    const { status, code } = await replyOf(await fetch(`${server.url}/v1/artefacts/${wrong}`));
    assert.deepEqual([status, code], [404, "ARTEFACT_UNKNOWN"], wrong);
  }
});

test("clients that go in the middle leave no file open", { skip: process.platform !== "linux" && "needs /proc" }, async (t) => {
  const server = await TestServer.start(t);
  const { artefactId } = await server.publish(systemRandom.bytes(20_000_000));
  const { port, hostname } = new URL(server.url);
  const path = pathOf(routes.artefact, artefactId.toHex());
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect(Number(port), hostname);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await new Promise((resolve) => socket.once("data", resolve));
      socket.destroy();
    }),
  );
  const open = async (): Promise<number> => {
    const links = await Promise.all((await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
    return links.filter((target) => target.startsWith(server.folder) && target.endsWith(".sealed")).length;
  };
  await eventually(async () => (await open()) === 0, "Files stay open.");
});

test("readers that stop hold nobody up, and each gets its own artefact when it goes on", async (t) => {
  const server = await TestServer.start(t);
  const artefacts = [
    await server.publish(systemRandom.bytes(20_000_000), { module: "one" }),
    await server.publish(systemRandom.bytes(20_000_000), { module: "two" }),
  ] as const;
  const urlOf = ({ artefactId }: Prepared): string => server.url + pathOf(routes.artefact, artefactId.toHex());
  const readers = await Promise.all(
    Array.from({ length: slowReaders }, async (_, i) => {
      const wanted = artefacts[i % 2 === 0 ? 0 : 1];
      const body = (await fetch(urlOf(wanted))).body?.getReader();
      assert.ok(body !== undefined);
      return { wanted, body, first: (await body.read()).value ?? new Uint8Array(0) };
    }),
  );
  assert.equal(await runningDownloads(server), slowReaders);
  const [one] = artefacts;
  assert.equal(equalBytes(await (await fetch(urlOf(one))).bytes(), one.artefact), true);
  for (const { body } of readers.slice(4)) await body.cancel();
  for (const { wanted, body, first } of readers.slice(0, 4)) {
    const pieces = [first];
    for (let next = await body.read(); next.value !== undefined; next = await body.read()) pieces.push(next.value);
    assert.equal(equalBytes(concatBytes(...pieces), wanted.artefact), true);
  }
  await eventually(async () => (await runningDownloads(server)) === 0, "Downloads go on.");
});

test("the download role runs on the artefacts alone: no key, no database", async (t) => {
  const { id, file, server } = await published(t);
  const folder = await mkdtemp(join(tmpdir(), "sealane-download-"));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "artefacts"));
  await cp(join(server.folder, "artefacts"), join(folder, "artefacts"), { recursive: true });
  const log = { level: "silent", destination: { write: () => {} } } as const;
  const download = await startServer({ folder, roles: ["download"], host: "127.0.0.1", port: 0, log });
  try {
    assert.equal(equalBytes(await (await fetch(download.url + pathOf(routes.artefact, id))).bytes(), file), true);
    assert.equal((await fetch(download.url + routes.health)).status, 200);
    for (const path of [routes.links, routes.enrolments, routes.inbox, routes.terminals, routes.artefacts]) {
      assert.equal((await replyOf(await fetch(download.url + path))).code, "API_ROUTE_UNKNOWN", path);
    }
  } finally {
    await download.close();
  }
  assert.deepEqual(await readdir(folder), ["artefacts"]);
});

test("an upload is stored once and known by its header", async (t) => {
  const server = await TestServer.start(t);
  const { artefact, artefactId } = await server.prepare(content);
  const expected = { artefactId: artefactId.toHex(), fileBytes: artefact.length };
  assert.deepEqual(await (await server.upload(artefact)).json(), { ...expected, stored: true } satisfies ArtefactView);
  assert.deepEqual(await (await server.upload(artefact)).json(), { ...expected, stored: false } satisfies ArtefactView);
  assert.deepEqual(await filesOf(server), [`${artefactId.toHex()}.sealed`]);
});

test("a wrong upload is refused with its reason, leaves nothing, and the client can read why", async (t) => {
  const server = await TestServer.start(t, { limits: { maxArtefactBytes: 5_000_000 } });
  const { artefact } = await server.prepare(systemRandom.bytes(4_000_000));
  const at = artefact.length - 1_000;
  const cases: readonly (readonly [string, number, Uint8Array])[] = [
    ["ARTEFACT_FORMAT_WRONG", 422, new Uint8Array(4_000_000)],
    ["ARTEFACT_BODY_WRONG", 422, artefact.with(at, (artefact[at] ?? 0) ^ 1)],
    ["ARTEFACT_TRUNCATED", 422, artefact.subarray(0, at)],
    ["ARTEFACT_TRAILING_BYTES", 422, new Uint8Array([...artefact, ...new Uint8Array(100_000)])],
    ["API_BODY_TOO_LARGE", 413, new Uint8Array(5_000_001)],
  ];
  for (const [code, status, body] of cases) {
    const reply = await replyOf(await server.upload(body));
    assert.deepEqual([reply.status, reply.code], [status, code]);
  }
  assert.deepEqual(await filesOf(server), []);
  assert.equal((await server.upload(artefact)).status, 200);
});

test("an upload that breaks off leaves nothing", async (t) => {
  const server = await TestServer.start(t);
  const { artefact } = await server.prepare(systemRandom.bytes(2_000_000));
  const { port, hostname } = new URL(server.url);
  const headers = {
    authorization: `Bearer ${server.operatorToken}`,
    "content-type": mediaType.artefact,
    "content-length": artefact.length,
  };
  const request = http.request({ port, hostname, method: "POST", path: routes.artefacts, headers });
  request.on("error", () => {});
  await new Promise<void>((resolve) => request.write(artefact.subarray(0, 1_000_000), () => resolve()));
  await eventually(async () => (await filesOf(server)).length > 0, "The upload does not begin.");
  request.destroy();
  await eventually(async () => (await filesOf(server)).length === 0, "The upload leaves something.");
  await eventually(() => server.codes.length > 0, "The upload is not logged.");
  assert.deepEqual(server.codes, ["STORE_UPLOAD_INTERRUPTED"]);
});

test("an upload without operator token is refused before it is read", async (t) => {
  const server = await TestServer.start(t);
  const { artefact } = await server.prepare(content);
  const headers = { "content-type": mediaType.artefact };
  const reply = await replyOf(await fetch(server.url + routes.artefacts, { method: "POST", headers, body: Uint8Array.from(artefact) }));
  assert.deepEqual([reply.status, reply.code], [401, "API_TOKEN_WRONG"]);
  assert.deepEqual(await filesOf(server), []);
});

test("a release is taken from a publisher of this authority, for an artefact of this store and this key role", async (t) => {
  const server = await TestServer.start(t);
  const other = await TestServer.start(t);
  const { artefact, publication, artefactId } = await server.prepare(content);
  const release = async (bytes: Uint8Array): Promise<string | number | null> => {
    const reply = await replyOf(await server.release(bytes));
    return reply.code ?? reply.status;
  };
  assert.equal(await release(publication), "ARTEFACT_UNKNOWN");
  await server.upload(artefact);
  const { release: statement, sealedContentKey } = parsePublication(publication);
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1);
  assert.equal(await release(encodePublication({ release: flipped(statement), sealedContentKey })), "RELEASE_SIGNATURE_WRONG");
  const damaged = flipped(sealedContentKey ?? assert.fail());
  assert.equal(await release(encodePublication({ release: statement, sealedContentKey: damaged })), "RELEASE_KEY_WRONG");
  assert.equal(await release(encodePublication({ release: statement, sealedContentKey: Uint8Array.of(1) })), "RELEASE_KEY_WRONG");
  assert.equal(await release(publication.subarray(0, -1)), "RELEASE_MALFORMED");
  assert.equal(await release((await other.prepare(content)).publication), "RELEASE_UNTRUSTED");
  const foreign = (await other.device("gate-1")).serverDecryption;
  const publisher = await Publisher.appoint(server.folder, server.nowSeconds);
  for (const keyRole of foreign) {
    const sealedElsewhere = await publisher.prepare(content, keyRole, { nowSeconds: server.nowSeconds });
    assert.equal(await release(sealedElsewhere.publication), "SERVER_RELEASE_KEY_WRONG");
  }
  assert.equal(await release(publication), 200);
  assert.equal(await release(publication), 200);
  await server.publish("beside", { models: ["m2"] });
  const conflicting = await server.prepare("conflicting", { models: ["m2", "m1"] });
  await server.upload(conflicting.artefact);
  assert.equal(await release(conflicting.publication), "SERVER_RELEASE_CONFLICT");
  const views = (await server.operator.get(routes.releases)) as readonly ReleaseView[];
  assert.deepEqual(views.map(({ module, sequence, models, publisher: by }) => [module, sequence, models, by]).sort(), [
    ["app", 1, ["m1"], parseName("publisher")],
    ["app", 1, ["m2"], parseName("publisher")],
  ]);
  assert.ok(views.some((view) => view.artefactId === artefactId.toHex()));
});
