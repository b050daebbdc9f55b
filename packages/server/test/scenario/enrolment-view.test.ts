import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChainList, type EnrolView, mediaType, type PartyChains, routes, type TerminalView } from "@sealane/api";
import { SoftwareKey, standardSuites, suiteNamed, systemRandom } from "@sealane/crypto";
import { digest, encode, equalBytes, hasCode, parseName } from "@sealane/wire";
import { type NewDevice, type ProofChanges, post, replyOf } from "./device.ts";
import { TestServer } from "./test-server.ts";

async function codeOfProof(server: TestServer, device: NewDevice, changes: ProofChanges = {}, replyTo?: Uint8Array): Promise<string> {
  const before = server.codes.length;
  const body = replyTo ?? (await enrol(device));
  const reply = await post(server.url + routes.enrolProof, await device.proof(await device.deviceOf(body), changes));
  if (reply.status === 204) return "active";
  assert.deepEqual([reply.status, reply.code], [403, "ENROL_REFUSED"]);
  return server.codes.slice(before).join(" ");
}

async function enrol(device: NewDevice, ...request: Parameters<NewDevice["request"]>): Promise<Uint8Array> {
  const { status, body } = await post(device.url + routes.enrolments, await device.request(...request));
  assert.equal(status, 200);
  return body;
}

/** Chains without the first, with one more, in another order, and with another in the first one's place. */
function changed(chains: ChainList): readonly ChainList[] {
  const [first = []] = chains;
  return [chains.slice(1), [...chains, first], chains.toReversed(), [[...first, first[0] ?? new Uint8Array(0)], ...chains.slice(1)]].filter(
    (each) => each.length > 0 && !equalBytes(encode(each), encode(chains)),
  );
}

function changedParty(chains: PartyChains): readonly PartyChains[] {
  const fields = ["signingChains", "decryptionChains", "agreementChains"] as const;
  return fields.flatMap((field) => changed(chains[field]).map((each) => ({ ...chains, [field]: each })));
}

test("KCERT: a terminal that saw other chains, names or suites than the server has is not made active", async (t) => {
  const suites = [...standardSuites, suiteNamed("pq")];
  const server = await TestServer.start(t, {}, suites);
  const fresh = await server.newDevice("gate-1", "m1", suites);
  const body = await enrol(fresh);
  const device = await fresh.deviceOf(body);
  const { serverChains, serverSuiteNumbers } = device.enrolled.reply;
  const chainsOf = (certificates: typeof device.decryption): ChainList => certificates.map(({ chain }) => chain);
  const own = {
    signingChains: chainsOf([device.signing, ...device.alsoSigning]),
    decryptionChains: chainsOf(device.decryption),
    agreementChains: chainsOf(device.agreement),
  };
  const views: readonly Partial<EnrolView>[] = [
    ...changedParty(serverChains).map((each) => ({ serverChains: each })),
    ...changedParty(own).map((each) => ({ terminalChains: each })),
    { serverSuiteNumbers: serverSuiteNumbers.slice(1) },
    { serverSuiteNumbers: serverSuiteNumbers.toReversed() },
    { serverName: parseName("other") },
    { requestDigest: digest(systemRandom.bytes(32)) },
  ];
  assert.ok(views.length > 20);
  for (const view of views) assert.equal(await codeOfProof(server, fresh, { view }, body), "SERVER_PROOF_WRONG");
  const [terminal] = (await server.operator.get(routes.terminals)) as readonly TerminalView[];
  assert.equal(terminal?.status, "enrolling");
  assert.equal(await codeOfProof(server, fresh, {}, body), "active");
});

test("KCERT: what the server confirmed in another enrolment, or what somebody else signed, confirms nothing", async (t) => {
  const server = await TestServer.start(t);
  const elsewhere = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const other = await server.newDevice("gate-2");
  const first = await fresh.deviceOf(await enrol(fresh));
  const again = await fresh.deviceOf(await enrol(fresh)); // the same keys: the same certificates, and another confirmation
  assert.equal(equalBytes(first.signing.der, again.signing.der), true);
  const body = await enrol(fresh);
  const strangers = await (await elsewhere.newDevice("gate-1")).enrol();
  const { confirmation } = first.enrolled.reply;
  const wrongs: readonly ProofChanges[] = [
    { sent: { confirmation } },
    { sent: { requestDigest: first.enrolled.requestDigest } },
    { sent: { confirmation: again.enrolled.reply.confirmation } },
    { sent: { confirmation: (await other.deviceOf(await enrol(other))).enrolled.reply.confirmation } },
    { sent: { confirmation: strangers.enrolled.reply.confirmation } },
    { by: SoftwareKey.generate("ed25519").signingKey() },
  ];
  for (const wrong of wrongs) assert.equal(await codeOfProof(server, fresh, wrong, body), "SERVER_PROOF_WRONG");
  // of two replies to a repeated request either may be the one that arrived
  const proof = await fresh.proof(first);
  assert.equal((await post(server.url + routes.enrolProof, proof)).status, 204);
  assert.equal(await codeOfProof(server, fresh, {}, body), "active");
});

test("KCERT: a reply is for the request that asked for it: another key opens none, not even that of the same terminal", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const replyKey = systemRandom.bytes(32);
  const first = await enrol(fresh, { replyKey: Uint8Array.from(replyKey) });
  await enrol(fresh);
  await assert.rejects(fresh.readReply(first), (error) => hasCode(error, "CRYPTO_OPEN_FAILED"));
  const second = await enrol(fresh, { replyKey: Uint8Array.from(replyKey) });
  await fresh.readReply(second);
  // and of one request the repeated reply has other bytes, the same certificates, and opens too
  const request = await fresh.request();
  const [one, two] = [await post(server.url + routes.enrolments, request), await post(server.url + routes.enrolments, request)];
  assert.equal(equalBytes(one.body, two.body), false);
  for (const { body } of [one, two]) await fresh.deviceOf(body);
});

test("KCERT: a terminal that trusts another authority, or says other suites than its keys have, is refused", async (t) => {
  const server = await TestServer.start(t);
  const fresh = await server.newDevice("gate-1");
  const refused = async (changes: Parameters<NewDevice["request"]>[0]): Promise<string> => {
    const before = server.codes.length;
    const reply = await post(server.url + routes.enrolments, await fresh.request(changes));
    assert.deepEqual([reply.status, reply.code], [403, "ENROL_REFUSED"]);
    return server.codes.slice(before).join(" ");
  };
  assert.equal(await refused({ fingerprint: digest(systemRandom.bytes(32)) }), "SERVER_TOKEN_MISUSED");
  for (const suiteNumbers of [[2], [1], [1, 2], [2, 1, 7], [2, 2, 1]]) assert.equal(await refused({ suiteNumbers }), "SERVER_KEYS_WRONG");
  await enrol(fresh, { suiteNumbers: [2, 1] });
});

test("PARTS: a terminal of the version before is told that it is of another version, at its enrolment and at its inbox", async (t) => {
  const server = await TestServer.start(t);
  const told = async (path: string, request: RequestInit): Promise<unknown> => {
    const { status, code } = await replyOf(await fetch(server.url + path, request));
    return [status, code];
  };
  const version = [400, "API_VERSION_UNSUPPORTED"];
  const headers = { "content-type": mediaType.cbor };
  const formerRequest = Uint8Array.from(encode([new Uint8Array(5), new Map([[-4, new Uint8Array(1_120)]]), new Uint8Array(900)]));
  const formerProof = Uint8Array.from(
    encode([new Uint8Array(32), [new Uint8Array(3), new Map(), new Uint8Array(130), new Uint8Array(64)]]),
  );
  assert.deepEqual(await told("/v1/enrol", { method: "POST", headers, body: formerRequest }), version);
  assert.deepEqual(await told(`${routes.inbox}?after=0&wait=0`, { headers: { authorization: "Sealane c2VjcmV0" } }), version);
  for (const path of [routes.enrolments, routes.enrolProof, routes.inbox]) {
    for (const body of [formerRequest, formerProof, Uint8Array.from(encode([3, new Uint8Array(8), null]))]) {
      assert.deepEqual(await told(path, { method: "POST", headers, body }), version, path);
    }
  }
});
