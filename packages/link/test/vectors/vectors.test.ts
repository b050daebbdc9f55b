import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Secret, standardSuites, suiteNamed, suites } from "@sealane/crypto";
import { continuingContext, firstPayload, originate, testNowSeconds } from "@sealane/testkit";
import {
  acceptMessage,
  allowedTriples,
  ConfidentialLink,
  loadAwaitedReply,
  loadAwaitedThird,
  mechanisms,
  UnconfirmedLink,
} from "../../src/index.ts";
import { waysOf } from "../ways.ts";
import { hex } from "./fixed-parties.ts";
import { derived, sessionKeys, transcriptHash } from "./independent-schedule.ts";
import { accepting, caseOf, contentKey, factsOf, groupFrom, isChosen, randomOf, secretHex, wrapBinding } from "./vector.ts";
import { files, pairOfSuite, partiesOfSuite, vectors, waysWithVector, withOwnFile } from "./vector-files.ts";

const now = testNowSeconds;

test("DIR: there is a vector of every mechanism and originator on every suite but three, and some on these", () => {
  assert.equal(files.length, Object.keys(mechanisms).length + withOwnFile.length);
  const there = new Set(vectors.map(({ mechanism, suite, originator, form }) => `${mechanism} ${form} ${suite} ${originator}`));
  const expected = suites.flatMap(waysWithVector);
  for (const { mechanism, suite, originator, form } of expected) {
    assert.ok(there.has(`${mechanism.name} ${form} ${suite.name} ${originator}`));
  }
  assert.equal(there.size, expected.length);
  assert.equal(vectors.length, expected.length);
  const triples = new Set(vectors.map(({ mechanism, suite, originator }) => `${mechanism} ${suite} ${originator}`));
  const complete = suites.filter((suite) => suite.name === "p256" || suite.name === "rsa2048" || standardSuites.includes(suite));
  for (const { mechanism, suite, originator } of allowedTriples(complete)) {
    assert.ok(triples.has(`${mechanism.name} ${suite.name} ${originator}`));
  }
});

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR KSER KDER: the vectors", () => {
  for (const vector of vectors) {
    const { mechanism, suite: suiteName, originator, form, seed } = vector;
    const suite = suiteNamed(suiteName);
    const pair = pairOfSuite(suiteName);
    const [way] = waysOf((each) => each.mechanism.name === mechanism && each.originator === originator && each.form === form, [suite]);
    if (way === undefined) throw new Error(`there is no way ${seed}`);
    const about = caseOf(way, groupFrom(vector));
    const messages = vector.messages.map((message) => Uint8Array.fromHex(message));
    const [first = new Uint8Array(0), second = new Uint8Array(0), third = new Uint8Array(0)] = messages;

    describe(`vector ${seed}`, () => {
      test(`${way.ids} DIR: M1 comes out byte for byte, and so does the state behind it (${way.title})`, async () => {
        const sent = await originate(pair, about.wish, { random: randomOf(seed, "M1") });
        if (!isChosen(vector, "M1")) {
          assert.equal(sent.message.length, first.length);
          return;
        }
        assert.equal(hex(sent.message), vector.messages[0]);
        if (sent.kind === "sent") assert.equal(secretHex(sent.awaited.save()), vector.originatorState);
        else assert.equal(hex(sent.link.wrap(contentKey(), { ...wrapBinding, random: randomOf(seed, "wrap") })), vector.wrap);
      });

      test(`${way.ids} DIR: the recipient accepts M1 and makes the same of it (${way.title})`, async () => {
        pair.server.replay.entries.clear();
        pair.terminal.replay.entries.clear();
        const accepted = await acceptMessage(accepting(pair, about, seed), first);
        if (accepted.kind === "broadcast") {
          assert.equal(hex(accepted.link.th), vector.th);
          const opened = accepted.link.unwrap(Uint8Array.fromHex(vector.wrap), wrapBinding);
          assert.equal(secretHex(opened), secretHex(contentKey()));
          return;
        }
        if (!isChosen(vector, "M2")) {
          assert.equal(accepted.reply.length, second.length);
          return;
        }
        assert.equal(hex(accepted.reply), vector.messages[1]);
        if (accepted.kind === "answered") assert.equal(secretHex(accepted.link.save()), vector.recipientLink);
        else assert.equal(secretHex(accepted.awaited.save()), vector.recipientState);
      });

      if (vector.originatorState === null) return;
      test(`${way.ids} KSER KDER DIR: both ends come to the link of the vector, and its first record (${way.title})`, async () => {
        const awaited = loadAwaitedReply(saved("saved pending link", vector.originatorState));
        const near = continuingContext(pair, about.wish, { random: randomOf(seed, "M3") });
        const { link: made, message } = await awaited.receive(near, second, about.third);
        if (message !== null && isChosen(vector, "M3")) assert.equal(hex(message), vector.messages[2]);
        const { originator: one, recipient: other } = await endsOf(made);
        const { th, prk, linkId, exportedKey, sessionKeys: keys, wrap } = vector;
        // On mutual-nonce of a suite whose M3 comes out anew, the originator's link is one of its own.
        const isAnew = mechanism === "mutual-nonce" && !isChosen(vector, "M3");
        if (!isAnew) assert.deepEqual(factsOf(one, seed), { th, prk, linkId, exportedKey, sessionKeys: keys, wrap });
        assert.equal(hex(other.id), linkId);
        assert.equal(secretHex(other.unwrap(Uint8Array.fromHex(wrap), wrapBinding)), secretHex(contentKey()));
      });

      test(`${way.ids} KDER: another implementation of the key schedule comes to the same (${way.title})`, () => {
        assert.equal(transcriptHash(vector, partiesOfSuite(suiteName)), vector.th);
        assert.equal(derived(vector, "link id", 16), vector.linkId);
        const exporter = ["exporter", "vector", Uint8Array.of(1, 2, 3), 32];
        assert.equal(derived(vector, exporter, 32), vector.exportedKey);
        assert.deepEqual(sessionKeys(vector, 2), vector.sessionKeys);
      });
    });

    /** Confirms both ends with the vector's first record. */
    async function endsOf(
      made: ConfidentialLink | UnconfirmedLink,
    ): Promise<{ readonly originator: ConfidentialLink; readonly recipient: ConfidentialLink }> {
      const record = Uint8Array.fromHex(vector.firstRecord ?? "");
      if (vector.recipientState === null) {
        assert.ok(made instanceof ConfidentialLink);
        const copy = ConfidentialLink.load(made.save());
        assert.equal(hex(copy.seal(firstPayload, now)), vector.firstRecord);
        const { link, payload } = UnconfirmedLink.load(saved("saved link", vector.recipientLink)).confirm(record, now);
        assert.equal(hex(payload), hex(firstPayload));
        return { originator: made, recipient: link };
      }
      const waiting = loadAwaitedThird(saved("saved pending link", vector.recipientState));
      const { link: recipient } = await waiting.receive(accepting(pair, about, seed), third);
      assert.equal(secretHex(recipient.save()), vector.recipientLink);
      const copy = ConfidentialLink.load(recipient.save());
      assert.equal(hex(copy.seal(firstPayload, now)), vector.firstRecord);
      return { originator: made instanceof UnconfirmedLink ? made.confirm(record, now).link : made, recipient };
    }
  }
});

function saved<Kind extends string>(kind: Kind, encoded: string | null): Secret<Kind> {
  return Secret.take(kind, Uint8Array.fromHex(encoded ?? ""));
}
