import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Secret, type Suite, suiteNamed, suites } from "@sealane/crypto";
import { acceptingContext, continuingContext, establish, makePair, testNowSeconds, withBody } from "@sealane/testkit";
import { artefactId, type CborValue, type Digest, digest, transcriptHash } from "@sealane/wire";
import type { MessageHeader } from "../../src/envelope.ts";
import {
  acceptMessage,
  decodeMessage,
  nothingVouched,
  type ThirdContent,
  type ThirdMode,
  thirdModes,
  UnconfirmedLink,
} from "../../src/index.ts";
import { recordType } from "../../src/labels.ts";
import { firstState, type LinkState } from "../../src/link-state.ts";
import { ownSigning } from "../../src/parties.ts";
import { openRecord, sealRecord } from "../../src/records.ts";
import { openVouching, sealVouching, type Vouching } from "../../src/vouching.ts";
import { code, codeOf } from "../codes.ts";
import { changedItems } from "../mallory.ts";
import { artefact, begin, licence, partiesOf, release, run, thirdContent, waysOf, wishOf } from "../ways.ts";

const pair = await makePair(suites);
const now = testNowSeconds;

const ids: Readonly<Record<ThirdMode, string>> = {
  signed: "EQ14",
  unsigned: "EQ14i",
  "signed-beside": "EQ14ii",
  "licence-signed": "EQ14iii",
  "licence-encrypted": "EQ14iii",
};

const ways = waysOf(({ mechanism }) => mechanism.name === "mutual-agreement");
/** One of each size of messages, and one whose signatures give back their payload. */
const signingSuites: readonly Suite[] = ["hybrid", "p256", "rsa2048", "pq"].map(suiteNamed);

describe("EQ14 EQ14i EQ14ii EQ14iii POLICY: which forms are taken", () => {
  for (const way of ways) {
    test(`${ids[way.form as ThirdMode]} POLICY: the form is refused unless it is allowed, by default the one without a signature (${way.title})`, async () => {
      const { message } = await begin(pair, way);
      const mode = way.form as ThirdMode;
      const context = acceptingContext(pair, way.originator);
      const { thirdModes: _, ...unasked } = context;
      assert.equal(await codeOf(() => acceptMessage(unasked, message)), mode === "unsigned" ? "LINK_MECHANISM_UNKNOWN" : "accepted");
      for (const only of thirdModes) {
        const code = await codeOf(() => acceptMessage({ ...context, thirdModes: [only] }, message));
        assert.equal(code, only === mode ? "accepted" : "LINK_MECHANISM_UNKNOWN", only);
      }
      assert.equal(await codeOf(() => acceptMessage({ ...context, thirdModes: [] }, message)), "LINK_MECHANISM_UNKNOWN");
      const accepted = await acceptMessage(context, message);
      assert.ok(accepted.kind === "waiting");
      assert.equal(accepted.awaited.third, mode);
    });
  }
});

describe("EQ14 EQ14i EQ14ii EQ14iii: M3 and its link", () => {
  for (const way of ways.filter(({ suite: { name } }) => name === "x25519")) {
    test(`${ids[way.form as ThirdMode]}: M3 of another link of the same parties, with the same content, is refused (${way.title})`, async () => {
      const one = await run(pair, way);
      const two = await run(pair, way);
      const [third, other] = [one.steps[2], two.steps[2]];
      assert.ok(third !== undefined && other !== undefined && one.sent.kind === "sent");
      assert.equal(await codeOf(() => third.give(other.message)), "LINK_ANSWER_WRONG");
      const [, records] = decodeMessage(other.message).body as readonly CborValue[];
      const moved = withBody(other.message, [one.sent.awaited.reference, records ?? null]);
      assert.equal(await codeOf(() => third.give(moved)), "LINK_RECORD_WRONG");
      await third.give(third.message);
    });

    test(`${ids[way.form as ThirdMode]}: records of M3 cannot be left out, exchanged or doubled (${way.title})`, async () => {
      const { steps } = await run(pair, way);
      const third = steps[2];
      assert.ok(third !== undefined);
      const [reference, list] = decodeMessage(third.message).body as readonly CborValue[];
      const records = list as readonly CborValue[];
      const variants: readonly (readonly CborValue[])[] = [
        [],
        records.slice(1),
        records.slice(0, -1),
        [...records, records[0] ?? null],
        [...records].reverse(),
        records.map(() => records[0] ?? null),
        [records[0] ?? null, records[0] ?? null, records[0] ?? null, records[0] ?? null],
      ];
      for (const variant of variants) {
        if (variant.length === records.length && variant.every((record, i) => record === records[i])) continue;
        const forged = withBody(third.message, [reference ?? null, variant]);
        const code = await codeOf(() => third.give(forged));
        assert.match(code, /^(LINK_MESSAGE_UNEXPECTED|LINK_RECORD_OUT_OF_ORDER|WIRE_SHAPE_WRONG)$/, `${variant.length} records: ${code}`);
      }
    });

    test(`${ids[way.form as ThirdMode]}: nothing is reported as received before the recipient confirmed (${way.title})`, async () => {
      const sent = await begin(pair, way);
      const far = acceptingContext(pair, way.originator);
      const accepted = await acceptMessage(far, sent.message);
      assert.ok(sent.kind === "sent" && accepted.kind === "waiting");
      const { link, message } = await sent.awaited.receive(continuingContext(pair, wishOf(way)), accepted.reply, thirdContent);
      assert.ok(link instanceof UnconfirmedLink);
      const received = await accepted.awaited.receive(far, message ?? assert.fail());
      assert.deepEqual([received.artefactId, received.licence], [artefact, licence]);
      const first = received.link.seal(Uint8Array.of(1), now);
      const second = received.link.seal(Uint8Array.of(2), now);
      assert.throws(() => link.confirm(second, now), code("LINK_RECORD_OUT_OF_ORDER"));
      const { link: confirmed, payload } = link.confirm(first, now);
      assert.deepEqual([...payload], [1]);
      assert.deepEqual([...confirmed.open(second, now)], [2]);
      // Once: a second link of the same state would send under the same key and sequence number.
      assert.throws(() => link.confirm(first, now), code("CRYPTO_SECRET_GONE"));
    });

    test(`${ids[way.form as ThirdMode]}: one wait makes one M3, even when asked for two contents at once (${way.title})`, async () => {
      const sent = await begin(pair, way);
      const accepted = await acceptMessage(acceptingContext(pair, way.originator), sent.message);
      assert.ok(sent.kind === "sent" && accepted.kind === "waiting");
      const near = continuingContext(pair, wishOf(way));
      const contents: readonly ThirdContent[] = [thirdContent, nothingVouched];
      const made = await Promise.allSettled(contents.map(async (content) => await sent.awaited.receive(near, accepted.reply, content)));
      assert.equal(made.filter(({ status }) => status === "fulfilled").length, 1);
    });

    test(`${ids[way.form as ThirdMode]}: a licence or release that M3 cannot carry leaves the wait as it was (${way.title})`, async () => {
      const sent = await begin(pair, way);
      const accepted = await acceptMessage(acceptingContext(pair, way.originator), sent.message);
      assert.ok(sent.kind === "sent" && accepted.kind === "waiting");
      const near = continuingContext(pair, wishOf(way));
      for (const wrong of [0, 24_577].map((size) => new Uint8Array(size))) {
        for (const content of [
          { ...thirdContent, licence: wrong },
          { ...thirdContent, release: wrong },
        ])
          assert.equal(await codeOf(() => sent.awaited.receive(near, accepted.reply, content)), "LINK_FIELD_WRONG");
      }
      const most = new Uint8Array(24_576);
      const content = { artefactId: artefact, licence: most.fill(1), release: most.fill(2) };
      const { message } = await sent.awaited.receive(near, accepted.reply, content);
      const received = await accepted.awaited.receive(acceptingContext(pair, way.originator), message ?? assert.fail());
      assert.deepEqual([received.licence, received.release], [content.licence, content.release]);
    });
  }

  test("EQ14 EQ14i EQ14ii EQ14iii OPT: M3 may bring an artefact without a licence, a licence or a release alone, or nothing", async () => {
    for (const way of ways) {
      for (const third of [
        nothingVouched,
        { ...nothingVouched, artefactId: artefact },
        { ...nothingVouched, licence },
        { ...nothingVouched, release },
      ]) {
        const { mechanism, originator } = way;
        const ends = await establish(pair, { mechanism: mechanism.name, suite: way.suite, originator, options: way.options, third });
        assert.deepEqual(ends.third, third, way.title);
      }
    }
  });
});

/**
 * The records of M3 between two parties who hold the key: what the signature alone protects. Whoever holds the key (the recipient, or
 * who stole it) can make any record; it cannot make the originator's signature say something else.
 */
for (const suite of signingSuites) describe(`EQ14 EQ14ii EQ14iii: what M3 signs on ${suite.name}`, () => whatIsSigned(suite));

function whatIsSigned(suite: Suite): void {
  const { from, to } = partiesOf(pair, ways[0] ?? assert.fail());
  const { certificate: signer } = ownSigning(from.self, suite);
  const { certificate: stranger } = ownSigning(to.self, suite);
  const other: ThirdContent = {
    artefactId: artefactId(new Uint8Array(32).fill(8)),
    licence: new TextEncoder().encode("another licence"),
    release: new TextEncoder().encode("another release"),
  };

  function vouching(mode: ThirdMode, th: Digest = digest(new Uint8Array(32).fill(3))): Vouching {
    const header: MessageHeader = { mechanism: "mutual-agreement", number: 3, sender: from.self.role, suite };
    const agreed = {
      mechanism: "mutual-agreement",
      suite: header.suite,
      originatorRole: from.self.role,
      originator: from.self.name,
      recipient: to.self.name,
      th: transcriptHash(th),
      keyExpiresAtSeconds: now + 100,
    } as const;
    const prk = Secret.take("link key", new Uint8Array(32).fill(4));
    const state: LinkState = firstState(agreed, { self: to.self.role, prk });
    return { header, mode, originator: from.self.name, recipient: to.self.name, state };
  }

  const signedModes = thirdModes.filter((mode) => mode !== "unsigned");

  for (const mode of signedModes) {
    test(`${ids[mode]}: records of two contents under one key do not mix (${mode})`, async () => {
      const about = vouching(mode);
      const one = await sealVouching(about, from.self, thirdContent);
      const two = await sealVouching(about, from.self, other);
      assert.deepEqual(openVouching(about, signer, one), thirdContent);
      for (let mask = 1; mask < 2 ** one.length - 1; mask++) {
        const mixed = one.map((record, i) => ((mask >> i) & 1 ? (two[i] ?? record) : record));
        assert.match(await codeOf(() => openVouching(about, signer, mixed)), /^(CRYPTO_SIGNATURE_WRONG|LINK_ANSWER_WRONG)$/);
      }
    });

    test(`${ids[mode]}: the signature holds for its link, its parties, its form and its signer only (${mode})`, async () => {
      const about = vouching(mode);
      const wrongs: readonly (readonly [string, Vouching])[] = [
        ["another link", { ...about, state: { ...about.state, th: vouching(mode, digest(new Uint8Array(32).fill(5))).state.th } }],
        ["another recipient", { ...about, recipient: from.self.name }],
        ["another originator", { ...about, originator: to.self.name }],
        ["another mechanism", { ...about, header: { ...about.header, mechanism: "mutual-nonce" } }],
      ];
      for (const [what, wrong] of wrongs) {
        // The records are sealed where they are opened, the signature was made elsewhere.
        const moved = await movedSignature({ from: wrong, to: about });
        assert.match(await codeOf(() => openVouching(about, signer, moved)), /^(CRYPTO_SIGNATURE_WRONG|LINK_ANSWER_WRONG)$/, what);
      }
      const records = await sealVouching(about, from.self, thirdContent);
      assert.equal(await codeOf(() => openVouching(about, stranger, records)), "CRYPTO_SIGNATURE_WRONG");
      for (const less of thirdModes.filter((each) => each !== mode)) {
        const code = await codeOf(() => openVouching({ ...about, mode: less }, signer, records));
        assert.notEqual(code, "accepted", less);
      }
    });
  }

  test("EQ14: artefact and licence beside the signature are those that it names (signed)", async () => {
    const about = vouching("signed");
    const [record] = await sealVouching(about, from.self, thirdContent);
    const thirdPlace = { sender: from.self.role, sequence: 0, type: recordType.third };
    const plaintext = openRecord(about.state, thirdPlace, record ?? assert.fail());
    const changes: readonly (readonly [number, CborValue])[] = [
      [0, other.artefactId],
      [0, null],
      [1, other.licence],
      [1, null],
    ];
    for (const [at, value] of changes) {
      const forged = sealRecord(
        about.state,
        thirdPlace,
        changedItems(plaintext, ([content = null, signature = null]) => [
          Array.isArray(content) ? content.with(at, value) : content,
          signature,
        ]),
      );
      assert.equal(await codeOf(() => openVouching(about, signer, [forged])), "CRYPTO_SIGNATURE_WRONG");
    }
  });

  /** M3 as it was made in one place, in records that are sealed in another. */
  async function movedSignature(places: { readonly from: Vouching; readonly to: Vouching }): Promise<readonly Uint8Array[]> {
    const records = await sealVouching(places.from, from.self, thirdContent);
    return records.map((record, sequence) => {
      const place = { sender: from.self.role, sequence, type: recordType.third };
      return sealRecord(places.to.state, place, openRecord(places.from.state, place, record));
    });
  }
}
