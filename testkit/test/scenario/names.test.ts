import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { formatEnrolToken, mediaType, parseEnrolToken, routes, type TokenView } from "@sealane/api";
import { suites } from "@sealane/crypto";
import { initServer, startServer } from "@sealane/server";
import { enroll, fetchSoftware, type Terminal, terminalAt } from "@sealane/terminal";
import { decode, encode, parseName } from "@sealane/wire";
import { removeTree } from "../../src/remove-tree.ts";
import { RecordingRelay } from "../../src/scenarios/recording-relay.ts";

const name = parseName("pump-of-mr-smith");

interface Fleet {
  readonly relay: RecordingRelay;
  readonly terminal: Terminal;
  /** Works as the operator, not through the relay. */
  operate(path: string, body: unknown): Promise<unknown>;
  token(): Promise<string>;
}

/** A server with every role and every suite, and a terminal that only reaches it through a relay which keeps all that passes. */
async function fleet(t: TestContext): Promise<Fleet> {
  const parent = await mkdtemp(join(tmpdir(), "sealane-names-"));
  t.after(() => removeTree(parent));
  const folder = join(parent, "server");
  const nowSeconds = Math.floor(Date.now() / 1000);
  const { operatorToken } = await initServer({ folder, name: parseName("server"), nowSeconds, suites });
  const server = await startServer({
    folder,
    roles: ["key", "download", "ca", "operator"],
    host: "127.0.0.1",
    port: 0,
    log: { level: "silent", destination: { write: () => {} } },
  });
  t.after(() => server.close());
  const relay = await RecordingRelay.listen();
  t.after(() => relay.close());
  relay.target = server.url;
  const operate: Fleet["operate"] = async (path, body) => {
    const headers = { authorization: `Bearer ${operatorToken}`, "content-type": mediaType.json };
    const response = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return await response.json();
  };
  const token = async (): Promise<string> => {
    const view = (await operate(routes.tokens, { name, model: "m1" })) as TokenView;
    return formatEnrolToken({ ...parseEnrolToken(view.token), url: relay.url });
  };
  const terminal = terminalAt({ stateFolder: join(parent, "terminal"), environment: {} });
  return { relay, terminal, operate, token };
}

/** What tells this terminal from others: its name, and of each certificate of its own the bytes, the digest and the key. */
async function tellTales(terminal: Terminal): Promise<ReadonlyMap<string, Uint8Array>> {
  const identity = decode(await readFile(terminal.folder.identity), 1_000_000) as unknown[];
  const keyed = [identity[7], identity[8], identity[9]] as readonly (readonly [string, readonly Uint8Array[]])[][];
  const leaves = keyed.flat().map(([, chain]) => chain[0] ?? assert.fail());
  const found = new Map<string, Uint8Array>([["the name", Buffer.from(name)]]);
  for (const [at, leaf] of leaves.entries()) {
    const digest = createHash("sha256").update(leaf).digest();
    const { serialNumber } = new X509Certificate(leaf);
    found.set(`certificate ${at}`, leaf.subarray(0, 64));
    found.set(`serial number ${at}`, Buffer.from(serialNumber, "hex"));
    for (const bytes of [4, 8]) found.set(`thumbprint ${at}, ${bytes} bytes`, digest.subarray(0, bytes));
    found.set(`thumbprint ${at} as text`, Buffer.from(digest.subarray(0, 8).toString("hex")));
    found.set(`thumbprint ${at} in base64url`, Buffer.from(digest.subarray(0, 9).toString("base64url")));
  }
  assert.equal(leaves.length > 2, true);
  return found;
}

/** What of it is in these bytes, also in pieces of base64 that begin anywhere. */
function seenIn(bytes: Uint8Array, tales: ReadonlyMap<string, Uint8Array>): readonly string[] {
  const all = Buffer.from(bytes);
  const texts = all.toString("latin1").match(/[\w+/-]{24,}/g) ?? [];
  const decoded = texts.flatMap((text) => [0, 1, 2, 3].map((skipped) => Buffer.from(text.slice(skipped), "base64url")));
  const haystack = [all, ...decoded];
  return [...tales].filter(([, tale]) => haystack.some((each) => each.includes(tale))).map(([what]) => what);
}

for (const suite of suites) {
  test(`ANON KDIR: on ${suite.name} nothing that passes between enrolment and inbox names the terminal, or is the same twice`, async (t) => {
    const { relay, terminal, operate, token } = await fleet(t);
    await enroll(terminal, { token: await token(), suites: [suite.name] });
    const enrolment = relay.take();
    await operate(routes.offers, { terminals: [name], module: "app" }); // nothing is published: the inbox stays empty
    for (let i = 0; i < 2; i++) {
      await assert.rejects(fetchSoftware(terminal, { originator: "server", waitSeconds: 0 }), { code: "TERMINAL_NOTHING_WAITING" });
      await assert.rejects(fetchSoftware(terminal, { module: "app" }), { code: "TERMINAL_MODULE_UNPUBLISHED" });
    }
    const later = relay.take();
    const tales = await tellTales(terminal);
    const bytesOf = (some: typeof later): Uint8Array => Buffer.concat(some.flatMap(({ sent, received }) => [sent, received]));
    for (const some of [enrolment, later]) {
      assert.ok(bytesOf(some).length > 2_000);
      assert.deepEqual(seenIn(bytesOf(some), tales), []);
    }
    // what the two inbox requests have in common is in every other terminal's too: the route, and the hint at the server's key
    const bodies = later.flatMap(({ sent }) => bodiesIn(Buffer.from(sent).toString("latin1"), "/v1/inbox"));
    assert.equal(bodies.length >= 2, true);
    const [one = "", two = ""] = bodies;
    const heads = 40; // version, hint, and what says which algorithm
    for (let at = heads; at + 12 <= one.length; at++) assert.equal(two.includes(one.slice(at, at + 12)), false, `at ${at}`);
  });
}

test("ANON: the search above finds a name and a thumbprint, in bytes and in base64", async () => {
  const tales = new Map<string, Uint8Array>([["the name", Buffer.from(name)]]);
  const message = encode([new Uint8Array(7), name, new Uint8Array(9)]);
  assert.deepEqual(seenIn(message, tales), ["the name"]);
  for (let skipped = 0; skipped < 3; skipped++) {
    const text = `POST /x\r\nauthorization: Sealane ${Buffer.concat([new Uint8Array(skipped), message]).toString("base64url")}\r\n`;
    assert.deepEqual(seenIn(Buffer.from(text), tales), ["the name"]);
  }
  assert.deepEqual(seenIn(Buffer.from("nobody"), tales), []);
});

/** The bodies of the requests to a route in what a connection sent. */
function bodiesIn(sent: string, route: string): readonly string[] {
  return sent.split(/(?=POST \/)/).flatMap((request) => {
    const [head = "", ...rest] = request.split("\r\n\r\n");
    return head.startsWith(`POST ${route}`) ? [rest.join("\r\n\r\n")] : [];
  });
}
