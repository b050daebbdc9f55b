import assert from "node:assert/strict";
import net from "node:net";
import { describe, type TestContext, test } from "node:test";
import { apiErrors, mediaType, type TerminalRequest, terminalRequestCodec } from "@sealane/api";
import { coseErrors } from "@sealane/cose";
import { cryptoErrors } from "@sealane/crypto";
import { linkErrors } from "@sealane/link";
import { pkiErrors } from "@sealane/pki";
import { softwareErrors } from "@sealane/software";
import { FuzzFinding, type FuzzTarget, fuzz, fuzzEffort } from "@sealane/testkit/fuzz";
import { type ErrorEntry, encodeAs, SealaneError, wireErrors } from "@sealane/wire";
import { serverErrors } from "../../src/errors.ts";
import { post } from "../scenario/device.ts";
import { TestServer } from "../scenario/test-server.ts";
import { type RealRequest, realRequests } from "./requests.ts";

/** What the server may hold beyond what it held before, in MiB. */
const memoryLimit = 300;

/** Codes that the transport's faults have on every route. */
const transport = ["API_REQUEST_WRONG", "API_VERSION_UNSUPPORTED", "API_BODY_TOO_LARGE", "API_ROUTE_UNKNOWN"];
const tables = [apiErrors, serverErrors, softwareErrors, linkErrors, pkiErrors, coseErrors, cryptoErrors, wireErrors];
const known: ReadonlyMap<string, ErrorEntry> = new Map(tables.flatMap(({ entries }) => Object.entries<ErrorEntry>(entries)));

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Throws the server's refusal, or what is wrong with its reply: a failure of its own, a code nobody knows, too much told. */
function judge(request: RealRequest, { status, contentType, body }: Reply): void {
  if (status < 400) return;
  if (status >= 500) throw new FuzzFinding(`${request.name}: status ${status}: ${body}`);
  if (!contentType.startsWith(mediaType.problem)) throw new FuzzFinding(`${request.name}: status ${status} without a problem document`);
  const { code } = JSON.parse(body) as { readonly code: string };
  const entry = known.get(code);
  if (entry === undefined) throw new FuzzFinding(`${request.name}: unknown code ${code}`);
  if (entry.http !== status) throw new FuzzFinding(`${request.name}: ${code} with status ${status}`);
  const { refusal } = request;
  if (refusal !== null && code !== refusal && !transport.includes(code)) throw new FuzzFinding(`${request.name}: tells a stranger ${code}`);
  throw new SealaneError(code, entry, {});
}

/** Sends a changed body with the right length. */
async function sendBody(server: TestServer, request: RealRequest, body: Uint8Array): Promise<Reply> {
  const { method, path, headers } = request;
  const response = await fetch(server.url + path, { method, headers, body: Uint8Array.from(body) });
  return { status: response.status, contentType: response.headers.get("content-type") ?? "", body: await response.text() };
}

function rawOf({ method, path, headers, body }: RealRequest): Uint8Array {
  const all = Object.entries({ host: "127.0.0.1", connection: "close", ...headers, "content-length": String(body.length) });
  const head = `${method} ${path} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

/** Sends bytes as they are, half-closes, and gives everything that comes back. */
async function sendRaw(url: string, bytes: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let text = "";
  socket.on("data", (piece) => {
    text += piece.toString("latin1");
  });
  socket.once("error", () => resolve(text)); // ended by the server before it had read all
  socket.once("close", () => resolve(text));
  socket.once("end", () => socket.end());
  socket.end(bytes);
  return await promise;
}

/** Every reply on a connection must be one of HTTP, and none a failure of the server's own. */
function judgeRaw(request: RealRequest, text: string): void {
  for (const [, status = ""] of text.matchAll(/(?:^|\r\n\r\n|[}\]])HTTP\/1\.1 (\d{3}) /g)) {
    // 503: an inbox is full of offers whose change did not matter; 501 and 505 are the HTTP parser's.
    if (status === "500" || status === "502" || status === "507") throw new FuzzFinding(`${request.name}: ${text.slice(0, 400)}`);
  }
}

/** Nothing was met that nobody had thought of, and the server still does its work in bounded memory. */
async function requireSound(server: TestServer, peakBefore: number): Promise<void> {
  const failed = server.log.map((line) => JSON.parse(line) as { readonly msg?: string }).filter(({ msg }) => msg === "failed");
  assert.deepEqual(failed, []);
  const device = await server.device(`after-${server.log.length}`);
  const link = await device.establish();
  assert.equal((await device.ask(link, { kind: "offers", module: null, installed: [] })).kind, "offers");
  const peak = residentPeak();
  assert.ok(peak - peakBefore < memoryLimit, `${peak - peakBefore} MiB more than before`);
}

function residentPeak(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

async function prepared(
  t: TestContext,
): Promise<{ readonly server: TestServer; readonly requests: readonly RealRequest[]; readonly before: number }> {
  // A stream whose `wait` was changed does not wait; uploads that broke off may not have ended yet when the next one comes.
  const server = await TestServer.start(t, { limits: { inboxStreamSeconds: 0.1, maxUploads: 64 } });
  return { server, requests: await realRequests(server), before: residentPeak() };
}

describe("every route, with changed real requests", () => {
  test("changed bodies: refused by a listed code, and strangers by one code a route", async (t) => {
    const { server, requests, before } = await prepared(t);
    for (const request of requests.filter(({ body }) => body.length > 0)) {
      const target: FuzzTarget = {
        name: request.name,
        corpus: [request.body],
        feed: async (input) => judge(request, await sendBody(server, request, input)),
      };
      const { runs, codes } = await fuzz(target, fuzzEffort(60));
      process.stdout.write(`${request.name}: ${runs} bodies, ${JSON.stringify([...codes])}\n`);
      if (request.refusal !== null) assert.equal(codes.get("accepted"), undefined, `${request.name} accepted a changed body`);
    }
    await requireSound(server, before);
  });

  test("changed requests as bytes on the wire: answered or hung up on, and the next one is served", async (t) => {
    const { server, requests, before } = await prepared(t);
    for (const request of requests) {
      const target: FuzzTarget = {
        name: `raw ${request.name}`,
        corpus: [rawOf(request)],
        feed: async (input) => judgeRaw(request, await sendRaw(server.url, input)),
      };
      await fuzz(target, fuzzEffort(40));
    }
    await requireSound(server, before);
  });

  test("changed requests inside a link: refused there, and the link stays usable", async (t) => {
    const { server, before } = await prepared(t);
    const device = await server.device("insider");
    const link = await device.establish();
    const request: TerminalRequest = { kind: "offers", module: "app", installed: [{ module: "app", version: "1.0", sequence: 1 }] };
    const target: FuzzTarget = {
      name: "inside a link",
      corpus: [encodeAs(terminalRequestCodec, request)],
      feed: async (input) => {
        const { status, body, code } = await post(device.recordsOf(link), link.seal(input, server.nowSeconds));
        if (status !== 200) throw new FuzzFinding(`the link ended with ${code}`);
        device.open(link, body);
      },
    };
    await fuzz(target, fuzzEffort(150));
    assert.equal((await device.ask(link, request)).kind, "offers");
    await requireSound(server, before);
  });
});
