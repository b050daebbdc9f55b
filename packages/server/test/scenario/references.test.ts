import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { mediaType, pathOf, referenceHeader, routes, type TerminalRequest } from "@sealane/api";
import { artefactId } from "@sealane/wire";
import { everyMechanism, TestServer } from "./test-server.ts";

type Line = Readonly<Record<string, unknown>>;

const linesOf = (server: TestServer): readonly Line[] => server.log.map((line) => JSON.parse(line) as Line);

async function send(url: string, body: Uint8Array | null, type: string = mediaType.cbor): Promise<Response> {
  const method = body === null ? {} : { method: "POST", body: Uint8Array.from(body) };
  const response = await fetch(url, { ...method, headers: { "content-type": type } });
  await response.bytes();
  return response;
}

const referenceOf = (response: Response): string => response.headers.get(referenceHeader) ?? assert.fail(response.url);

const nobody = artefactId(new Uint8Array(32));
const offers: TerminalRequest = { kind: "offers", module: "app", installed: [] };
const authorise: TerminalRequest = { kind: "authorise", artefactId: nobody };

test("both ends of a refusal have one reference, at each step of a link and of an enrolment, and at the operator's routes", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  using link = await device.establish();
  const { message } = await device.originate();
  const damaged = message.with(-1, (message.at(-1) ?? 0) ^ 1);
  const unasked = "0".repeat(32);
  const refused: readonly (readonly [code: string, route: string, response: Response])[] = [
    ["WIRE_", routes.links, await send(server.url + routes.links, new Uint8Array(9))],
    ["", routes.links, await send(server.url + routes.links, damaged)],
    ["SERVER_LINK_UNKNOWN", routes.records, await send(server.url + pathOf(routes.records, unasked), new Uint8Array(40))],
    ["", routes.records, await send(device.recordsOf(link), new Uint8Array(40))],
    ["API_REQUEST_WRONG", routes.records, await send(`${server.url}${routes.links}/x`, new Uint8Array(40))],
    ["", routes.inbox, await send(server.url + routes.inbox, new Uint8Array(40))],
    ["", routes.enrolments, await send(server.url + routes.enrolments, new Uint8Array(40))],
    ["", routes.enrolProof, await send(server.url + routes.enrolProof, new Uint8Array(40))],
    ["API_TOKEN_WRONG", routes.releases, await send(server.url + routes.releases, null)],
  ];
  const nowhere = await send(`${server.url}/v1/nowhere`, null);
  const unreadable = await new Promise<string>((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const pieces: string[] = [];
    const socket = connect(Number(port), hostname, () => socket.write("nonsense\r\n\r\n"));
    socket.on("data", (piece) => pieces.push(String(piece)));
    socket.once("end", () => resolve(pieces.join(""))).once("error", reject);
  });
  await server.stop();
  const lines = linesOf(server);
  for (const [code, route, response] of refused) {
    const own = lines.filter(({ reference }) => reference === referenceOf(response));
    assert.equal(own.length, 1, route);
    assert.equal(own[0]?.["route"], route);
    assert.ok(String(own[0]?.["code"]).startsWith(code), `${route} ${String(own[0]?.["code"])}`);
    assert.equal("terminal" in (own[0] ?? {}), false); // nothing was proven
  }
  const references = [...refused.map(([, , response]) => response), nowhere].map(referenceOf);
  references.push(/sealane-reference: ([0-9a-f]{16})\r\n/.exec(unreadable)?.[1] ?? assert.fail(unreadable));
  assert.equal(new Set(references).size, references.length);
  for (const reference of references) {
    assert.match(reference, /^[0-9a-f]{16}$/);
    assert.ok(lines.some((line) => line["reference"] === reference && typeof line["code"] === "string"));
  }
});

test("the log says which terminal did what on which link once it is proven, and a refusal inside a link has its reference too", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  using link = await device.establish();
  await device.fetchInbox();
  const asked = await send(device.recordsOf(link), device.seal(link, offers));
  const { artefact } = await server.publish("v1", { module: "app" });
  assert.ok(artefact.length > 0);
  using other = await device.establish();
  const refused = await send(device.recordsOf(other), device.seal(other, authorise));
  const metrics = await (await fetch(server.url + routes.metrics)).text();
  await server.stop();
  const lines = linesOf(server);
  const lineOf = (response: Response, msg: string): Line | undefined =>
    lines.find((line) => line["reference"] === referenceOf(response) && line["msg"] === msg);
  const about = (line: Line | undefined): readonly unknown[] => ["terminal", "link", "module", "asked", "code"].map((name) => line?.[name]);
  const short = (of: { readonly id: Uint8Array }): string => of.id.subarray(0, 4).toHex();
  assert.deepEqual(about(lineOf(asked, "done")), ["gate-1", short(link), "app", "offers", undefined]);
  assert.deepEqual(about(lineOf(refused, "refused inside a link")), ["gate-1", short(other), undefined, "authorise", "RELEASE_UNKNOWN"]);
  for (const route of [routes.enrolments, routes.enrolProof, routes.inbox]) {
    assert.ok(
      lines.some((line) => line["route"] === route && line["terminal"] === "gate-1"),
      route,
    );
  }
  const opening = lines.find((line) => line["route"] === routes.links && line["link"] === short(link));
  assert.deepEqual(about(opening), [undefined, short(link), undefined, undefined, undefined]); // its first record proves the terminal
  assert.ok(metrics.includes('sealane_link_requests_total{asked="offers",code="none"} 1'));
  assert.ok(metrics.includes('sealane_link_requests_total{asked="authorise",code="RELEASE_UNKNOWN"} 1'));
  assert.ok(!metrics.includes("gate-1"));
});

test("ANON: lines of a terminal without a name have neither reference nor link nor module, refused or not", async (t) => {
  const server = await TestServer.start(t, { policy: everyMechanism });
  const device = await server.device("gate-1");
  const before = server.log.length;
  for (const mechanism of ["anonymous-transport", "anonymous-agreement"] as const) {
    using link = await device.establish({ mechanism });
    await device.ask(link, offers);
    const inside = await send(device.recordsOf(link), device.seal(link, authorise));
    const outside = await send(device.recordsOf(link), new Uint8Array(40));
    const { message } = await device.originate({ mechanism });
    server.nowSeconds += 86_400;
    const late = await send(server.url + routes.links, message);
    assert.deepEqual(
      [inside, outside, late].map(({ status, headers }) => [status, headers.get(referenceHeader)]),
      [
        [200, null],
        [403, null],
        [403, null],
      ],
    );
  }
  const plain = [pathOf(routes.artefact, "0".repeat(64)), pathOf(routes.artefact, "x"), `${routes.broadcasts}?after=x`];
  for (const path of [...plain, routes.broadcasts]) {
    const response = await send(server.url + path, null);
    assert.equal(response.headers.get(referenceHeader), null, path);
  }
  await server.stop();
  const lines = linesOf(server).slice(before);
  assert.ok(lines.length >= 14);
  const known = ["level", "time", "reqId", "method", "route", "status", "milliseconds", "code", "causes", "msg"];
  for (const line of lines)
    assert.deepEqual(
      Object.keys(line).filter((name) => !known.includes(name)),
      [],
      JSON.stringify(line),
    );
});
