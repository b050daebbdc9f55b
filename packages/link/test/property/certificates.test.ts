import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { VerifiedCertificate } from "@sealane/pki";
import {
  acceptingContext,
  type CertificateWish,
  certify,
  continuingContext,
  endsOf,
  makeAuthority,
  makeGroup,
  makePair,
  makeParty,
  originatorContext,
  type Pair,
  type Party,
  recipientContext,
  testNowSeconds,
} from "@sealane/testkit";
import { acceptMessage, mainSigning, type OriginatedLink, type RecipientContext, type Self } from "../../src/index.ts";
import { codeOf } from "../codes.ts";
import { copyOf, partiesOf, type Way, waysOf, wishOf } from "../ways.ts";

const now = testNowSeconds;
const common = await makePair();
const group = makeGroup(waysOf(({ suite }) => suite.name === "x25519")[0]?.suite ?? assert.fail());

/** Certificates do not depend on the suite, nor on the forms but for those that use other ones. */
const ways = waysOf(({ suite, form }) => suite.name === "x25519" && ["", "plain", "two-way", "one-way", "signed"].includes(form));
const signing = ways.filter(({ mechanism }) => mechanism.needs.originator.includes("sign"));
/** Those in which the originator says what it opens with. */
const opening = ways.filter(({ mechanism, form }) => mechanism.needs.originator.includes("decrypt") && form !== "one-way");

/** M1 of a way from this originator, with its certificates or without. */
async function sentBy(
  pair: Pair,
  way: Way,
  given: { readonly self: Self; readonly chain?: boolean; readonly nowSeconds?: number; readonly keyLifeSeconds?: number },
): Promise<OriginatedLink> {
  const { from, to } = partiesOf(pair, way);
  const { self, chain = false, nowSeconds = now, keyLifeSeconds = 3_600 } = given;
  const context = { ...originatorContext(from, to, { nowSeconds }), self };
  const options = { ...way.options, suite: way.suite, group: group.record, sendCertificate: chain, keyLifeSeconds };
  return await way.mechanism.originate(context, options);
}

/** What the recipient says to it, and in `mutual-agreement`, where nothing is proven before, what it says to M3. */
async function judged(pair: Pair, way: Way, sent: OriginatedLink, self?: Self): Promise<string> {
  const { to } = partiesOf(pair, way);
  to.replay.entries.clear();
  const context = { ...acceptingContext(pair, way.originator), groups: group.memberships };
  return await codeOf(async () => {
    const accepted = await acceptMessage(context, sent.message);
    if (accepted.kind !== "waiting" || sent.kind === "broadcast") return;
    const near = continuingContext(pair, wishOf(way));
    const { message } = await sent.awaited.receive(self === undefined ? near : { ...near, self }, accepted.reply);
    await accepted.awaited.receive(context, message ?? assert.fail());
  });
}

/** The originator with another signing certificate, which the recipient knows; its key may be one that is there already. */
async function certified(
  pair: Pair,
  way: Way,
  wish: Partial<CertificateWish>,
): Promise<{ readonly self: Self; readonly certificate: VerifiedCertificate }> {
  const { from, to } = partiesOf(pair, way);
  const { key, certificate } = await certify(pair.authority, {
    name: from.self.name,
    purpose: `${way.originator}-sign`,
    ...wish,
  });
  to.known.push(certificate);
  return { self: { ...from.self, signing: [{ key: key.signingKey(), certificate }] }, certificate };
}

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ7S EQ11 EQ14 KCERT KDIR DIR: who signs", () => {
  for (const way of signing) {
    const other = way.originator === "server" ? "terminal" : "server";

    test(`${way.ids} KCERT DIR: a signing certificate out of its time, of another usage or another name is refused (${way.title})`, async () => {
      const pair = copyOf(common);
      const past = await certified(pair, way, { notBeforeSeconds: now - 500, notAfterSeconds: now - 10 });
      assert.equal(
        await judged(pair, way, await sentBy(pair, way, { self: past.self, nowSeconds: now - 20 }), past.self),
        "LINK_PEER_WRONG",
      );
      const coming = await certified(pair, way, { notBeforeSeconds: now + 10 });
      assert.equal(await judged(pair, way, await sentBy(pair, way, coming), coming.self), "LINK_PEER_WRONG");
      for (const purpose of ["licence-sign", "release-sign", `${other}-sign`] as const) {
        const wrong = await certified(pair, way, { purpose });
        assert.equal(await judged(pair, way, await sentBy(pair, way, wrong), wrong.self), "LINK_PEER_WRONG", purpose);
        const chained = await sentBy(pair, way, { ...wrong, chain: true });
        assert.equal(await judged(pair, way, chained, wrong.self), "PKI_PURPOSE_WRONG", purpose);
      }
      const renamed = await certified(pair, way, { name: "other" });
      assert.equal(await judged(pair, way, await sentBy(pair, way, renamed), renamed.self), "LINK_PEER_WRONG");
    });

    test(`${way.ids} KCERT KDIR: an unknown signer is refused, unless its certificates came along and lead to the authority (${way.title})`, async () => {
      const pair = copyOf(common);
      const { from, to } = partiesOf(pair, way);
      const known = to.known.splice(0).filter(({ purpose }) => !purpose.endsWith("-sign"));
      to.known.push(...known);
      assert.equal(await judged(pair, way, await sentBy(pair, way, from)), "LINK_PEER_UNKNOWN");
      assert.equal(await judged(pair, way, await sentBy(pair, way, { ...from, chain: true })), "accepted");
      const elsewhere = await makeAuthority("elsewhere");
      const stranger = await makeParty(elsewhere, { name: from.self.name, role: way.originator });
      assert.match(await judged(pair, way, await sentBy(pair, way, { ...stranger, chain: true }), stranger.self), /^PKI_/);
    });

    test(`${way.ids} KCERT: a thief of other keys cannot sign in the originator's name (${way.title})`, async () => {
      const pair = copyOf(common);
      const { from } = partiesOf(pair, way);
      const thief = await certified(pair, way, { name: "thief" });
      // It names the originator's certificate and signs with a key of its own; what it may decrypt does not help.
      const { key } = mainSigning(thief.self);
      const self: Self = { ...from.self, signing: [{ key, certificate: from.signing }] };
      assert.equal(await judged(pair, way, await sentBy(pair, way, { self }), self), "CRYPTO_SIGNATURE_WRONG");
      // The same key in a certificate of another name: who signed is who that certificate names.
      const twice: Self = { ...from.self, name: from.self.name, signing: [{ key, certificate: thief.certificate }] };
      assert.equal(await judged(pair, way, await sentBy(pair, way, { self: twice }), twice), "LINK_PEER_WRONG");
    });
  }
});

describe("EQ8 EQ11 EQ14 KCERT DIR: what the originator opens with", () => {
  for (const way of opening) {
    test(`${way.ids} KCERT DIR: a decryption certificate of the originator out of its time, unknown or of another usage is refused (${way.title})`, async () => {
      const pair = copyOf(common);
      const { from, to } = partiesOf(pair, way);
      const context = { ...acceptingContext(pair, way.originator) };
      const own = from.self.decryption.find(({ key }) => key.publicKey.kind === "x25519") ?? assert.fail();
      const replaced = async (wish: Partial<CertificateWish>): Promise<Self> => {
        const made = await certify(pair.authority, { name: from.self.name, purpose: `${way.originator}-decrypt`, kind: "x25519", ...wish });
        const place = to.known.findIndex(
          ({ purpose, publicKey }) => purpose === `${way.originator}-decrypt` && publicKey.kind === "x25519",
        );
        if (place >= 0) to.known[place] = made.certificate;
        return { ...from.self, decryption: [{ key: made.key.decryptionKey(), certificate: made.certificate }] };
      };
      const past = await replaced({ notBeforeSeconds: now - 500, notAfterSeconds: now - 10 });
      assert.equal(await judged(pair, way, await sentBy(pair, way, { self: past, nowSeconds: now - 20 }), past), "LINK_PEER_WRONG");
      const coming = await replaced({ notBeforeSeconds: now + 10 });
      assert.equal(await judged(pair, way, await sentBy(pair, way, { self: coming }), coming), "LINK_PEER_WRONG");
      const mine = await replaced({});
      // The recipient knows another one of that name by now.
      assert.equal(await judged(pair, way, await sentBy(pair, way, from)), "LINK_PEER_WRONG");
      assert.equal(await judged(pair, way, await sentBy(pair, way, { self: mine }), mine), "accepted");
      const renamed = await replaced({ name: "other" });
      assert.equal(await judged(pair, way, await sentBy(pair, way, { self: renamed }), renamed), "LINK_PEER_UNKNOWN");
      assert.equal(await judged(pair, way, await sentBy(pair, way, { self: renamed, chain: true }), renamed), "PKI_NAME_WRONG");
      // A directory that is careless about usages: an agreement key is never encrypted to.
      const agree = from.self.agreement.find(({ key }) => key.publicKey.kind === "x25519") ?? assert.fail();
      const misused: Self = { ...from.self, decryption: [{ key: own.key, certificate: agree.certificate }] };
      const careless: RecipientContext = { ...context, peers: { ...context.peers, decryption: () => agree.certificate } };
      const { message } = await sentBy(pair, way, { self: misused });
      assert.equal(await codeOf(() => acceptMessage(careless, message)), "LINK_PEER_WRONG");
    });
  }
});

describe("EQ1 EQ2 EQ5 EQ6 EQ8 EQ11 EQ14 KCERT: one key under two names", () => {
  for (const way of ways.filter(({ mechanism }) => mechanism.needs.recipient.includes("decrypt"))) {
    test(`${way.ids} KCERT: one key under two names opens only what is meant for the name that it is asked by (${way.title})`, async () => {
      const pair = copyOf(common);
      const { from, to } = partiesOf(pair, way);
      const twin = await makeParty(pair.authority, { name: "twin", role: to.self.role });
      twin.known.push(...to.known);
      // The twin holds the recipient's private keys, and certificates of its own name for other ones.
      const decryption = twin.self.decryption.map(({ certificate }, i) => ({
        key: to.self.decryption[i]?.key ?? assert.fail(),
        certificate,
      }));
      const self = { ...twin.self, decryption };
      const sent = await sentBy(pair, way, from);
      const unnamed = way.mechanism.anonymous === "originator";
      const m1 = unnamed
        ? await way.mechanism.originate(
            { ...originatorContext(from, to), self: { name: null, role: way.originator } },
            { suite: way.suite, omit: ["recipient"] },
          )
        : sent;
      const context = { ...recipientContext(twin, pair.authority), self };
      const code = await codeOf(() => acceptMessage(context, m1.message));
      assert.match(code, /^(LINK_RECIPIENT_WRONG|CRYPTO_SIGNATURE_WRONG)$/);
    });
  }
});

for (const originator of ["server", "terminal"] as const) {
  test(`EQ11 KLIFE KCERT: a link ends with the first of all certificates that it stands on (begun by the ${originator})`, async () => {
    const [way] = waysOf((each) => each.suite.name === "x25519" && each.form === "two-way" && each.originator === originator);
    assert.ok(way !== undefined);
    const pair = copyOf(common);
    const { from, to } = endsOf(pair, originator);
    const soon = now + 1_000;
    const wish = { name: from.self.name, purpose: `${originator}-decrypt`, kind: "x25519", notAfterSeconds: soon } as const;
    const ending = await certify(pair.authority, wish);
    to.known.unshift(ending.certificate);
    const self: Self = { ...from.self, decryption: [{ key: ending.key.decryptionKey(), certificate: ending.certificate }] };
    const sent = await sentBy(pair, way, { self });
    const accepted = await acceptMessage(acceptingContext(pair, originator), sent.message);
    assert.ok(sent.kind === "sent" && accepted.kind === "answered");
    const { link } = await sent.awaited.receive({ ...continuingContext(pair, wishOf(way)), self }, accepted.reply);
    assert.deepEqual([link.keyExpiresAtSeconds, accepted.link.keyExpiresAtSeconds], [soon, soon]);
  });

  test(`EQ11 KLIFE KCERT: a recipient whose signing certificate ends soon makes a shorter link, and both know (begun by the ${originator})`, async () => {
    const [way] = waysOf((each) => each.suite.name === "x25519" && each.form === "two-way" && each.originator === originator);
    assert.ok(way !== undefined);
    const pair = copyOf(common);
    const { to } = endsOf(pair, originator);
    const soon = now + 1_000;
    const { key, certificate } = await certify(pair.authority, {
      name: to.self.name,
      purpose: `${to.self.role}-sign`,
      notAfterSeconds: soon,
    });
    const ending: Party = { ...to, self: { ...to.self, signing: [{ key: key.signingKey(), certificate }] } };
    const sent = await sentBy(pair, way, endsOf(pair, originator).from);
    const context = { ...acceptingContext(pair, originator), self: ending.self };
    const accepted = await acceptMessage(context, sent.message);
    assert.ok(sent.kind === "sent" && accepted.kind === "answered");
    const { link } = await sent.awaited.receive(continuingContext(pair, wishOf(way)), accepted.reply);
    assert.deepEqual([link.keyExpiresAtSeconds, accepted.link.keyExpiresAtSeconds], [soon, soon]);
    const late = { ...context, freshness: { nowSeconds: soon + 1, windowSeconds: 3_600 } };
    to.replay.entries.clear();
    assert.equal(await codeOf(() => acceptMessage(late, sent.message)), "LINK_MESSAGE_EXPIRED");
  });
}

test("EQ7 EQ7S KCERT: an originator does not mix the certificates of two parties", async () => {
  const pair = copyOf(common);
  const other = await makeParty(pair.authority, { name: "other", role: "server" });
  for (const way of waysOf(({ form, originator }) => form === "encrypted" && originator === "terminal")) {
    const agree = pair.server.certificates.filter(({ purpose }) => purpose.endsWith("-agree"));
    const decrypt = other.certificates.filter(({ purpose }) => purpose.endsWith("-decrypt"));
    const context = { ...originatorContext(pair.terminal, pair.server), recipient: [...agree, ...decrypt] };
    assert.equal(await codeOf(() => way.mechanism.originate(context, { ...way.options, suite: way.suite })), "LINK_FIELD_WRONG");
  }
});

test("EQ14 KCERT: an originator whose signing key was renewed while it waited begins anew", async () => {
  for (const way of waysOf(({ suite, form }) => suite.name === "x25519" && form === "signed")) {
    const pair = copyOf(common);
    const { from } = partiesOf(pair, way);
    const sent = await sentBy(pair, way, from);
    const accepted = await acceptMessage(acceptingContext(pair, way.originator), sent.message);
    assert.ok(sent.kind === "sent" && accepted.kind === "waiting");
    const { self } = await certified(pair, way, {});
    const context = { ...continuingContext(pair, wishOf(way)), self };
    assert.equal(await codeOf(() => sent.awaited.receive(context, accepted.reply)), "LINK_STATE_WRONG");
  }
});
