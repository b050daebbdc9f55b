import assert from "node:assert/strict";
import { test } from "node:test";
import { routes, type TerminalView } from "@sealane/api";
import { sign1 } from "@sealane/cose";
import { keyKindsOf, SoftwareKey, type Suite, standardSuites, suiteNamed } from "@sealane/crypto";
import { type CborValue, equalBytes } from "@sealane/wire";
import { type Device, type NewDevice, post, type Reply, type RequestSigners } from "./device.ts";
import { everyMechanism, TestServer } from "./test-server.ts";

/** Terminals with several keys that sign, at a server that has them too. */
const pq = suiteNamed("pq");
const suites: readonly Suite[] = [...standardSuites, pq];
const orders: readonly (readonly Suite[])[] = [
  [pq, ...standardSuites],
  [...standardSuites, pq],
];

async function startServer(...[t, options]: Parameters<typeof TestServer.start>): Promise<TestServer> {
  return await TestServer.start(t, options, suites);
}

async function refusedCode(server: TestServer, send: Promise<Reply>): Promise<string> {
  const before = server.codes.length;
  const { status, code } = await send;
  assert.deepEqual([status, code], [403, "ENROL_REFUSED"]);
  return server.codes.slice(before).join(" ");
}

async function enrol(device: NewDevice, ...request: Parameters<NewDevice["request"]>): Promise<Reply> {
  return await post(device.url + routes.enrolments, await device.request(...request));
}

async function prove(device: NewDevice, ...proof: Parameters<NewDevice["proof"]>): Promise<Reply> {
  return await post(device.url + routes.enrolProof, await device.proof(...proof));
}

function signingSpkis({ signing, alsoSigning }: NewDevice): readonly Uint8Array[] {
  return [signing, ...alsoSigning].map(({ publicKey }) => publicKey.spki);
}

/** What the server says to M1 of a link that the device begins. */
async function codeOfLink(server: TestServer, device: Device, suite: Suite): Promise<string> {
  const before = server.codes.length;
  const { message } = await device.originate({ suite });
  const { code } = await post(device.url + routes.links, message);
  return code === null ? "accepted" : server.codes.slice(before).join(" ");
}

for (const order of orders) {
  const title = order.map(({ name }) => name).join(", ");

  test(`EQ1 EQ5 KDIR KCERT: a terminal with keys for ${title} enrols, and links are begun on each by either side`, async (t) => {
    const server = await startServer(t);
    await server.publish("the software");
    const fresh = await server.newDevice("gate-1", "m1", order);
    const device = await fresh.enrol();
    const kinds = keyKindsOf(order);
    assert.deepEqual(
      [device.signing, ...device.alsoSigning].map(({ name, purpose, publicKey }) => [name, purpose, publicKey.kind]),
      kinds.signing.map((kind) => ["gate-1", "terminal-sign", kind]),
    );
    assert.deepEqual(
      device.serverSigners.map(({ name, purpose, publicKey }) => [name, purpose, publicKey.kind]),
      keyKindsOf(suites).signing.map((kind) => ["server", "server-sign", kind]),
    );
    for (const suite of suites) {
      for (const sendCertificate of [true, false]) (await device.establish({ suite, sendCertificate }))[Symbol.dispose]();
      await server.offer([device.name], "app", { suite });
      const waiting = await device.inbox(); // by the first key
      const { link } = await device.join(waiting.at(-1)?.message ?? new Uint8Array(0));
      const { kind } = await device.ask(link, { kind: "offers", module: null, installed: [] });
      assert.equal(kind, "offers");
      link[Symbol.dispose]();
    }
  });
}

test("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR: a terminal with keys for pq alone fetches by every mechanism", async (t) => {
  const server = await startServer(t, { policy: everyMechanism });
  await server.publish("the software");
  const device = await (await server.newDevice("gate-1", "m1", [pq])).enrol();
  for (const mechanism of everyMechanism.system) {
    if (mechanism.endsWith("-broadcast")) continue;
    (await device.establish({ mechanism, suite: pq }))[Symbol.dispose]();
  }
  const { message } = await device.originate({ suite: pq });
  assert.equal((await post(device.url + routes.links, message)).status, 200);
});

test("KCERT: a request is refused unless each of its signing keys has signed it, once and in its place", async (t) => {
  const server = await startServer(t);
  const fresh = await server.newDevice("gate-1", "m1", orders[0]);
  const stranger = SoftwareKey.generate("ed25519").signingKey();
  const own = fresh.alsoSigning[0]?.signingKey() ?? assert.fail();
  const changed = (made: readonly CborValue[], at: number, change: (item: CborValue) => CborValue): readonly CborValue[] => {
    const [first] = made as readonly (readonly CborValue[])[];
    assert.ok(first !== undefined);
    return [first.with(at, change(first[at] ?? null))];
  };
  const flipped = (bytes: CborValue): CborValue => (bytes instanceof Uint8Array ? bytes.with(5, (bytes[5] ?? 0) ^ 1) : assert.fail());
  const cases: Readonly<Record<string, readonly [NonNullable<RequestSigners["others"]>, string]>> = {
    missing: [async () => [], "SERVER_KEYS_WRONG"],
    doubled: [async (made) => [...made, ...made], "SERVER_KEYS_WRONG"],
    null: [async () => [null], "COSE_STRUCTURE_WRONG"],
    "with a bit changed": [async (made) => changed(made, 3, flipped), "CRYPTO_SIGNATURE_WRONG"],
    "of another key of its kind": [async (_, input) => [await sign1(stranger, input)], "CRYPTO_SIGNATURE_WRONG"],
    "of the first key": [async (_, input) => [await sign1(fresh.signing.signingKey(), input)], "COSE_HEADER_WRONG"],
    "over something else": [async (_, input) => [await sign1(own, { ...input, payload: new Uint8Array(9) })], "CRYPTO_SIGNATURE_WRONG"],
    "for another statement": [
      async (_, input) => [await sign1(own, { ...input, externalAad: new Uint8Array(9) })],
      "CRYPTO_SIGNATURE_WRONG",
    ],
    "with its payload attached": [async (_, input) => [await sign1(own, { ...input, detached: false })], "COSE_STRUCTURE_WRONG"],
  };
  for (const [what, [others, expected]] of Object.entries(cases)) {
    assert.equal(await refusedCode(server, enrol(fresh, {}, { others })), expected, `a signature that is ${what}`);
  }
  assert.equal(
    await refusedCode(server, enrol(fresh, {}, { first: SoftwareKey.generate("ml-dsa-65").signingKey() })),
    "CRYPTO_SIGNATURE_WRONG",
  );
  assert.equal(await refusedCode(server, enrol(fresh, { signingSpkis: signingSpkis(fresh).slice(0, 1) })), "SERVER_KEYS_WRONG");
  assert.equal(await refusedCode(server, enrol(fresh, { signingSpkis: signingSpkis(fresh).toReversed() })), "COSE_HEADER_WRONG");
  assert.equal((await enrol(fresh)).status, 200);
});

test("KCERT: two keys of one kind, or a key for two purposes, are refused", async (t) => {
  const server = await startServer(t);
  const fresh = await server.newDevice("gate-1", "m1", orders[0]);
  for (const [at, key] of [fresh.signing, ...fresh.alsoSigning].entries()) {
    const second = SoftwareKey.generate(key.publicKey.kind);
    const others: RequestSigners["others"] = async (_, input) => [await sign1(second.signingKey(), input)];
    const first = at === 0 ? {} : { first: key.signingKey() };
    const twice = { signingSpkis: [key.publicKey.spki, second.publicKey.spki] };
    assert.equal(await refusedCode(server, enrol(fresh, twice, { ...first, others })), "SERVER_KEYS_WRONG");
    const same = { signingSpkis: [key.publicKey.spki, key.publicKey.spki] };
    assert.equal(await refusedCode(server, enrol(fresh, same, first)), "SERVER_KEYS_WRONG");
    for (const field of ["decryptionSpkis", "agreementSpkis"] as const) {
      assert.equal(await refusedCode(server, enrol(fresh, { [field]: [key.publicKey.spki] })), "SERVER_KEYS_WRONG");
    }
  }
  const agreement = fresh.agreement[0] ?? assert.fail();
  const signs = { signingSpkis: [...signingSpkis(fresh), agreement.publicKey.spki] };
  const notSigning: RequestSigners["others"] = async (made) => [...made, ...made];
  assert.equal(await refusedCode(server, enrol(fresh, signs, { others: notSigning })), "CRYPTO_PUBLIC_KEY_WRONG");
  assert.equal((await enrol(fresh)).status, 200);
});

test("a token is bound to the further signing keys too, and the proof names them", async (t) => {
  const server = await startServer(t);
  const fresh = await server.newDevice("gate-1", "m1", orders[0]);
  const device = await fresh.deviceOf((await enrol(fresh)).body);
  const again = await fresh.deviceOf((await enrol(fresh)).body);
  assert.deepEqual(
    [again.signing, ...again.alsoSigning].map(({ der }) => der.toHex()),
    [device.signing, ...device.alsoSigning].map(({ der }) => der.toHex()),
  );
  const other = SoftwareKey.generate("ed25519");
  const exchanged = { signingSpkis: [fresh.signing.publicKey.spki, other.publicKey.spki] };
  const others: RequestSigners["others"] = async (_, input) => [await sign1(other.signingKey(), input)];
  assert.equal(await refusedCode(server, enrol(fresh, exchanged, { others })), "SERVER_TOKEN_BOUND");
  const less = { signingSpkis: [fresh.signing.publicKey.spki] };
  assert.equal(await refusedCode(server, enrol(fresh, less, { others: async () => [] })), "SERVER_TOKEN_BOUND");
  const { signing, alsoSigning } = device;
  for (const wrong of [[], alsoSigning.toReversed().concat(alsoSigning), [signing]]) {
    assert.equal(await refusedCode(server, prove(fresh, device, { own: { alsoSigning: wrong } })), "SERVER_PROOF_WRONG");
  }
  assert.equal((await prove(fresh, device)).status, 204);
  assert.equal((await prove(fresh, device)).status, 204);
});

test("a signing key is enrolled under one name only, be it the first there or a further one", async (t) => {
  const server = await startServer(t);
  const one = await server.newDevice("gate-1", "m1", orders[0]);
  await one.enrol();
  const [mlDsa, ed25519] = [one.signing, one.alsoSigning[0] ?? assert.fail()];
  const taken: readonly (readonly [SoftwareKey, SoftwareKey])[] = [
    [mlDsa, SoftwareKey.generate("ed25519")],
    [ed25519, SoftwareKey.generate("ml-dsa-65")],
    [SoftwareKey.generate("ed25519"), mlDsa],
    [SoftwareKey.generate("ml-dsa-65"), ed25519],
  ];
  for (const [signing, further] of taken) {
    const two = Object.assign(await server.newDevice("gate-2", "m1", orders[0]), { signing, alsoSigning: [further] });
    assert.equal(await refusedCode(server, enrol(two)), "SERVER_KEY_TAKEN");
  }
  const two = Object.assign(await server.newDevice("gate-2", "m1", [suiteNamed("x25519")]), { signing: ed25519 });
  assert.equal(await refusedCode(server, enrol(two)), "SERVER_KEY_TAKEN");
});

test("EQ5 KDIR: the same terminal enrols anew, with new keys, with its keys in another order, or with fewer", async (t) => {
  const server = await startServer(t);
  const first = await server.newDevice("gate-1", "m1", orders[0]);
  const former = await first.enrol();
  const next = await server.newDevice("gate-1", "m1", orders[0]);
  const current = await next.enrol();
  for (const suite of suites) {
    assert.match(await codeOfLink(server, former, suite), /LINK_PEER_UNKNOWN/);
    assert.equal(await codeOfLink(server, current, suite), "accepted");
  }
  const { signing, alsoSigning, decryption, agreement } = next;
  const turned = Object.assign(await server.newDevice("gate-1", "m1", orders[1]), {
    signing: alsoSigning[0] ?? assert.fail(),
    alsoSigning: [signing],
    decryption,
    agreement,
  });
  const renewed = await turned.enrol();
  assert.equal(equalBytes(renewed.signing.publicKey.spki, current.alsoSigning[0]?.publicKey.spki ?? new Uint8Array(0)), true);
  for (const suite of suites) {
    assert.match(await codeOfLink(server, current, suite), /LINK_PEER_UNKNOWN/);
    assert.equal(await codeOfLink(server, renewed, suite), "accepted");
  }
  const standard = Object.assign(await server.newDevice("gate-1"), { signing: turned.signing });
  const last = await standard.enrol();
  for (const suite of standardSuites) assert.equal(await codeOfLink(server, last, suite), "accepted");
  assert.match(await codeOfLink(server, renewed, pq), /LINK_PEER_UNKNOWN/);
  const terminals = (await server.operator.get(routes.terminals)) as readonly TerminalView[];
  assert.deepEqual(
    terminals.map(({ name, status }) => `${name} ${status}`),
    ["gate-1 active"],
  );
});

test("KCERT: a terminal is known by its first key; a further one signs no request for the inbox", async (t) => {
  const server = await startServer(t);
  const fresh = await server.newDevice("gate-1", "m1", orders[0]);
  const device = await fresh.enrol();
  assert.deepEqual(await device.inbox(), []);
  const [other] = device.alsoSigning;
  Object.assign(fresh, { signing: fresh.alsoSigning[0], alsoSigning: [] });
  Object.assign(device, { signing: other, alsoSigning: [] });
  await assert.rejects(device.inbox(), /inbox refused: LINK_REFUSED/);
});
