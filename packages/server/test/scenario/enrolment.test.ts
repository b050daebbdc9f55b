import assert from "node:assert/strict";
import { test } from "node:test";
import { enrolProofCodec, maxEnrolBytes, parseEnrolToken, pathOf, routes, statementAad, type TerminalView } from "@sealane/api";
import { sign1 } from "@sealane/cose";
import { decryptionKinds, SoftwareKey, suites, systemRandom } from "@sealane/crypto";
import { encode, encodeAs, equalBytes, hasCode, parseName } from "@sealane/wire";
import { type Device, NewDevice, post, postTogether, type Reply } from "./device.ts";
import { TestServer } from "./test-server.ts";

/** Bodies of all refusals of this file. */
const refusals: Uint8Array[] = [];

async function refusedCode(server: TestServer, send: Promise<Reply>): Promise<string> {
  const before = server.codes.length;
  const reply = await send;
  assert.deepEqual([reply.status, reply.code], [403, "ENROL_REFUSED"]);
  refusals.push(reply.body);
  return server.codes.slice(before).join(" ");
}

async function enrol(device: NewDevice, ...request: Parameters<NewDevice["request"]>): Promise<Reply> {
  return await post(device.url + routes.enrol, await device.request(...request));
}

async function prove(device: NewDevice, body: Uint8Array): Promise<Reply> {
  return await post(device.url + routes.enrolProof, body);
}

async function statuses(server: TestServer): Promise<readonly string[]> {
  const terminals = (await server.operator.get(routes.terminals)) as readonly TerminalView[];
  return terminals.map(({ name, status }) => `${name} ${status}`);
}

function spkisOf({ decryption }: NewDevice): Uint8Array[] {
  return decryption.map(({ publicKey }) => publicKey.spki);
}

function ders({ decryption }: Device): Uint8Array {
  return encode(decryption.map(({ der }) => der));
}

test("a terminal enrols with a token, and is active when it has proved every key", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  assert.deepEqual(await statuses(server), []);
  const reply = await enrol(fresh);
  assert.equal(reply.status, 200);
  assert.deepEqual(await statuses(server), ["gate-1 enrolling"]);
  assert.ok(reply.body.length < maxEnrolBytes / 4, `the reply takes ${reply.body.length} bytes`);
  const device = await fresh.deviceOf(reply.body);
  assert.deepEqual(
    [device.signing, ...device.decryption, device.serverSigning].map(({ name }) => name),
    ["gate-1", "gate-1", "gate-1", "server"],
  );
  assert.deepEqual(
    device.serverDecryption.map(({ name, publicKey }) => [name, publicKey.kind]),
    decryptionKinds.map((kind) => ["server", kind]),
  );
  assert.equal(equalBytes(device.signing.publicKey.spki, fresh.signing.publicKey.spki), true);
  for (const [i, { publicKey }] of fresh.decryption.entries()) {
    assert.equal(Buffer.compare(device.decryption[i]?.publicKey.spki ?? publicKey.raw, publicKey.spki), 0);
  }
  const { message } = await device.originate();
  assert.equal((await post(device.url + routes.links, message)).code, "LINK_REFUSED"); // not active yet
  const proof = await fresh.proof(device);
  for (const some of [device.decryption.slice(0, 1), device.decryption.slice(1), device.decryption.toReversed(), []]) {
    assert.equal(
      await refusedCode(server, prove(fresh, await fresh.proof({ ...device, signing: device.signing, decryption: some }))),
      "SERVER_PROOF_WRONG",
    );
  }
  assert.equal((await prove(fresh, proof)).status, 204);
  assert.equal((await prove(fresh, proof)).status, 204);
  assert.deepEqual(await statuses(server), ["gate-1 active"]);
  for (const suite of suites) (await device.establish(suite))[Symbol.dispose]();
});

test("a decryption certificate is readable with its own key only", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const reply = await enrol(fresh);
  const { decryptionChains } = await fresh.readReply(reply.body);
  for (const chain of decryptionChains) assert.equal(Buffer.from(reply.body).includes(chain[0] ?? reply.body), false);
  assert.equal(decryptionChains.length, 2);
  const other = new NewDevice(server.url, await server.operator.token("gate-2"), () => server.nowSeconds);
  await assert.rejects(other.readReply(reply.body), (error) => hasCode(error, "CRYPTO_OPEN_FAILED"));
});

test("the same request again gets the same certificates; other keys are refused, also after a restart", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const first = await fresh.deviceOf((await enrol(fresh)).body);
  const again = await fresh.deviceOf((await enrol(fresh)).body);
  assert.equal(equalBytes(first.signing.der, again.signing.der) && equalBytes(ders(first), ders(again)), true);
  const other = SoftwareKey.generate("ed25519");
  const otherSigner = [{ signingSpki: other.publicKey.spki }, other.signingKey()] as const;
  assert.equal(await refusedCode(server, enrol(fresh, ...otherSigner)), "SERVER_TOKEN_BOUND");
  const own = spkisOf(fresh);
  for (const [i, { publicKey }] of fresh.decryption.entries()) {
    const decryptionSpkis = own.with(i, SoftwareKey.generate(publicKey.kind).publicKey.spki);
    assert.equal(await refusedCode(server, enrol(fresh, { decryptionSpkis })), "SERVER_TOKEN_BOUND");
  }
  for (const decryptionSpkis of [own.toReversed(), own.slice(1), own.slice(0, 1)]) {
    assert.equal(await refusedCode(server, enrol(fresh, { decryptionSpkis })), "SERVER_TOKEN_BOUND");
  }
  await server.restart();
  const url = `${server.url}${routes.enrol}`;
  Object.assign(fresh, { url: server.url });
  assert.equal(await refusedCode(server, post(url, await fresh.request(...otherSigner))), "SERVER_TOKEN_BOUND");
  const third = await fresh.deviceOf((await enrol(fresh)).body);
  assert.equal(equalBytes(first.signing.der, third.signing.der), true);
});

test("of two devices with one token at once one is enrolled", async (t) => {
  const server = await TestServer.start(t);
  const one = await server.newDevice("gate-1");
  const other = SoftwareKey.generate("ed25519");
  const bodies = [await one.request(), await one.request({ signingSpki: other.publicKey.spki }, other.signingKey())];
  const replies = await postTogether(server.url + routes.enrol, bodies);
  assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 403]);
});

test("a request with another token, secret, name, model or time is refused", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const { nowSeconds } = server;
  assert.equal(await refusedCode(server, enrol(fresh, { tokenId: systemRandom.bytes(8) })), "SERVER_TOKEN_UNKNOWN");
  assert.equal(await refusedCode(server, enrol(fresh, { tokenSecret: systemRandom.bytes(32) })), "SERVER_TOKEN_MISUSED");
  assert.equal(await refusedCode(server, enrol(fresh, { name: parseName("gate-2") })), "SERVER_TOKEN_MISUSED");
  assert.equal(await refusedCode(server, enrol(fresh, { model: "m2" })), "SERVER_TOKEN_MISUSED");
  assert.equal(await refusedCode(server, enrol(fresh, { issuedAtSeconds: nowSeconds - 361 })), "SERVER_STATEMENT_STALE");
  assert.equal(await refusedCode(server, enrol(fresh, { issuedAtSeconds: nowSeconds + 61 })), "SERVER_STATEMENT_STALE");
  assert.equal((await enrol(fresh, { issuedAtSeconds: nowSeconds - 360 })).status, 200);
});

test("a request that somebody else signed, or with keys of the wrong kind, is refused", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const other = SoftwareKey.generate("ed25519").signingKey();
  assert.equal(await refusedCode(server, enrol(fresh, {}, other)), "CRYPTO_SIGNATURE_WRONG");
  const { signing, decryption } = fresh;
  assert.equal(await refusedCode(server, enrol(fresh, { decryptionSpkis: [signing.publicKey.spki] })), "PKI_KEY_WRONG");
  for (const { publicKey } of decryption) {
    assert.equal(await refusedCode(server, enrol(fresh, { signingSpki: publicKey.spki })), "CRYPTO_PUBLIC_KEY_WRONG");
    const decryptionSpkis = [publicKey.spki, SoftwareKey.generate(publicKey.kind).publicKey.spki];
    assert.equal(await refusedCode(server, enrol(fresh, { decryptionSpkis })), "SERVER_KEYS_WRONG");
  }
  assert.equal(await refusedCode(server, enrol(fresh, { decryptionSpkis: [new Uint8Array(44)] })), "CRYPTO_PUBLIC_KEY_WRONG");
  assert.deepEqual(await statuses(server), []);
  assert.equal((await enrol(fresh)).status, 200);
});

test("a request that is changed, cut or for another server is refused", async (t) => {
  const server = await TestServer.start(t);
  const elsewhere = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const body = await fresh.request();
  const foreign = await (await elsewhere.newDevice("gate-1")).request();
  const variants = [
    foreign,
    body.subarray(1),
    body.subarray(0, -1),
    new Uint8Array(1),
    ...[0, 5, 20, 60, 200].map((at) => body.with(at, (body[at] ?? 0) ^ 1)),
  ];
  for (const variant of variants) {
    const code = await refusedCode(server, post(fresh.url + routes.enrol, variant));
    assert.equal(/^(?:WIRE|COSE|CRYPTO)_/.test(code), true, code);
  }
});

test("an expired token is refused, for the request and for the proof", async (t) => {
  const server = await TestServer.start(t);
  const late = await server.newDevice("gate-1");
  const slow = await server.newDevice("gate-2");
  const device = await slow.deviceOf((await enrol(slow)).body);
  server.nowSeconds += 86_401;
  assert.equal(await refusedCode(server, enrol(late)), "SERVER_TOKEN_EXPIRED");
  assert.equal(await refusedCode(server, prove(slow, await slow.proof(device))), "SERVER_TOKEN_EXPIRED");
  await server.restart(); // purges
  Object.assign(late, { url: server.url });
  assert.equal(await refusedCode(server, enrol(late)), "SERVER_TOKEN_UNKNOWN");
});

test("a proof by another key, of another certificate or for another purpose is refused", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const device = await fresh.deviceOf((await enrol(fresh)).body);
  const { signing } = device;
  const proven = encode(device.decryption.map(({ thumbprint }) => thumbprint));
  const signed = async (key: SoftwareKey, payload: Uint8Array, label: "enrol proof" | "inbox" = "enrol proof"): Promise<Uint8Array> =>
    encodeAs(enrolProofCodec, {
      signingThumbprint: signing.thumbprint,
      signature: await sign1(key.signingKey(), { payload, externalAad: statementAad(label) }),
    });
  const own = fresh.signing;
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["CRYPTO_SIGNATURE_WRONG", await signed(SoftwareKey.generate("ed25519"), proven)],
    ["CRYPTO_SIGNATURE_WRONG", await signed(own, proven, "inbox")],
    ["SERVER_PROOF_WRONG", await signed(own, signing.thumbprint)],
    ["SERVER_PROOF_WRONG", await signed(own, new Uint8Array(0))],
    ["WIRE_TRUNCATED", (await signed(own, proven)).subarray(0, -1)],
  ];
  for (const [code, body] of cases) assert.equal(await refusedCode(server, prove(fresh, body)), code);
  const unknown = encodeAs(enrolProofCodec, {
    signingThumbprint: systemRandom.bytes(32),
    signature: await sign1(own.signingKey(), { payload: proven, externalAad: statementAad("enrol proof") }),
  });
  assert.equal(await refusedCode(server, prove(fresh, unknown)), "SERVER_TOKEN_UNKNOWN");
  assert.deepEqual(await statuses(server), ["gate-1 enrolling"]);
});

test("a new token takes the place of the one before, used or not", async (t) => {
  const server = await TestServer.start(t);
  const first = await server.newDevice("gate-1");
  const device = await first.deviceOf((await enrol(first)).body);
  const second = await server.newDevice("gate-1");
  assert.equal(await refusedCode(server, enrol(first)), "SERVER_TOKEN_UNKNOWN");
  assert.equal(await refusedCode(server, prove(first, await first.proof(device))), "SERVER_TOKEN_UNKNOWN");
  await second.enrol();
  assert.deepEqual(await statuses(server), ["gate-1 active"]);
});

test("an enrolled terminal stays active until its successor has proved its keys", async (t) => {
  const server = await TestServer.start(t);
  const former = await server.device("gate-1");
  const fresh = await server.newDevice("gate-1", "m2");
  const device = await fresh.deviceOf((await enrol(fresh)).body);
  (await former.establish())[Symbol.dispose]();
  const view = async (): Promise<TerminalView> => (await server.operator.get(pathOf(routes.terminal, "gate-1"))) as TerminalView;
  assert.equal((await view()).model, "m1");
  assert.equal((await prove(fresh, await fresh.proof(device))).status, 204);
  assert.equal((await view()).model, "m2");
  (await device.establish())[Symbol.dispose]();
  const { message } = await former.originate();
  assert.equal((await post(former.url + routes.links, message)).code, "LINK_REFUSED");
});

test("one key is not enrolled under two names", async (t) => {
  const server = await TestServer.start(t);
  const one = await server.newDevice("gate-1");
  await one.enrol();
  const two = await server.newDevice("gate-2");
  const sameSigner = [{ signingSpki: one.signing.publicKey.spki }, one.signing.signingKey()] as const;
  assert.equal(await refusedCode(server, enrol(two, ...sameSigner)), "SERVER_KEY_TAKEN");
  for (const [i, { publicKey }] of one.decryption.entries()) {
    assert.equal(await refusedCode(server, enrol(two, { decryptionSpkis: spkisOf(two).with(i, publicKey.spki) })), "SERVER_KEY_TAKEN");
  }
  // both ask before either is active: the first to prove counts
  const three = await server.newDevice("gate-3");
  const early = await two.deviceOf((await enrol(two)).body);
  Object.assign(three, { signing: two.signing });
  const late = await three.deviceOf((await enrol(three)).body);
  assert.equal((await prove(two, await two.proof(early))).status, 204);
  assert.equal(await refusedCode(server, prove(three, await three.proof(late))), "SERVER_KEY_TAKEN");
});

test("an operator's token request is checked", async (t) => {
  const server = await TestServer.start(t);
  const send = async (body: unknown): Promise<readonly [number, string | null]> => {
    const response = await server.operator.send("POST", routes.tokens, { type: "application/json", body: JSON.stringify(body) });
    const { code } = (await response.json()) as { code?: string };
    return [response.status, code ?? null];
  };
  const right = { name: "gate-1", model: "m1" };
  for (const wrong of [
    null,
    [],
    "text",
    {},
    { name: "gate-1" },
    { ...right, name: "Gate 1" },
    { ...right, name: 5 },
    { ...right, model: "" },
    { ...right, model: " m1" },
    { ...right, model: "ü" },
    { ...right, model: "x".repeat(65) },
    { ...right, lifeSeconds: 59 },
    { ...right, lifeSeconds: 31 * 86_400 },
    { ...right, lifeSeconds: 60.5 },
    { ...right, lifeSeconds: "60" },
    { ...right, extra: 1 },
  ]) {
    assert.deepEqual(await send(wrong), [400, "API_REQUEST_WRONG"], JSON.stringify(wrong));
  }
  for (const name of ["server", "anonymous"]) assert.deepEqual(await send({ ...right, name }), [409, "SERVER_NAME_TAKEN"]);
  const token = parseEnrolToken(await server.operator.token("gate-1", "m 1", 60));
  assert.deepEqual([token.url, token.name, token.model], [server.url, "gate-1", "m 1"]);
  assert.equal(equalBytes(token.fingerprint, server.fingerprint), true);
});

test("every refusal above has the same body", () => {
  assert.ok(refusals.length > 30);
  for (const body of refusals) assert.equal(equalBytes(body, refusals[0] ?? new Uint8Array(0)), true);
});
