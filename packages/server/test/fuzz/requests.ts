import { mediaType, pathOf, routes } from "@sealane/api";
import type { TestServer } from "../scenario/test-server.ts";

/** A request as a terminal, a publisher or an operator makes it. */
export interface RealRequest {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The one answer to a stranger's faults there. */
  readonly refusal: "LINK_REFUSED" | "ENROL_REFUSED" | null;
}

const none = new Uint8Array();

/** One request for every route and method that the server has, each of which succeeds, or would for the first time. */
export async function realRequests(server: TestServer): Promise<readonly RealRequest[]> {
  const prepared = await server.publish("first");
  const next = await server.prepare("second", { version: "2.0", sequence: 2 });
  const device = await server.device("terminal-1");
  const newcomer = await server.newDevice("terminal-2");
  const unproven = await server.newDevice("terminal-3");
  const enrolled = await unproven.deviceOf(await bodyOf(await post(server.url + routes.enrolments, await unproven.request())));
  const { message } = await device.originate();
  const link = await device.establish();
  const record = device.seal(link, { kind: "offers", module: null, installed: [] });
  const licence = device.seal(link, { kind: "authorise", artefactId: prepared.artefactId });
  await server.offer(["terminal-1"]);
  const [waiting] = await device.inbox();
  if (waiting === undefined) throw new Error("The offer is not in the inbox.");
  const { reply: answer } = await device.accept(waiting.message);
  const operator = { authorization: `Bearer ${server.operatorToken}` };
  const cbor = { "content-type": mediaType.cbor };
  const json = { ...operator, "content-type": mediaType.json };
  const get = (name: string, path: string, headers: RealRequest["headers"] = {}): RealRequest => {
    return { name, method: "GET", path, headers, body: none, refusal: null };
  };
  const send = (name: string, path: string, more: Pick<RealRequest, "headers" | "body"> & Partial<RealRequest>): RealRequest => {
    return { name, method: "POST", path, refusal: null, ...more };
  };
  const records = pathOf(routes.records, link.id.toHex());
  return [
    get("health", routes.health),
    get("enrol info", routes.enrol),
    send("enrol", routes.enrolments, { headers: cbor, body: await newcomer.request(), refusal: "ENROL_REFUSED" }),
    send("enrol proof", routes.enrolProof, { headers: cbor, body: await unproven.proof(enrolled), refusal: "ENROL_REFUSED" }),
    send("link", routes.links, { headers: cbor, body: message, refusal: "LINK_REFUSED" }),
    send("answer", routes.links, { headers: cbor, body: answer, refusal: "LINK_REFUSED" }),
    send("record", records, { headers: cbor, body: record, refusal: "LINK_REFUSED" }),
    send("second record", records, { headers: cbor, body: licence, refusal: "LINK_REFUSED" }),
    send("inbox", `${routes.inbox}?after=0&wait=0`, { headers: cbor, body: await device.inboxRequest(), refusal: "LINK_REFUSED" }),
    send("inbox stream", `${routes.inbox}?wait=0`, {
      headers: { ...cbor, accept: mediaType.events, "last-event-id": "1" },
      body: await device.inboxRequest(),
      refusal: "LINK_REFUSED",
    }),
    get("download", pathOf(routes.artefact, prepared.artefactId.toHex()), { range: "bytes=10-90" }),
    { ...get("download head", pathOf(routes.artefact, prepared.artefactId.toHex())), method: "HEAD" },
    send("upload", routes.artefacts, { headers: { ...operator, "content-type": mediaType.artefact }, body: next.artefact }),
    send("release", routes.releases, { headers: { ...operator, ...cbor }, body: next.publication }),
    get("releases", routes.releases, operator),
    send("offers", routes.offers, { headers: json, body: utf8('{"terminals":["terminal-1"],"module":"app","suite":"x25519"}') }),
    get("terminals", routes.terminals, operator),
    get("terminal", pathOf(routes.terminal, "terminal-1"), operator),
    send("tokens", routes.tokens, { headers: json, body: utf8('{"name":"terminal-9","model":"m1","lifeSeconds":3600}') }),
    get("server", routes.server, operator),
  ];
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function post(url: string, body: Uint8Array): Promise<Response> {
  return await fetch(url, { method: "POST", headers: { "content-type": mediaType.cbor }, body: Uint8Array.from(body) });
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  return await response.bytes();
}
