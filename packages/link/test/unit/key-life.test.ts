import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Secret, sha256, systemRandom } from "@sealane/crypto";
import { acceptingContext, continuingContext, establish, makePair, testNowSeconds } from "@sealane/testkit";
import { acceptMessage, ConfidentialLink, UnconfirmedLink } from "../../src/index.ts";
import { code, codeOf } from "../codes.ts";
import { artefact, begin, licence, partiesOf, waysOf, wishOf } from "../ways.ts";

const now = testNowSeconds;
const pair = await makePair();
const day = 86_400;
const ways = waysOf(({ mechanism, suite, form }) => !mechanism.broadcast && suite.name === "x25519" && !form.startsWith("licence"));

describe("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 KLIFE: the life of a link's key", () => {
  for (const way of ways) {
    test(`${way.ids} KLIFE: every state refuses one second after the key's life, and not before (${way.title})`, async () => {
      const options = { keyLifeSeconds: 100 };
      const sent = await begin(pair, way, { options });
      const far = (nowSeconds: number) => ({ ...acceptingContext(pair, way.originator, { nowSeconds }) });
      const near = (nowSeconds: number) => continuingContext(pair, wishOf(way), { nowSeconds });
      assert.equal(await codeOf(() => acceptMessage(far(now + 101), sent.message)), "LINK_MESSAGE_EXPIRED");
      const accepted = await acceptMessage(far(now + 100), sent.message);
      assert.ok(sent.kind === "sent" && accepted.kind !== "broadcast");
      assert.equal(await codeOf(() => sent.awaited.receive(near(now + 101), accepted.reply)), "LINK_EXPIRED");
      const { link, message } = await sent.awaited.receive(near(now + 100), accepted.reply);
      assert.equal(link.keyExpiresAtSeconds, now + 100);
      if (accepted.kind === "waiting") {
        assert.ok(message !== null);
        assert.equal(await codeOf(() => accepted.awaited.receive(far(now + 101), message)), "LINK_EXPIRED");
        const { link: there } = await accepted.awaited.receive(far(now + 100), message);
        assert.throws(() => there.seal(new Uint8Array(0), now + 101), code("LINK_EXPIRED"));
        const record = there.seal(new Uint8Array(0), now + 100);
        if (link instanceof UnconfirmedLink) {
          assert.throws(() => link.confirm(record, now + 101), code("LINK_EXPIRED"));
          link.confirm(record, now + 100);
        }
        return;
      }
      assert.ok(link instanceof ConfidentialLink);
      assert.throws(() => link.seal(new Uint8Array(0), now + 101), code("LINK_EXPIRED"));
      const record = link.seal(new Uint8Array(0), now + 100);
      assert.throws(() => accepted.link.confirm(record, now + 101), code("LINK_EXPIRED"));
      accepted.link.confirm(record, now + 100);
    });

    test(`${way.ids} KLIFE: a day unless told, months when asked for, never beyond a certificate (${way.title})`, async () => {
      const { mechanism, suite, originator } = way;
      const lived = async (keyLifeSeconds?: number): Promise<number> => {
        const options = { ...way.options, ...(keyLifeSeconds === undefined ? {} : { keyLifeSeconds }) };
        const ends = await establish(pair, { mechanism: mechanism.name, suite, originator, options });
        assert.equal(ends.originator.keyExpiresAtSeconds, ends.recipient.keyExpiresAtSeconds);
        return ends.originator.keyExpiresAtSeconds - now;
      };
      assert.equal(await lived(), day);
      assert.equal(await lived(1), 1);
      assert.equal(await lived(0), 0);
      assert.equal(await lived(90 * day), 90 * day);
      assert.equal(await lived(4_000 * day), 365 * day);
    });

    test(`${way.ids} KLIFE FCLOCK: a recipient uses the key as long as its policy allows, and a day after a challenge (${way.title})`, async () => {
      const { suite, mechanism } = way;
      const challenge = new Uint8Array(32).fill(7);
      const year = 300 * day;
      const recipientEnd = async (options: { readonly challenge?: Uint8Array }, keyLifeSeconds?: number): Promise<number> => {
        const sent = await begin(pair, way, { options: { ...options, keyLifeSeconds: year } });
        const asking = acceptingContext(pair, way.originator);
        const policy = { ...options, ...(keyLifeSeconds === undefined ? {} : { keyLifeSeconds }) };
        const accepted = await acceptMessage({ ...asking, freshness: { ...asking.freshness, ...policy } }, sent.message);
        assert.ok(sent.kind === "sent" && accepted.kind !== "broadcast", `${mechanism.name} on ${suite.name}`);
        if (accepted.kind === "answered") return accepted.link.keyExpiresAtSeconds - now;
        const { message } = await sent.awaited.receive(continuingContext(pair, wishOf(way)), accepted.reply);
        assert.ok(message !== null);
        return (await accepted.awaited.receive(asking, message)).link.keyExpiresAtSeconds - now;
      };
      assert.equal(await recipientEnd({}), year);
      assert.equal(await recipientEnd({}, 3_600), 3_600);
      assert.equal(await recipientEnd({ challenge }), day);
      assert.equal(await recipientEnd({ challenge }, 3_600), 3_600);
      assert.equal(await recipientEnd({ challenge }, 2 * year), year);
    });

    test(`${way.ids} KLIFE: a peer that asks for more than a certificate allows is refused (${way.title})`, async () => {
      const { to } = partiesOf(pair, way);
      const { decryption, agreement } = to.self;
      // The originator believes in certificates that end later than the recipient's own.
      const shorter = <T extends { readonly certificate: object }>(keys: readonly T[]): T[] =>
        keys.map((key) => ({ ...key, certificate: { ...key.certificate, notAfterSeconds: now + 1_000 } }));
      const context = acceptingContext(pair, way.originator);
      const self = { ...to.self, decryption: shorter(decryption), agreement: shorter(agreement) };
      const sent = await begin(pair, way, { options: { keyLifeSeconds: 1_001 } });
      assert.equal(await codeOf(() => acceptMessage({ ...context, self }, sent.message)), "LINK_FIELD_WRONG");
      const within = await begin(pair, way, { options: { keyLifeSeconds: 1_000 } });
      assert.equal(await codeOf(() => acceptMessage({ ...context, self }, within.message)), "accepted");
    });
  }
});

test("KLIFE: whatever a link does, it does until its end only; a clock that gives no number is past it", async () => {
  const [way] = ways;
  assert.ok(way !== undefined);
  const { mechanism, suite, originator } = way;
  const ends = await establish(pair, { mechanism: mechanism.name, suite, originator, options: { keyLifeSeconds: 100 } });
  const { originator: near, recipient: far } = ends;
  const contentKey = () => Secret.copy("content key", new Uint8Array(32));
  const binding = { artefactId: artefact, licenceDigest: sha256(licence) };
  const wrapped = near.wrap(contentKey(), { ...binding, random: systemRandom, nowSeconds: now + 100 });
  const record = near.seal(new Uint8Array(0), now + 100);
  for (const nowSeconds of [now + 101, 2 ** 53, Number.NaN]) {
    assert.throws(() => near.wrap(contentKey(), { ...binding, random: systemRandom, nowSeconds }), code("LINK_EXPIRED"));
    assert.throws(() => far.unwrap(wrapped, { ...binding, nowSeconds }), code("LINK_EXPIRED"));
    assert.throws(() => near.seal(new Uint8Array(0), nowSeconds), code("LINK_EXPIRED"));
    assert.throws(() => far.open(record, nowSeconds), code("LINK_EXPIRED"));
    assert.throws(() => far.series(nowSeconds), code("LINK_EXPIRED"));
    assert.throws(() => far.exportKey({ label: "", context: new Uint8Array(0), length: 1, nowSeconds }), code("LINK_EXPIRED"));
  }
  // A saved link has the same end.
  const loaded = ConfidentialLink.load(far.save());
  assert.throws(() => loaded.open(record, now + 101), code("LINK_EXPIRED"));
  loaded.open(record, now + 100);
});
