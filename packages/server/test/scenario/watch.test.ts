import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import https from "node:https";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { routes } from "@sealane/api";
import { without } from "@sealane/testkit/tools";
import { hasCode } from "@sealane/wire";
import { type ServerOptions, startServer } from "../../src/index.ts";
import { replyOf } from "./device.ts";
import { TestServer } from "./test-server.ts";

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-tls-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** A certificate for 127.0.0.1 and its key, made by openssl. */
function makeCertificate(folder: string, name: string): { readonly certificateFile: string; readonly keyFile: string } {
  const [certificateFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", "-days", "2", ...key, "-out", certificateFile, ...subject], { stdio: "ignore" });
  return { certificateFile, keyFile };
}

interface TlsReply {
  readonly status: number;
  readonly protocol: string | null;
  /** Common name of the server's certificate. */
  readonly name: string;
}

async function getOverTls(url: string, options: https.RequestOptions = {}): Promise<TlsReply> {
  return await new Promise((resolve, reject) => {
    const request = https.get(url, { rejectUnauthorized: false, agent: false, ...options }, (response) => {
      const socket = response.socket as import("node:tls").TLSSocket;
      const { CN = "" } = socket.getPeerCertificate().subject;
      resolve({ status: response.statusCode ?? 0, protocol: socket.getProtocol(), name: String(CN) });
      response.resume();
    });
    request.once("error", reject);
  });
}

test("TLS 1.3 in place of plain HTTP, with a certificate that can be exchanged while the server runs", {
  skip: without("openssl"),
}, async (t) => {
  const folder = await folderOf(t);
  const tls = makeCertificate(folder, "first");
  const server = await TestServer.init(t);
  const running = await startServer(server.options({ tls }));
  t.after(() => running.close());
  assert.match(running.url, /^https:/);
  assert.deepEqual(await getOverTls(running.url + routes.health), { status: 200, protocol: "TLSv1.3", name: "first" });
  await assert.rejects(getOverTls(running.url + routes.health, { maxVersion: "TLSv1.2" }));
  const second = makeCertificate(folder, "second");
  await copyFile(second.certificateFile, tls.certificateFile);
  await assert.rejects(running.reloadCertificate(), (error) => hasCode(error, "SERVER_TLS_WRONG")); // the key is still the first one's
  assert.equal((await getOverTls(running.url + routes.health)).name, "first");
  await copyFile(second.keyFile, tls.keyFile);
  await running.reloadCertificate();
  assert.equal((await getOverTls(running.url + routes.health)).name, "second");
  await writeFile(tls.keyFile, "no key");
  await assert.rejects(startServer(server.options({ tls })), (error) => hasCode(error, "SERVER_TLS_WRONG"));
});

test("a server that can do its work is ready", async (t) => {
  const server = await TestServer.start(t);
  const reply = await fetch(server.url + routes.ready);
  assert.deepEqual([reply.status, await reply.json()], [200, { status: "ready" }]);
});

test("ANON: metrics tell what happens and nothing of who", async (t) => {
  const server = await TestServer.start(t);
  await server.publish("the software");
  const device = await server.device("gate-with-a-name");
  const link = await device.establish();
  await device.ask(link, { kind: "offers", module: null, installed: [] });
  const text = await (await fetch(server.url + routes.metrics)).text();
  assert.match(text, /sealane_links_total\{mechanism="signed-transport",suite="hybrid",originator="terminal"\} 1/);
  assert.match(text, /sealane_http_request_duration_seconds_count\{route="\/v1\/links\/:id",method="POST",status="200"\} 1/);
  for (const telling of ["gate-with-a-name", link.id.toHex(), device.signing.thumbprint.toHex()]) assert.ok(!text.includes(telling));
});

/** An address of this machine that is not loopback; null where there is none. */
function outsideAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? null;
}

interface Way {
  readonly title: string;
  readonly options: Partial<ServerOptions>;
  readonly headers: Readonly<Record<string, string>>;
  readonly operator: number;
  readonly metrics: number;
}

const forwarded = { "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https" };
const ways: readonly Way[] = [
  { title: "from this machine", options: {}, headers: {}, operator: 200, metrics: 200 },
  { title: "by a proxy here that nobody named", options: {}, headers: forwarded, operator: 403, metrics: 403 },
  {
    title: "by a trusted proxy here, over TLS",
    options: { trustedProxies: ["127.0.0.1"] },
    headers: forwarded,
    operator: 200,
    metrics: 401,
  },
  {
    title: "by a trusted proxy here, over plain HTTP",
    options: { trustedProxies: ["127.0.0.1"] },
    headers: { ...forwarded, "x-forwarded-proto": "http" },
    operator: 403,
    metrics: 403,
  },
];

for (const { title, options, headers, operator, metrics } of ways) {
  test(`operators and metrics ${title}`, async (t) => {
    const server = await TestServer.start(t, options);
    const withToken = { ...headers, authorization: `Bearer ${server.operatorToken}` };
    assert.equal((await fetch(server.url + routes.terminals, { headers: withToken })).status, operator);
    assert.equal((await fetch(server.url + routes.metrics, { headers })).status, metrics);
  });
}

test("operators off this machine are let in over TLS only, and not because they say that they are near", {
  skip: without("openssl"),
}, async (t) => {
  const host = outsideAddress();
  if (host === null) return t.diagnostic("this machine has no address but loopback");
  const tls = makeCertificate(await folderOf(t), "first");
  const server = await TestServer.init(t);
  const plain = await startServer(server.options({ host, trustedProxies: ["127.0.0.1"] }));
  t.after(() => plain.close());
  const headers = { authorization: `Bearer ${server.operatorToken}`, "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https" };
  assert.equal((await replyOf(await fetch(plain.url + routes.terminals, { headers }))).code, "SERVER_OPERATOR_REMOTE");
  assert.equal((await replyOf(await fetch(plain.url + routes.metrics, { headers }))).code, "SERVER_OPERATOR_REMOTE");
  const secured = await startServer(server.options({ host, tls }));
  t.after(() => secured.close());
  const { authorization } = headers;
  assert.equal((await getOverTls(secured.url + routes.terminals, { headers: { authorization } })).status, 200);
  assert.equal((await getOverTls(secured.url + routes.terminals)).status, 401);
});

test("rate limits count the client behind a trusted proxy, and nobody can choose an address", async (t) => {
  const limits = { requestsPerMinute: 3, linksPerMinute: 3, enrolmentsPerMinute: 3 };
  const server = await TestServer.init(t);
  const trusting = await startServer({ ...server.options(), limits, trustedProxies: ["127.0.0.1"] });
  t.after(() => trusting.close());
  const untrusting = await startServer({ ...server.options(), limits });
  t.after(() => untrusting.close());
  const statuses = async (url: string): Promise<readonly number[]> => {
    const all: number[] = [];
    for (let client = 1; client <= 6; client++) {
      const headers = { "x-forwarded-for": `203.0.113.${client}` };
      all.push((await fetch(url + routes.enrol, { headers })).status);
    }
    return all;
  };
  assert.deepEqual(await statuses(trusting.url), [200, 200, 200, 200, 200, 200]);
  assert.deepEqual(await statuses(untrusting.url), [200, 200, 200, 429, 429, 429]);
});
