import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { suites, systemRandom } from "@sealane/crypto";
import { makeGroup, makePair, openPart, originatorContext, sealPart } from "@sealane/testkit";
import { type CborValue, decode, encode } from "@sealane/wire";
import { maxAgreementValueBytes } from "../../src/limits.ts";
import { codeOf } from "../codes.ts";
import { degeneratePublicValues, degenerateValues, generating, respondingWith } from "../degenerate-values.ts";
import { begin, partiesOf, run, waysOf } from "../ways.ts";

const pair = await makePair(suites);

const answering = waysOf(
  ({ mechanism }) => ["anonymous-agreement", "signed-agreement", "group-broadcast"].includes(mechanism.name),
  suites,
);
describe("EQ4 EQ7 EQ7S KGRP DIR: degenerate values for a static one", () => {
  for (const way of answering) {
    test(`${way.ids} KGRP DIR: a degenerate value from an originator with a right certificate is refused (${way.title})`, async () => {
      const group = makeGroup(way.suite);
      const { steps } = await run(pair, way, { group });
      const { publicValue } = way.suite.agreement.generate(systemRandom);
      const { value: valid } = way.suite.agreement.respond(publicValue, systemRandom);
      for (const value of degenerateValues(valid)) {
        const { message } = await begin(pair, { ...way, suite: respondingWith(way.suite, value) }, { group });
        assert.equal(await codeOf(() => steps[0]?.give(message)), "CRYPTO_SHARE_WRONG", value.toHex().slice(-70));
      }
    });
  }
});

describe("EQ14 KGRP DIR: degenerate shares", () => {
  for (const way of waysOf(({ mechanism, form }) => mechanism.name === "mutual-agreement" && form === "signed", suites)) {
    test(`EQ14 KGRP DIR: a degenerate share with a guessed time stamp is refused by both (${way.title})`, async () => {
      const { from, to } = partiesOf(pair, way);
      const { steps } = await run(pair, way);
      const [first, second] = steps;
      assert.ok(first !== undefined && second !== undefined);
      const { publicValue } = way.suite.agreement.generate(systemRandom);
      for (const share of degeneratePublicValues(way.suite, publicValue)) {
        // Whoever has the recipient's certificate can say what it likes in M1, in the name and at the time that it guesses.
        const { message } = await begin(pair, { ...way, suite: generating(way.suite, share) });
        const expected = share.length > maxAgreementValueBytes ? "WIRE_SHAPE_WRONG" : "CRYPTO_SHARE_WRONG";
        assert.equal(await codeOf(() => first.give(message)), expected, share.toHex().slice(-70));
      }
      const fields = decode(await openPart(second.message, from), second.message.length) as readonly CborValue[];
      const { value: valid } = way.suite.agreement.respond(publicValue, systemRandom);
      const place = fields.findIndex((field) => field instanceof Uint8Array && field.length === valid.length);
      for (const share of degenerateValues(valid)) {
        const message = sealPart(second.message, { plaintext: encode(fields.with(place, share)), to: from });
        assert.equal(await codeOf(() => second.give(message)), "CRYPTO_SHARE_WRONG", share.toHex().slice(-70));
      }
      await second.give(second.message);
      assert.equal(to.replay.entries.size, 0);
    });
  }
});

test("KGRP: an originator refuses a group, and a recipient's certificate, whose public value is of another suite", async () => {
  for (const way of answering.filter(({ originator }) => originator === "server")) {
    const [other] = waysOf(({ suite }) => suite.agreement !== way.suite.agreement);
    assert.ok(other !== undefined);
    const context = originatorContext(pair.server, pair.terminal);
    const group = makeGroup(other.suite).record;
    const code = await codeOf(() => way.mechanism.originate(context, { ...way.options, suite: way.suite, group }));
    assert.equal(code, way.mechanism.name === "group-broadcast" ? "CRYPTO_SHARE_WRONG" : "accepted");
    const wrong = { ...context, recipient: context.recipient.filter(({ publicKey }) => publicKey.kind === other.suite.agreement.keyKind) };
    if (way.mechanism.name === "group-broadcast") continue;
    assert.equal(await codeOf(() => way.mechanism.originate(wrong, { ...way.options, suite: way.suite })), "CRYPTO_SUITE_UNKNOWN");
  }
});
