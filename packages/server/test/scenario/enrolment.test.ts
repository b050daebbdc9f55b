import assert from "node:assert/strict";
import { test } from "node:test";
import { maxEnrolReplyBytes, parseEnrolToken, pathOf, routes, type TerminalView } from "@sealane/api";
import { SoftwareKey, standardKinds, standardSuites, systemRandom } from "@sealane/crypto";
import { encode, equalBytes, hasCode, parseName } from "@sealane/wire";
import { type Device, NewDevice, type ProofChanges, post, postTogether, type Reply } from "./device.ts";
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
  return await post(device.url + routes.enrolments, await device.request(...request));
}

async function prove(device: NewDevice, body: Uint8Array): Promise<Reply> {
  return await post(device.url + routes.enrolProof, body);
}

async function statuses(server: TestServer): Promise<readonly string[]> {
  const terminals = (await server.operator.get(routes.terminals)) as readonly TerminalView[];
  return terminals.map(({ name, status }) => `${name} ${status}`);
}

function spkisOf(keys: readonly SoftwareKey[]): Uint8Array[] {
  return keys.map(({ publicKey }) => publicKey.spki);
}

function ders({ decryption, agreement }: Device): Uint8Array {
  return encode([...decryption, ...agreement].map(({ der }) => der));
}

/** The two lists of a request. */
const lists = [
  { field: "decryptionSpkis", keysOf: ({ decryption }: NewDevice) => decryption },
  { field: "agreementSpkis", keysOf: ({ agreement }: NewDevice) => agreement },
] as const;

test("a terminal enrols with a token, and is active when it has proved every key", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  assert.deepEqual(await statuses(server), []);
  const reply = await enrol(fresh);
  assert.equal(reply.status, 200);
  assert.deepEqual(await statuses(server), ["gate-1 enrolling"]);
  assert.ok(reply.body.length < maxEnrolReplyBytes / 3, `the reply takes ${reply.body.length} bytes`);
  const device = await fresh.deviceOf(reply.body);
  assert.deepEqual(
    [device.signing, ...device.decryption, ...device.agreement].map(({ name, purpose }) => [name, purpose]),
    [
      ["gate-1", "terminal-sign"],
      ...standardKinds.decryption.map(() => ["gate-1", "terminal-decrypt"]),
      ...standardKinds.agreement.map(() => ["gate-1", "terminal-agree"]),
    ],
  );
  assert.equal(device.serverSigning.name, "server");
  assert.deepEqual(
    [...device.serverDecryption, ...device.serverAgreement].map(({ name, publicKey, purpose }) => [name, publicKey.kind, purpose]),
    [
      ...standardKinds.decryption.map((kind) => ["server", kind, "server-decrypt"]),
      ...standardKinds.agreement.map((kind) => ["server", kind, "server-agree"]),
    ],
  );
  assert.equal(equalBytes(device.signing.publicKey.spki, fresh.signing.publicKey.spki), true);
  for (const [keys, certificates] of [
    [fresh.decryption, device.decryption],
    [fresh.agreement, device.agreement],
  ] as const) {
    const certified = certificates.map(({ publicKey }) => publicKey.spki);
    assert.equal(Buffer.compare(encode(certified), encode(spkisOf(keys))), 0);
  }
  const { message } = await device.originate();
  assert.equal((await post(device.url + routes.links, message)).code, "LINK_REFUSED"); // not active yet
  const proof = await fresh.proof(device);
  const { decryption, agreement } = device;
  for (const [field, certificates] of [["decryption", decryption] as const, ["agreement", agreement] as const]) {
    for (const some of [certificates.slice(0, 1), certificates.slice(1), certificates.toReversed(), []]) {
      assert.equal(await refusedCode(server, prove(fresh, await fresh.proof(device, { own: { [field]: some } }))), "SERVER_PROOF_WRONG");
    }
  }
  const exchanged = await fresh.proof(device, { own: { decryption: agreement, agreement: decryption } });
  assert.equal(await refusedCode(server, prove(fresh, exchanged)), "SERVER_PROOF_WRONG");
  assert.equal((await prove(fresh, proof)).status, 204);
  assert.equal((await prove(fresh, proof)).status, 204);
  assert.deepEqual(await statuses(server), ["gate-1 active"]);
  for (const suite of standardSuites) (await device.establish({ suite }))[Symbol.dispose]();
});

test("a certificate for decryption or agreement is readable with its own key only", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const reply = await enrol(fresh);
  const { decryptionChains, agreementChains } = await fresh.readReply(reply.body);
  const chains = [...decryptionChains, ...agreementChains];
  for (const chain of chains) assert.equal(Buffer.from(reply.body).includes(chain[0] ?? reply.body), false);
  assert.equal(chains.length, 4);
  const other = new NewDevice(server.url, await server.operator.token("gate-2"), { now: () => server.nowSeconds });
  const { decryption, agreement } = fresh;
  for (const own of [{ decryption }, { agreement }, { decryption: agreement, agreement: decryption }]) {
    await assert.rejects(Object.assign(other, own).readReply(reply.body), (error) => hasCode(error, "CRYPTO_OPEN_FAILED"));
    Object.assign(other, new NewDevice(server.url, await server.operator.token("gate-2"), { now: () => server.nowSeconds }));
  }
});

test("the same request again gets the same certificates; other keys are refused, also after a restart", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const first = await fresh.deviceOf((await enrol(fresh)).body);
  const again = await fresh.deviceOf((await enrol(fresh)).body);
  assert.equal(equalBytes(first.signing.der, again.signing.der) && equalBytes(ders(first), ders(again)), true);
  const other = SoftwareKey.generate("ed25519");
  const otherSigner = [{ signingSpkis: [other.publicKey.spki] }, { first: other.signingKey() }] as const;
  assert.equal(await refusedCode(server, enrol(fresh, ...otherSigner)), "SERVER_TOKEN_BOUND");
  for (const { field, keysOf } of lists) {
    const own = spkisOf(keysOf(fresh));
    const exchanged = keysOf(fresh).map(({ publicKey }, i) => own.with(i, SoftwareKey.generate(publicKey.kind).publicKey.spki));
    for (const spkis of [...exchanged, own.toReversed(), own.slice(1), own.slice(0, 1)]) {
      assert.equal(await refusedCode(server, enrol(fresh, { [field]: spkis })), "SERVER_TOKEN_BOUND");
    }
  }
  const swapped = { decryptionSpkis: spkisOf(fresh.agreement), agreementSpkis: spkisOf(fresh.decryption) };
  assert.equal(await refusedCode(server, enrol(fresh, swapped)), "SERVER_TOKEN_BOUND");
  await server.restart();
  const url = `${server.url}${routes.enrolments}`;
  Object.assign(fresh, { url: server.url });
  assert.equal(await refusedCode(server, post(url, await fresh.request(...otherSigner))), "SERVER_TOKEN_BOUND");
  const third = await fresh.deviceOf((await enrol(fresh)).body);
  assert.equal(equalBytes(first.signing.der, third.signing.der), true);
});

test("a token is bound to what each key is for", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const [first, second] = spkisOf(fresh.decryption);
  const [third] = spkisOf(fresh.agreement);
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  assert.equal((await enrol(fresh, { decryptionSpkis: [first, second], agreementSpkis: [third] })).status, 200);
  const moved = { decryptionSpkis: [first], agreementSpkis: [second, third] }; // the same keys in the same order
  assert.equal(await refusedCode(server, enrol(fresh, moved)), "SERVER_TOKEN_BOUND");
});

test("of two devices with one token at once one is enrolled", async (t) => {
  const server = await TestServer.start(t);
  const one = await server.newDevice("gate-1");
  const other = SoftwareKey.generate("ed25519");
  const bodies = [await one.request(), await one.request({ signingSpkis: [other.publicKey.spki] }, { first: other.signingKey() })];
  const replies = await postTogether(server.url + routes.enrolments, bodies);
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
  assert.equal(await refusedCode(server, enrol(fresh, {}, { first: other })), "CRYPTO_SIGNATURE_WRONG");
  const { signing } = fresh;
  for (const { field, keysOf } of lists) {
    assert.equal(await refusedCode(server, enrol(fresh, { [field]: [signing.publicKey.spki] })), "SERVER_KEYS_WRONG");
    const unknown = SoftwareKey.generate("ed25519").publicKey.spki;
    assert.equal(await refusedCode(server, enrol(fresh, { [field]: [unknown] })), "SERVER_KEYS_WRONG");
    for (const { publicKey } of keysOf(fresh)) {
      assert.equal(await refusedCode(server, enrol(fresh, { signingSpkis: [publicKey.spki] })), "CRYPTO_PUBLIC_KEY_WRONG");
      const ofOneKind = [publicKey.spki, SoftwareKey.generate(publicKey.kind).publicKey.spki];
      assert.equal(await refusedCode(server, enrol(fresh, { [field]: ofOneKind })), "SERVER_KEYS_WRONG");
    }
    assert.equal(await refusedCode(server, enrol(fresh, { [field]: [new Uint8Array(44)] })), "CRYPTO_PUBLIC_KEY_WRONG");
  }
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
    ...[0, 3, 5, 20, 60, 200].map((at) => body.with(at, (body[at] ?? 0) ^ 1)),
  ];
  for (const variant of variants) {
    const code = await refusedCode(server, post(fresh.url + routes.enrolments, variant));
    assert.equal(/^(?:WIRE|COSE|CRYPTO|LINK)_/.test(code), true, code);
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
  const changes: readonly (readonly [string, ProofChanges])[] = [
    ["SERVER_PROOF_WRONG", { by: SoftwareKey.generate("ed25519").signingKey() }],
    ["SERVER_PROOF_WRONG", { label: "inbox" }],
    ["SERVER_PROOF_WRONG", { label: "enrol view" }],
    ["SERVER_PROOF_WRONG", { own: { decryption: [device.signing] } }],
    ["SERVER_TOKEN_UNKNOWN", { sent: { signingThumbprint: systemRandom.bytes(32) } }],
  ];
  for (const [code, change] of changes) assert.equal(await refusedCode(server, prove(fresh, await fresh.proof(device, change))), code);
  const proof = await fresh.proof(device);
  assert.equal(await refusedCode(server, prove(fresh, proof.subarray(0, -1))), "WIRE_TRUNCATED");
  assert.equal(await refusedCode(server, prove(fresh, proof.with(-1, (proof.at(-1) ?? 0) ^ 1))), "CRYPTO_OPEN_FAILED");
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
  const sameSigner = [{ signingSpkis: [one.signing.publicKey.spki] }, { first: one.signing.signingKey() }] as const;
  assert.equal(await refusedCode(server, enrol(two, ...sameSigner)), "SERVER_KEY_TAKEN");
  for (const { publicKey } of [...one.decryption, ...one.agreement]) {
    for (const { field, keysOf } of lists) {
      const spkis = keysOf(two).map((own) => (own.publicKey.kind === publicKey.kind ? publicKey : own.publicKey).spki);
      assert.equal(await refusedCode(server, enrol(two, { [field]: spkis })), "SERVER_KEY_TAKEN");
    }
  }
  // both ask before either is active: the first to prove counts
  const three = await server.newDevice("gate-3");
  const early = await two.deviceOf((await enrol(two)).body);
  Object.assign(three, { signing: two.signing });
  const late = await three.deviceOf((await enrol(three)).body);
  assert.equal((await prove(two, await two.proof(early))).status, 204);
  assert.equal(await refusedCode(server, prove(three, await three.proof(late))), "SERVER_KEY_TAKEN");
});

test("one key is not enrolled for two purposes, in one request or in two", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const [own, agreeing] = [spkisOf(fresh.decryption), spkisOf(fresh.agreement)];
  for (const [i, spki] of own.entries()) {
    assert.equal(await refusedCode(server, enrol(fresh, { agreementSpkis: agreeing.with(i, spki) })), "SERVER_KEYS_WRONG");
  }
  assert.deepEqual(await statuses(server), []);
  await fresh.enrol();
  const next = await server.newDevice("gate-1");
  for (const spki of own) assert.equal(await refusedCode(server, enrol(next, { agreementSpkis: [spki] })), "SERVER_KEY_TAKEN");
  for (const spki of agreeing) assert.equal(await refusedCode(server, enrol(next, { decryptionSpkis: [spki] })), "SERVER_KEY_TAKEN");
  assert.equal((await enrol(next, { decryptionSpkis: own, agreementSpkis: agreeing })).status, 200);
});

test("a device that holds an agreement key it does not prove is not enrolled", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const foreign = SoftwareKey.generate("x25519"); // whose private key this device does not have
  const agreementSpkis = spkisOf(fresh.agreement).with(1, foreign.publicKey.spki);
  const reply = await enrol(fresh, { agreementSpkis });
  await assert.rejects(fresh.readReply(reply.body), (error) => hasCode(error, "CRYPTO_OPEN_FAILED"));
  Object.assign(fresh, { agreement: [fresh.agreement[0], foreign] });
  const device = await fresh.deviceOf(reply.body);
  const agreement = device.agreement.slice(0, 1);
  assert.equal(await refusedCode(server, prove(fresh, await fresh.proof(device, { own: { agreement } }))), "SERVER_PROOF_WRONG");
  assert.deepEqual(await statuses(server), ["gate-1 enrolling"]);
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
