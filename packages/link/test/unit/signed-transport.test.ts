import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { decryptionKindOf, type Suite, standardSuites, systemRandom } from "@sealane/crypto";
import {
  certify,
  continuingContext,
  endsOf,
  MemoryReplayCache,
  makeAuthority,
  makePair,
  makeParty,
  originatorContext,
  type Pair,
  type Party,
  recipientContext,
  testNowSeconds,
} from "@sealane/testkit";
import { type CborValue, decode, encode } from "@sealane/wire";
import { externalAad } from "../../src/envelope.ts";
import {
  type AcceptedLink,
  type AwaitedReply,
  acceptMessage,
  ConfidentialLink,
  certificateFor,
  decodeMessage,
  loadAwaitedReply,
  mechanisms,
  type OriginateOptions,
  type OriginatorContext,
  type RecipientContext,
  type Role,
  UnconfirmedLink,
} from "../../src/index.ts";
import { code } from "../codes.ts";
import { copyOf } from "../ways.ts";

const mechanism = mechanisms["signed-transport"];
const utf8 = new TextEncoder();
const common = await makePair();
const roles = ["server", "terminal"] as const;

/** Bytes of M1 and answer together: on hybrid the encapsulated key is 1,088 bytes longer. */
const bytesOf: Readonly<Partial<Record<Suite["name"], number>>> = { x25519: 450, hybrid: 1_550 };

async function sent(
  context: OriginatorContext,
  options: OriginateOptions,
): Promise<{ readonly message: Uint8Array; readonly awaited: AwaitedReply }> {
  const made = await mechanism.originate(context, options);
  return made.kind === "sent" ? made : assert.fail("M1 is no broadcast");
}

async function answered(context: RecipientContext, message: Uint8Array): Promise<Extract<AcceptedLink, { kind: "answered" }>> {
  const accepted = await acceptMessage(context, message);
  return accepted.kind === "answered" ? accepted : assert.fail("M1 is answered");
}

async function received(awaited: AwaitedReply, pair: Pair, given: { originator: Role; reply: Uint8Array; nowSeconds?: number }) {
  const { originator, reply, nowSeconds = testNowSeconds } = given;
  const wish = { mechanism: mechanism.name, suite: standardSuites[0] ?? assert.fail(), originator };
  const { link } = await awaited.receive(continuingContext(pair, wish, { nowSeconds }), reply);
  return link instanceof ConfidentialLink ? link : assert.fail("the answer proves the recipient");
}

for (const suite of standardSuites) describe(`signed-transport on ${suite.name}`, () => signedTransport(suite));

function signedTransport(suite: Suite): void {
  for (const originator of roles) {
    const way = `from the ${originator}, on ${suite.name}`;

    test(`EQ1 EQ5 DIR UNI: a link carries records both ways and a wrapped key (${way})`, async () => {
      const pair = copyOf(common);
      const { from, to } = endsOf(pair, originator);
      const { message, awaited } = await sent(originatorContext(from, to), { suite });
      const { reply, link: unconfirmed } = await answered(recipientContext(to, pair.authority), message);
      const near = await received(awaited, pair, { originator, reply });
      const { link: far, payload } = unconfirmed.confirm(near.seal(utf8.encode("first"), testNowSeconds), testNowSeconds);
      assert.equal(Buffer.from(payload).toString(), "first");
      assert.deepEqual(Buffer.from(near.id), Buffer.from(far.id));
      assert.equal(near.peer, to.self.name);
      assert.equal(far.peer, from.self.name);
      assert.equal(Buffer.from(near.open(far.seal(utf8.encode("second"), testNowSeconds), testNowSeconds)).toString(), "second");
      assert.equal(Buffer.from(far.open(near.seal(utf8.encode("third"), testNowSeconds), testNowSeconds)).toString(), "third");
      assert.ok(
        message.length + reply.length <= (bytesOf[suite.name] ?? 0),
        `M1 and answer take ${message.length} + ${reply.length} bytes`,
      );
    });

    test(`EQ1 EQ5: the pending state and both ends of the link survive being saved (${way})`, async () => {
      const pair = copyOf(common);
      const { from, to } = endsOf(pair, originator);
      const { message, awaited } = await sent(originatorContext(from, to), { suite });
      const { reply, link } = await answered(recipientContext(to, pair.authority), message);
      const near = await received(loadAwaitedReply(awaited.save()), pair, { originator, reply });
      const record = ConfidentialLink.load(near.save()).seal(utf8.encode("x"), testNowSeconds);
      const saved = link.save();
      const { link: far } = UnconfirmedLink.load(saved).confirm(record, testNowSeconds);
      ConfidentialLink.load(far.save()).seal(utf8.encode("y"), testNowSeconds);
      assert.throws(() => ConfidentialLink.load(saved), code("LINK_STATE_WRONG"));
      assert.throws(() => UnconfirmedLink.load(far.save()), code("LINK_STATE_WRONG"));
    });

    test(`EQ1 EQ5: a recipient cannot forward the signature under a new encryption (${way})`, async () => {
      const pair = copyOf(common);
      const { from, to } = endsOf(pair, originator);
      const other = await makeParty(pair.authority, { name: "other", role: to.self.role });
      other.known.push(from.signing);
      const { message } = await sent(originatorContext(from, to), { suite });
      const kind = decryptionKindOf(suite);
      const reader = to.self.decryption.find(({ key }) => key.publicKey.kind === kind) ?? assert.fail();
      const { header, body } = decodeMessage(message);
      const aad = externalAad(header);
      const [hint, encrypted] = body as readonly CborValue[];
      const plaintext = await openWithPrivateKey(suite.encryption, reader.key, { value: encrypted ?? null, externalAad: aad });
      const towards = certificateFor({ suite, role: to.self.role, purpose: "decrypt" }, other.certificates);
      const forwardedTo = { publicKey: towards.publicKey, random: systemRandom };
      const sealed = sealToPublicKey(suite.encryption, forwardedTo, { plaintext, externalAad: aad });
      const newHint = hint === null ? null : towards.thumbprint.subarray(0, 8);
      const envelope = decode(message, message.length);
      assert.ok(Array.isArray(envelope));
      const forged = encode(envelope.with(5, [newHint, sealed]));
      await assert.rejects(acceptMessage(recipientContext(other, pair.authority), forged), code("CRYPTO_SIGNATURE_WRONG"));
      assert.equal(other.replay.entries.size, 0);
    });

    test(`EQ1 EQ5: another recipient of the same role refuses M1 (${way})`, async () => {
      const pair = copyOf(common);
      const { from, to } = endsOf(pair, originator);
      const other = await makeParty(pair.authority, { name: "other", role: to.self.role });
      const { message } = await sent(originatorContext(from, to), { suite });
      await assert.rejects(acceptMessage(recipientContext(other, pair.authority), message), code("LINK_RECIPIENT_WRONG"));
    });

    test(`EQ1 EQ5 KDIR: an unknown signer is refused unless its certificate came along and leads to the authority (${way})`, async () => {
      const pair = copyOf(common);
      const { from, to } = endsOf(pair, originator);
      to.known.length = 0;
      const bare = await sent(originatorContext(from, to), { suite });
      await assert.rejects(acceptMessage(recipientContext(to, pair.authority), bare.message), code("LINK_PEER_UNKNOWN"));
      const carried = await sent(originatorContext(from, to), { suite, sendCertificate: true });
      await acceptMessage(recipientContext(to, pair.authority), carried.message);
      const elsewhere = await makeAuthority("elsewhere");
      const stranger = await makeParty(elsewhere, { name: from.self.name, role: from.self.role });
      const forged = await sent(originatorContext(stranger, to), { suite, sendCertificate: true });
      await assert.rejects(acceptMessage(recipientContext(to, pair.authority), forged.message), code(/^PKI_/));
    });
  }

  test("EQ1 EQ5: a certificate of another purpose does not sign or receive a link", async () => {
    const pair = copyOf(common);
    const licence = await certify(pair.authority, { name: "server.test", purpose: "licence-sign" });
    const server: Party = {
      ...pair.server,
      self: { ...pair.server.self, signing: [{ key: licence.key.signingKey(), certificate: licence.certificate }] },
    };
    pair.terminal.known.push(licence.certificate);
    const { message } = await sent(originatorContext(server, pair.terminal), { suite });
    await assert.rejects(acceptMessage(recipientContext(pair.terminal, pair.authority), message), code("LINK_PEER_WRONG"));
    const towards = { ...originatorContext(pair.server, pair.terminal), recipient: pair.server.certificates };
    await assert.rejects(sent(towards, { suite }), code("CRYPTO_SUITE_UNKNOWN"));
    const itself = { ...pair.terminal.self, name: pair.server.self.name };
    await assert.rejects(sent({ ...originatorContext(pair.terminal, pair.server), self: itself }, { suite }), code("LINK_FIELD_WRONG"));
  });

  test("KLIFE: a link ends with its keys' life, which no certificate outlives", async () => {
    const pair = copyOf(common);
    const from = originatorContext(pair.terminal, pair.server);
    const { message, awaited } = await sent(from, { suite, keyLifeSeconds: 100 });
    const { reply, link } = await answered(recipientContext(pair.server, pair.authority), message);
    const near = await received(awaited, pair, { originator: "terminal", reply, nowSeconds: testNowSeconds + 100 });
    assert.throws(() => near.seal(new Uint8Array(1), testNowSeconds + 101), code("LINK_EXPIRED"));
    const record = near.seal(new Uint8Array(1), testNowSeconds + 100);
    assert.throws(() => link.confirm(record, testNowSeconds + 101), code("LINK_EXPIRED"));
    const months = await sent(from, { suite, keyLifeSeconds: 10 * 365 * 86_400 });
    const { link: long } = await answered(recipientContext(pair.server, pair.authority), months.message);
    const opens = certificateFor({ suite, role: "server", purpose: "decrypt" }, pair.server.certificates);
    assert.equal(long.keyExpiresAtSeconds, Math.min(pair.terminal.signing.notAfterSeconds, opens.notAfterSeconds));
  });

  test("FNONCE: a full replay cache refuses, and other originators are not held up", async () => {
    const pair = copyOf(common);
    const server = { ...pair.server, replay: new MemoryReplayCache(1) };
    const other = await makeParty(pair.authority, { name: "terminal-2", role: "terminal" });
    server.known.push(other.signing);
    const made = async (from: Party) => (await sent(originatorContext(from, server), { suite })).message;
    const context = recipientContext(server, pair.authority);
    await acceptMessage(context, await made(pair.terminal));
    await assert.rejects(acceptMessage(context, await made(pair.terminal)), code("LINK_REPLAY_CACHE_FULL"));
    await acceptMessage(context, await made(other));
  });

  test("EQ1: a licence travels signed inside M1", async () => {
    const pair = copyOf(common);
    const licence = utf8.encode("a licence");
    const { message } = await sent(originatorContext(pair.server, pair.terminal), { suite, licence });
    const accepted = await answered(recipientContext(pair.terminal, pair.authority), message);
    assert.deepEqual(Buffer.from(accepted.licence ?? []), Buffer.from(licence));
  });
}

test("KDIR: of a party's certificates the one for suite and purpose is taken; without one the suite is not known to it", async () => {
  const { certificates } = common.server;
  for (const suite of standardSuites) {
    for (const purpose of ["decrypt", "agree"] as const) {
      const wanted = { suite, role: "server", purpose } as const;
      const found = certificateFor(wanted, certificates);
      assert.equal(found.publicKey.kind, purpose === "decrypt" ? decryptionKindOf(suite) : suite.agreement.keyKind);
      assert.equal(found.purpose, `server-${purpose}`);
      const others = certificates.filter((each) => each !== found);
      assert.throws(() => certificateFor(wanted, others), code("CRYPTO_SUITE_UNKNOWN"));
      assert.throws(() => certificateFor({ ...wanted, role: "terminal" }, certificates), code("CRYPTO_SUITE_UNKNOWN"));
    }
  }
});
