import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { type Suite, suites, systemRandom } from "@sealane/crypto";
import {
  certify,
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
import { type CborValue, decode, encode, SealaneError } from "@sealane/wire";
import { externalAad } from "../../src/envelope.ts";
import {
  AwaitedAnswer,
  acceptMessage,
  ConfidentialLink,
  certificateFor,
  decodeMessage,
  mechanisms,
  type Role,
  UnconfirmedLink,
} from "../../src/index.ts";

const mechanism = mechanisms["signed-transport"];
const utf8 = new TextEncoder();

function ends(pair: Pair, originator: Role): { readonly from: Party; readonly to: Party } {
  return originator === "server" ? { from: pair.server, to: pair.terminal } : { from: pair.terminal, to: pair.server };
}

function code(expected: string | RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof SealaneError && (typeof expected === "string" ? error.code === expected : expected.test(error.code))
      ? true
      : assert.fail(`expected ${String(expected)}, got ${String(error instanceof SealaneError ? error.code : error)}`);
}

const roles = ["server", "terminal"] as const;

/** Bytes of M1 and answer together: on hybrid the encapsulated key is 1,088 bytes longer. */
const bytesOf: Readonly<Record<Suite["name"], number>> = { x25519: 450, hybrid: 1_550 };

for (const suite of suites) describe(`signed-transport on ${suite.name}`, () => signedTransport(suite));

function signedTransport(suite: Suite): void {
  for (const originator of roles) {
    const way = `from the ${originator}, on ${suite.name}`;

    test(`EQ1 EQ5 DIR UNI: a link carries records both ways and a wrapped key (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const { message, awaited } = await mechanism.originate(originatorContext(from, to), { suite });
      const { answer, link: unconfirmed } = await acceptMessage(recipientContext(to, pair.authority), message);
      const near = awaited.receive(answer, testNowSeconds);
      const { link: far, payload } = unconfirmed.confirm(near.seal(utf8.encode("first"), testNowSeconds), testNowSeconds);
      assert.equal(Buffer.from(payload).toString(), "first");
      assert.deepEqual(Buffer.from(near.id), Buffer.from(far.id));
      assert.equal(near.peer, to.self.name);
      assert.equal(far.peer, from.self.name);
      assert.equal(Buffer.from(near.open(far.seal(utf8.encode("second"), testNowSeconds), testNowSeconds)).toString(), "second");
      assert.equal(Buffer.from(far.open(near.seal(utf8.encode("third"), testNowSeconds), testNowSeconds)).toString(), "third");
      assert.ok(message.length + answer.length <= bytesOf[suite.name], `M1 and answer take ${message.length} + ${answer.length} bytes`);
    });

    test(`EQ1 EQ5: a flipped bit in any byte of M1 is refused with a listed code and leaves the replay cache alone (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const { message } = await mechanism.originate(originatorContext(from, to), { suite });
      // Every bit of a short message; of a long one a bit of every byte, for time.
      const isLong = message.length > 1_000;
      for (let bit = 0; bit < message.length * 8; bit++) {
        if (isLong && (bit & 7) !== ((bit >> 3) & 7)) continue;
        const changed = Uint8Array.from(message);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await assert.rejects(acceptMessage(recipientContext(to, pair.authority), changed), code(/^(WIRE|COSE|CRYPTO|LINK)_/));
      }
      assert.equal(to.replay.entries.size, 0);
    });

    test(`EQ1 EQ5: every truncation of M1 and of the answer is refused (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const { message, awaited } = await mechanism.originate(originatorContext(from, to), { suite });
      const { answer } = await acceptMessage(recipientContext(to, pair.authority), message);
      for (let length = 0; length < message.length; length++) {
        await assert.rejects(acceptMessage(recipientContext(to, pair.authority), message.subarray(0, length)), code("WIRE_TRUNCATED"));
      }
      for (let length = 0; length < answer.length; length++) {
        assert.throws(() => awaited.receive(answer.subarray(0, length), testNowSeconds), code("WIRE_TRUNCATED"));
      }
      awaited.receive(answer, testNowSeconds);
    });

    test(`EQ1 EQ5: every flipped bit of the answer is refused and the right answer is still accepted (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const { message, awaited } = await mechanism.originate(originatorContext(from, to), { suite });
      const { answer } = await acceptMessage(recipientContext(to, pair.authority), message);
      for (let bit = 0; bit < answer.length * 8; bit++) {
        const changed = Uint8Array.from(answer);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.throws(() => awaited.receive(changed, testNowSeconds), code(/^(WIRE|CRYPTO|LINK)_/));
      }
      awaited.receive(answer, testNowSeconds);
    });

    test(`EQ1 EQ5: the pending state and both ends of the link survive being saved (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const { message, awaited } = await mechanism.originate(originatorContext(from, to), { suite });
      const { answer, link } = await acceptMessage(recipientContext(to, pair.authority), message);
      const near = AwaitedAnswer.load(awaited.save()).receive(answer, testNowSeconds);
      const record = ConfidentialLink.load(near.save()).seal(utf8.encode("x"), testNowSeconds);
      const { link: far } = UnconfirmedLink.load(link.save()).confirm(record, testNowSeconds);
      ConfidentialLink.load(far.save()).seal(utf8.encode("y"), testNowSeconds);
      assert.throws(() => ConfidentialLink.load(link.save()), code("LINK_STATE_WRONG"));
      assert.throws(() => UnconfirmedLink.load(far.save()), code("LINK_STATE_WRONG"));
    });

    test(`EQ1 EQ5 FNONCE: M1 is accepted once (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const { message } = await mechanism.originate(originatorContext(from, to), { suite });
      await acceptMessage(recipientContext(to, pair.authority), message);
      await assert.rejects(acceptMessage(recipientContext(to, pair.authority), message), code("LINK_MESSAGE_REPLAYED"));
    });

    test(`EQ1 EQ5: a recipient cannot forward the signature under a new encryption (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const other = await makeParty(pair.authority, { name: "other", role: to.self.role, suite });
      other.known.push(from.signing);
      const { message } = await mechanism.originate(originatorContext(from, to), { suite });
      const reader = to.self.decryption.find(({ certificate }) => certificate === to.decryption) ?? assert.fail();
      const { header, body } = decodeMessage(message);
      const aad = externalAad(header);
      const [hint, encrypted] = body as readonly CborValue[];
      const plaintext = await openWithPrivateKey(suite.encryption, reader.key, { value: encrypted ?? null, externalAad: aad });
      const forwardedTo = { publicKey: other.decryption.publicKey, random: systemRandom };
      const sealed = sealToPublicKey(suite.encryption, forwardedTo, { plaintext, externalAad: aad });
      const newHint = hint === null ? null : other.decryption.thumbprint.subarray(0, 8);
      const [version, number, step, role, suiteId] = decode(message, 10_000) as readonly CborValue[];
      const forged = encode([version ?? 0, number ?? 0, step ?? 0, role ?? 0, suiteId ?? 0, [newHint, sealed]]);
      await assert.rejects(acceptMessage(recipientContext(other, pair.authority), forged), code("CRYPTO_SIGNATURE_WRONG"));
      assert.equal(other.replay.entries.size, 0);
    });

    test(`EQ1 EQ5: another recipient of the same role refuses M1 (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      const other = await makeParty(pair.authority, { name: "other", role: to.self.role, suite });
      const { message } = await mechanism.originate(originatorContext(from, to), { suite });
      await assert.rejects(acceptMessage(recipientContext(other, pair.authority), message), code("LINK_RECIPIENT_WRONG"));
    });

    test(`EQ1 EQ5 KDIR: an unknown signer is refused unless its certificate came along and leads to the authority (${way})`, async () => {
      const pair = await makePair(suite);
      const { from, to } = ends(pair, originator);
      to.known.length = 0;
      const bare = await mechanism.originate(originatorContext(from, to), { suite });
      await assert.rejects(acceptMessage(recipientContext(to, pair.authority), bare.message), code("LINK_PEER_UNKNOWN"));
      const carried = await mechanism.originate(originatorContext(from, to), { suite, sendCertificate: true });
      await acceptMessage(recipientContext(to, pair.authority), carried.message);
      const elsewhere = await makeAuthority("elsewhere");
      const stranger = await makeParty(elsewhere, { name: from.self.name, role: from.self.role, suite });
      const forged = await mechanism.originate(originatorContext(stranger, to), { suite, sendCertificate: true });
      await assert.rejects(acceptMessage(recipientContext(to, pair.authority), forged.message), code(/^PKI_/));
    });
  }

  test("DIR: a message of the other direction, and a reflected one, is refused", async () => {
    const pair = await makePair(suite);
    const { message } = await mechanism.originate(originatorContext(pair.terminal, pair.server), { suite });
    await assert.rejects(acceptMessage(recipientContext(pair.terminal, pair.authority), message), code("LINK_MESSAGE_UNEXPECTED"));
    const { answer } = await acceptMessage(recipientContext(pair.server, pair.authority), message);
    for (const party of [pair.server, pair.terminal]) {
      await assert.rejects(acceptMessage(recipientContext(party, pair.authority), answer), code("LINK_MESSAGE_UNEXPECTED"));
    }
  });

  test("EQ1 EQ5: a certificate of another purpose does not sign or receive a link", async () => {
    const pair = await makePair(suite);
    const licence = await certify(pair.authority, { name: "server.test", purpose: "licence-sign" });
    const server: Party = {
      ...pair.server,
      self: { ...pair.server.self, signing: { key: licence.key.signingKey(), certificate: licence.certificate } },
    };
    pair.terminal.known.push(licence.certificate);
    const { message } = await mechanism.originate(originatorContext(server, pair.terminal), { suite });
    await assert.rejects(acceptMessage(recipientContext(pair.terminal, pair.authority), message), code("LINK_PEER_WRONG"));
    const towards = { ...originatorContext(pair.server, pair.terminal), recipient: pair.server.decryption };
    await assert.rejects(mechanism.originate(towards, { suite }), code("LINK_FIELD_WRONG"));
  });

  test("FTIME: interactive messages are accepted within the window and tolerance only", async () => {
    const pair = await makePair(suite);
    const cases: readonly (readonly [number, string | null])[] = [
      [60, null],
      [61, "LINK_MESSAGE_FUTURE"],
      [-360, null],
      [-361, "LINK_MESSAGE_STALE"],
    ];
    for (const [offset, refused] of cases) {
      const sentAt = { nowSeconds: testNowSeconds + offset };
      const { message } = await mechanism.originate(originatorContext(pair.terminal, pair.server, sentAt), { suite });
      const accepted = acceptMessage(recipientContext(pair.server, pair.authority), message);
      if (refused === null) await accepted;
      else await assert.rejects(accepted, code(refused));
    }
  });

  test("FTIME: a stored message is accepted until it expires, capped by the recipient's policy", async () => {
    const pair = await makePair(suite);
    const expiresAtSeconds = testNowSeconds + 7_200;
    const { message } = await mechanism.originate(originatorContext(pair.server, pair.terminal), { suite, expiresAtSeconds });
    const at = (nowSeconds: number) => recipientContext(pair.terminal, pair.authority, { nowSeconds });
    await assert.rejects(acceptMessage(at(expiresAtSeconds + 61), message), code("LINK_MESSAGE_EXPIRED"));
    const strict = { ...at(testNowSeconds + 3_700), freshness: { nowSeconds: testNowSeconds + 3_700, storedSeconds: 3_600 } };
    await assert.rejects(acceptMessage(strict, message), code("LINK_MESSAGE_EXPIRED"));
    await acceptMessage(at(expiresAtSeconds + 60), message);
    const remembered = [...pair.terminal.replay.entries.values()];
    assert.deepEqual(
      remembered.map((entry) => entry.rememberUntilSeconds),
      [expiresAtSeconds + 180],
    );
  });

  test("FCLOCK FNONCE: with an open challenge only its answer is accepted, and a time stamp does not stand in for it", async () => {
    const pair = await makePair(suite);
    const challenge = new Uint8Array(32).fill(7);
    const context = recipientContext(pair.terminal, pair.authority);
    const waiting = { ...context, freshness: { ...context.freshness, challenge } };
    const from = originatorContext(pair.server, pair.terminal);
    await assert.rejects(acceptMessage(waiting, (await mechanism.originate(from, { suite })).message), code("LINK_CHALLENGE_WRONG"));
    const wrong = await mechanism.originate(from, { suite, challenge: new Uint8Array(32) });
    await assert.rejects(acceptMessage(waiting, wrong.message), code("LINK_CHALLENGE_WRONG"));
    const right = await mechanism.originate(from, { suite, challenge });
    await assert.rejects(acceptMessage(context, right.message), code("LINK_CHALLENGE_WRONG"));
    await acceptMessage(waiting, right.message);
  });

  test("KLIFE: a link ends with its keys' life, which no certificate outlives", async () => {
    const pair = await makePair(suite);
    const from = originatorContext(pair.terminal, pair.server);
    const { message, awaited } = await mechanism.originate(from, { suite, keyLifeSeconds: 100 });
    const { answer, link } = await acceptMessage(recipientContext(pair.server, pair.authority), message);
    const near = awaited.receive(answer, testNowSeconds + 100);
    assert.throws(() => near.seal(new Uint8Array(1), testNowSeconds + 101), code("LINK_EXPIRED"));
    const record = near.seal(new Uint8Array(1), testNowSeconds + 100);
    assert.throws(() => link.confirm(record, testNowSeconds + 101), code("LINK_EXPIRED"));
    const months = await mechanism.originate(from, { suite, keyLifeSeconds: 10 * 365 * 86_400 });
    const { link: long } = await acceptMessage(recipientContext(pair.server, pair.authority), months.message);
    assert.equal(long.keyExpiresAtSeconds, Math.min(pair.terminal.signing.notAfterSeconds, pair.server.decryption.notAfterSeconds));
  });

  test("FNONCE: a full replay cache refuses, and other originators are not held up", async () => {
    const pair = await makePair(suite);
    const server = { ...pair.server, replay: new MemoryReplayCache(1) };
    const other = await makeParty(pair.authority, { name: "terminal-2", role: "terminal", suite });
    server.known.push(other.signing);
    const sent = async (from: Party) => (await mechanism.originate(originatorContext(from, server), { suite })).message;
    const context = recipientContext(server, pair.authority);
    await acceptMessage(context, await sent(pair.terminal));
    await assert.rejects(acceptMessage(context, await sent(pair.terminal)), code("LINK_REPLAY_CACHE_FULL"));
    await acceptMessage(context, await sent(other));
  });

  test("EQ1: a licence travels signed inside M1", async () => {
    const pair = await makePair(suite);
    const licence = utf8.encode("a licence");
    const { message } = await mechanism.originate(originatorContext(pair.server, pair.terminal), { suite, licence });
    const accepted = await acceptMessage(recipientContext(pair.terminal, pair.authority), message);
    assert.deepEqual(Buffer.from(accepted.licence ?? []), Buffer.from(licence));
  });

  test("KCERT: an expired or not yet valid signer is refused", async () => {
    const pair = await makePair(suite);
    for (const wish of [
      { notBeforeSeconds: testNowSeconds + 10 },
      { notBeforeSeconds: testNowSeconds - 500, notAfterSeconds: testNowSeconds - 10 },
    ]) {
      const signing = await certify(pair.authority, { name: "terminal-1", purpose: "terminal-sign", ...wish });
      pair.server.known.push(signing.certificate);
      const self = { ...pair.terminal.self, signing: { key: signing.key.signingKey(), certificate: signing.certificate } };
      const from = { ...originatorContext(pair.terminal, pair.server), self };
      const nowSeconds = Math.min(testNowSeconds, signing.certificate.notAfterSeconds);
      const { message } = await mechanism.originate({ ...from, nowSeconds }, { suite });
      await assert.rejects(acceptMessage(recipientContext(pair.server, pair.authority), message), code("LINK_PEER_WRONG"));
    }
  });
}

test("EQ1 EQ5: a recipient's key of another suite than the message's is not encrypted to", async () => {
  const pair = await makePair();
  for (const suite of suites.slice(1)) {
    await assert.rejects(mechanism.originate(originatorContext(pair.terminal, pair.server), { suite }), code("CRYPTO_PUBLIC_KEY_WRONG"));
  }
});

test("EQ1 EQ5: a message whose suite number was changed is refused", async () => {
  for (const suite of suites) {
    const pair = await makePair(suite);
    const { message } = await mechanism.originate(originatorContext(pair.terminal, pair.server), { suite });
    const envelope = decode(message, message.length);
    assert.ok(Array.isArray(envelope));
    for (const other of suites.filter((each) => each !== suite)) {
      const changed = encode(envelope.with(4, other.id));
      await assert.rejects(
        acceptMessage(recipientContext(pair.server, pair.authority), changed),
        code(/^(LINK_RECIPIENT_WRONG|COSE_HEADER_WRONG)$/),
      );
    }
  }
});

test("KDIR: of a party's certificates the one for the suite is taken; without one the suite is not known to it", async () => {
  const { self } = (await makePair()).server;
  const certificates = self.decryption.map(({ certificate }) => certificate);
  for (const suite of suites) {
    const found = certificateFor(suite, certificates);
    assert.equal(found.publicKey.kind, suite.encryption.hpke.kem.keyKind);
    const others = certificates.filter((each) => each !== found);
    assert.throws(() => certificateFor(suite, others), code("CRYPTO_SUITE_UNKNOWN"));
  }
});
