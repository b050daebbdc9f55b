import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret, type Suite, sha256, suiteNamed, suites, systemRandom } from "@sealane/crypto";
import {
  acceptingContext,
  broadcast,
  establish,
  makeGroup,
  makePair,
  makeParty,
  originatorContext,
  recipientContext,
  type TestGroup,
  testNowSeconds,
} from "@sealane/testkit";
import { artefactId, parseName } from "@sealane/wire";
import {
  acceptMessage,
  type BroadcastLink,
  GroupLink,
  type GroupMembership,
  loadAwaitedReply,
  mechanisms,
  otherRole,
  PublicLink,
  type RecipientContext,
} from "../../src/index.ts";
import { code, codeOf } from "../codes.ts";
import { artefact, licence } from "../ways.ts";

const now = testNowSeconds;
const pair = await makePair(suites);
const contentKey = () => Secret.copy("content key", new Uint8Array(32).fill(9));
const binding = { artefactId: artefact, licenceDigest: sha256(licence), nowSeconds: now };
const toWrap = { ...binding, random: systemRandom };

/** M1 to a group of the server. */
async function sentTo(group: TestGroup, suite: Suite, options: { readonly keyLifeSeconds?: number } = {}): Promise<Uint8Array> {
  const context = originatorContext(pair.server, pair.terminal);
  const { message } = await mechanisms["group-broadcast"].originate(context, { suite, licence, group: group.record, ...options });
  return message;
}

/** What the terminal says that holds this membership, whatever it is asked for. */
async function asMember(message: Uint8Array, membership: GroupMembership | null): Promise<string> {
  pair.terminal.replay.entries.clear();
  const context: RecipientContext = { ...acceptingContext(pair, "server"), groups: { find: () => membership } };
  return await codeOf(() => acceptMessage(context, message));
}

for (const suite of suites) {
  test(`EQ4 KGRP: only who holds the very secret of the epoch gets a link (${suite.name})`, async () => {
    const group = makeGroup(suite);
    const message = await sentTo(group, suite);
    const membership: GroupMembership = { ...group.record, secret: group.secret };
    assert.equal(await asMember(message, membership), "accepted");
    assert.equal(await asMember(message, null), "LINK_GROUP_UNKNOWN");
    // A directory that finds by the id alone: an older epoch, a newer one, another group of the same id, another public value.
    const sameId = makeGroup(suite);
    const nextEpoch = makeGroup(suite, { epoch: 2 });
    for (const wrong of [sameId, nextEpoch]) {
      assert.equal(await asMember(message, { ...wrong.record, secret: wrong.secret }), "LINK_GROUP_UNKNOWN");
    }
    assert.equal(await asMember(message, { ...membership, epoch: 2 }), "LINK_GROUP_UNKNOWN");
    assert.equal(await asMember(message, { ...membership, groupId: parseName("group.other") }), "LINK_GROUP_UNKNOWN");
    assert.equal(await asMember(message, { ...membership, publicValue: sameId.record.publicValue }), "LINK_GROUP_UNKNOWN");
    const { groups: _, ...inNoGroup } = { ...acceptingContext(pair, "server"), groups: undefined };
    assert.equal(await codeOf(() => acceptMessage(inNoGroup, message)), "LINK_GROUP_UNKNOWN");
  });

  test(`EQ4 KGRP: an epoch of another suite is not used, whoever signs for it (${suite.name})`, async () => {
    // The secret of either suite is a seed of 32 bytes: one must not become the other's.
    for (const other of suites.filter(({ agreement }) => agreement !== suite.agreement)) {
      const group = makeGroup(other);
      const { publicValue } = suite.agreement.generate(systemRandom);
      const { value, shared } = suite.agreement.respond(publicValue, systemRandom);
      const forged: Suite = { ...suite, agreement: { ...suite.agreement, respond: () => ({ value, shared }) } };
      const message = await sentTo(group, forged);
      assert.equal(await asMember(message, { ...group.record, secret: group.secret }), "LINK_GROUP_UNKNOWN");
    }
  });

  test(`EQ4 KGRP KLIFE: a link of a group ends with its epoch (${suite.name})`, async () => {
    const group = makeGroup(suite, { expiresAtSeconds: now + 600 });
    const context = originatorContext(pair.server, pair.terminal);
    const options = { suite, licence, group: group.record, keyLifeSeconds: 100_000 };
    const sent = await mechanisms["group-broadcast"].originate(context, options);
    assert.ok(sent.kind === "broadcast");
    assert.equal(sent.link.keyExpiresAtSeconds, now + 600);
    // An originator that says more than the member was told.
    const longer = { ...group, record: { ...group.record, expiresAtSeconds: now + 900 } };
    const message = await sentTo(longer, suite, { keyLifeSeconds: 900 });
    assert.equal(await asMember(message, { ...group.record, secret: group.secret }), "LINK_FIELD_WRONG");
    pair.terminal.replay.entries.clear();
    const late = { ...acceptingContext(pair, "server", { nowSeconds: now + 601 }), groups: group.memberships };
    assert.equal(await codeOf(() => acceptMessage(late, sent.message)), "LINK_MESSAGE_EXPIRED");
  });
}

/** Both ends of every kind of broadcast. */
async function broadcasts(suite: Suite): Promise<readonly { readonly originator: BroadcastLink; readonly recipient: BroadcastLink }[]> {
  const open = { mechanism: "open-broadcast", suite, options: { licence } } as const;
  const group = makeGroup(suite);
  return [
    await broadcast(pair, { ...open, originator: "server" }),
    await broadcast(pair, { ...open, originator: "terminal" }),
    await broadcast(pair, { mechanism: "group-broadcast", suite, originator: "server", options: { licence }, group }),
  ];
}

for (const suite of suites) {
  test(`EQ3 EQ4: a broadcast wraps and unwraps for the licence and the artefact that it names, and no other (${suite.name})`, async () => {
    for (const { originator, recipient } of await broadcasts(suite)) {
      const wrapped = originator.wrap(contentKey(), toWrap);
      const otherLicence = sha256(new TextEncoder().encode("another licence"));
      const otherArtefact = artefactId(new Uint8Array(32).fill(1));
      assert.throws(() => recipient.unwrap(wrapped, { ...binding, licenceDigest: otherLicence }), code("LINK_FIELD_WRONG"));
      assert.throws(() => originator.wrap(contentKey(), { ...toWrap, licenceDigest: otherLicence }), code("LINK_FIELD_WRONG"));
      assert.throws(() => recipient.unwrap(wrapped, { ...binding, artefactId: otherArtefact }), code("CRYPTO_OPEN_FAILED"));
      recipient.unwrap(wrapped, binding).use((bytes) => assert.deepEqual(Buffer.from(bytes), Buffer.alloc(32, 9)));
    }
  });

  test(`EQ3 EQ4: what was wrapped for one broadcast opens in no other (${suite.name})`, async () => {
    const links = await broadcasts(suite);
    for (const [from, { originator }] of links.entries()) {
      for (const [to, { recipient }] of links.entries()) {
        const wrapped = originator.wrap(contentKey(), toWrap);
        assert.equal(await codeOf(() => recipient.unwrap(wrapped, binding)), from === to ? "accepted" : "CRYPTO_OPEN_FAILED");
      }
    }
    const { originator: near, recipient: far } = await establish(pair, { mechanism: "signed-transport", suite, originator: "server" });
    const single = near.wrap(contentKey(), toWrap);
    assert.equal(await codeOf(() => far.unwrap(single, binding)), "accepted");
    for (const { originator, recipient } of links) {
      assert.equal(await codeOf(() => recipient.unwrap(single, binding)), "CRYPTO_OPEN_FAILED");
      const wrapped = originator.wrap(contentKey(), toWrap);
      assert.equal(await codeOf(() => far.unwrap(wrapped, binding)), "CRYPTO_OPEN_FAILED");
    }
  });

  test(`EQ3 EQ4 KLIFE: the key of a broadcast lives for 30 minutes unless told, to the second (${suite.name})`, async () => {
    for (const { originator, recipient } of await broadcasts(suite)) {
      const wrapped = originator.wrap(contentKey(), { ...toWrap, nowSeconds: now + 1_800 });
      recipient.unwrap(wrapped, { ...binding, nowSeconds: now + 1_800 })[Symbol.dispose]();
      assert.throws(() => recipient.unwrap(wrapped, { ...binding, nowSeconds: now + 1_801 }), code("LINK_EXPIRED"));
      assert.throws(() => recipient.unwrap(wrapped, { ...binding, nowSeconds: Number.NaN }), code("LINK_EXPIRED"));
      assert.throws(() => originator.wrap(contentKey(), { ...toWrap, nowSeconds: now + 1_801 }), code("LINK_EXPIRED"));
      recipient[Symbol.dispose]();
      assert.throws(() => recipient.unwrap(wrapped, binding), code("CRYPTO_SECRET_GONE"));
    }
  });
}

test("EQ4 EQ7S KGRP: the group's key in the place of an agreement key gives another link, even of the same values", async () => {
  // On X25519, for OpenSSL lets nobody choose the randomness of ML-KEM.
  const suite = suiteNamed("x25519");
  const random = { bytes: (length: number) => new Uint8Array(length).fill(5) };
  const group = makeGroup(suite);
  const ends = await broadcast(
    pair,
    { mechanism: "group-broadcast", suite, originator: "server", options: { licence }, group },
    { random },
  );
  // The terminal's agreement key made of the group's seed: g^y and so g^xy are the same on both links.
  const own = pair.terminal.self.agreement.find(({ key }) => key.publicKey.kind === "x25519") ?? assert.fail();
  const key = { ...own.key, agree: (value: Uint8Array) => suite.agreement.complete(group.secret, value) };
  const agree = { ...suite.agreement, respond: () => suite.agreement.respond(group.record.publicValue, random) };
  const sent = await mechanisms["signed-agreement"].originate(
    { ...originatorContext(pair.server, pair.terminal), random },
    { suite: { ...suite, agreement: agree } },
  );
  const context = recipientContext(pair.terminal, pair.authority);
  const self = { ...pair.terminal.self, agreement: [{ ...own, key }] };
  const accepted = await acceptMessage({ ...context, self }, sent.message);
  assert.ok(sent.kind === "sent" && accepted.kind === "answered");
  const { link } = await loadAwaitedReply(sent.awaited.save()).receive(recipientContext(pair.server, pair.authority), accepted.reply);
  assert.ok("unwrap" in link);
  const wrapped = ends.originator.wrap(contentKey(), toWrap);
  ends.recipient.unwrap(wrapped, binding)[Symbol.dispose]();
  assert.equal(await codeOf(() => link.unwrap(wrapped, binding)), "CRYPTO_OPEN_FAILED");
});

test("EQ3: an open broadcast gives a link of its own kind, that of a group another", async () => {
  for (const suite of suites) {
    const [open, mirror, group] = await broadcasts(suite);
    for (const link of [open?.recipient, open?.originator, mirror?.recipient]) assert.ok(link instanceof PublicLink);
    for (const link of [group?.recipient, group?.originator]) assert.ok(link instanceof GroupLink);
    assert.ok(!("seal" in (group?.recipient ?? {})) && !("exportKey" in (open?.recipient ?? {})), "no records, no exported keys");
  }
});

test("EQ3 EQ4 BCAST: a broadcast names a licence, an end and, for a group, the group; a terminal has no group", async () => {
  const [suite] = suites;
  assert.ok(suite !== undefined);
  const group = makeGroup(suite).record;
  for (const name of ["open-broadcast", "group-broadcast"] as const) {
    const { originate } = mechanisms[name];
    const server = originatorContext(pair.server, pair.terminal);
    assert.equal(await codeOf(() => originate(server, { suite, group })), "LINK_FIELD_WRONG");
    assert.equal(await codeOf(() => originate(server, { suite, group, licence: new Uint8Array(0) })), "LINK_FIELD_WRONG");
    const unnamed = { ...server, self: { name: null, role: "server" } as const };
    assert.equal(await codeOf(() => originate(unnamed, { suite, group, licence })), "LINK_FIELD_WRONG");
    const terminal = originatorContext(pair.terminal, pair.server);
    const expected = name === "open-broadcast" ? "accepted" : "LINK_MECHANISM_UNKNOWN";
    assert.equal(await codeOf(() => originate(terminal, { suite, group, licence })), expected);
  }
  assert.equal(
    await codeOf(() => mechanisms["group-broadcast"].originate(originatorContext(pair.server, pair.terminal), { suite, licence })),
    "LINK_FIELD_WRONG",
  );
});

test("EQ3 BCAST: who is not enrolled, and has no name, hears a broadcast that brings its certificates", async () => {
  for (const originator of ["server", "terminal"] as const) {
    for (const suite of suites) {
      const from = originator === "server" ? pair.server : pair.terminal;
      const stranger = await makeParty(pair.authority, { name: "stranger", role: otherRole(originator) });
      const sent = await mechanisms["open-broadcast"].originate(originatorContext(from, stranger), { suite, licence });
      const context = { ...recipientContext(stranger, pair.authority), self: { name: null, role: otherRole(originator) } as const };
      const accepted = await acceptMessage(context, sent.message);
      assert.ok(accepted.kind === "broadcast");
      assert.equal(accepted.link.originator, from.self.name);
      assert.deepEqual(accepted.licence, licence);
    }
  }
});
