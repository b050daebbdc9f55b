import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type DeliveryPolicy, deliveryPolicy, terminalRequestCodec } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import { ConfidentialLink, type MechanismName, mechanisms } from "@sealane/link";
import { encodeAs, equalBytes, hasCode } from "@sealane/wire";
import { Metrics } from "../../src/http/metrics.ts";
import { ChannelWaiters } from "../../src/key/channel-waiters.ts";
import { establishLink } from "../../src/key/establish.ts";
import { exchangeRecord } from "../../src/key/exchange.ts";
import { InboxWaiters } from "../../src/key/inbox-waiters.ts";
import type { KeyRole } from "../../src/key/key-role.ts";
import { defaultLimits } from "../../src/limits.ts";
import { migrateDatabase, openDatabase } from "../../src/storage/database.ts";
import type { IssuedLicence } from "../../src/storage/licences.ts";
import { type KeyStores, sqlKeyStores, transactional } from "../../src/storage/stores.ts";
import {
  bytes,
  newLink,
  now,
  pendingReply,
  sampleLink,
  sampleMessage,
  samplePeer,
  samplePending,
  sampleRelease,
  sampleSeal,
  sampleServer,
  sampleTerminalEnd,
} from "./storage/samples.ts";

/**
 * Requests of several processes at once: each has read the state before any of them writes. In one process on SQLite this does not
 * happen, because nothing there waits.
 */
const together = 4;

/** Lets a read go on when as many requests as run together have come to it. */
function meeting<Arguments extends readonly unknown[], T>(read: (...args: Arguments) => Promise<T>): (...args: Arguments) => Promise<T> {
  const all = Promise.withResolvers<void>();
  let arrived = 0;
  return async (...args) => {
    const found = await read(...args);
    if (++arrived === together) all.resolve();
    await all.promise;
    return found;
  };
}

/** The same role, where reads of what is pending meet. */
function meetingAtPending(role: KeyRole): KeyRole {
  const { pendingLinks } = role.stores;
  return { ...role, stores: { ...role.stores, pendingLinks: { ...pendingLinks, find: meeting(pendingLinks.find) } } };
}

/** A key role on an empty database, whose requests meet where `meet` says. */
async function roleWith(
  t: TestContext,
  meet: (stores: KeyStores) => Partial<KeyStores>,
  policy: Partial<DeliveryPolicy> = {},
): Promise<KeyRole> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-interleaved-"));
  const file = join(folder, "data.sqlite");
  await migrateDatabase({ kind: "sqlite", file });
  const db = await openDatabase({ kind: "sqlite", file });
  t.after(async () => {
    await db.destroy();
    await rm(folder, { recursive: true });
  });
  const options = { seal: sampleSeal, now: () => now, maxPerOriginator: 10 };
  const { stores, atomically } = transactional(db, (queries) => sqlKeyStores(queries, options));
  await stores.terminals.activate(samplePeer());
  return {
    ...sampleServer,
    stores: { ...stores, ...meet(stores) },
    atomically,
    waiters: new InboxWaiters(1),
    listeners: new ChannelWaiters(1),
    policy: deliveryPolicy(policy),
    now: () => now,
    random: systemRandom,
    limits: defaultLimits,
    metrics: new Metrics(),
  };
}

function inAll<T>(send: (i: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  return Promise.allSettled(Array.from({ length: together }, (_, i) => send(i)));
}

function valuesOf<T>(results: readonly PromiseSettledResult<T>[]): readonly T[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

test("one record that several processes take at once is answered alike", async (t) => {
  const role = await roleWith(t, ({ links }) => ({ links: { ...links, find: meeting(links.find) } }));
  const { link, terminalEnd } = await sampleLink();
  await role.stores.links.add(newLink(link, samplePeer()));
  const record = terminalEnd.seal(encodeAs(terminalRequestCodec, { kind: "offers", module: null, installed: [] }), now);
  const responses = valuesOf(await inAll(() => exchangeRecord(role, { linkId: link.id, record }, () => {})));
  assert.equal(responses.length, together);
  for (const { response } of responses) assert.equal(equalBytes(response, responses[0]?.response ?? bytes("none")), true);
});

test("of different records at one place that several processes take at once one counts", async (t) => {
  const role = await roleWith(t, ({ links }) => ({ links: { ...links, find: meeting(links.find) } }));
  const { link, terminalEnd } = await sampleLink();
  const peer = samplePeer();
  await role.stores.links.add(newLink(link, peer));
  const records = Array.from({ length: together }, (_, i) => {
    using saved = terminalEnd.save();
    const installed = [{ module: "app", version: `${i}`, sequence: i }];
    return ConfidentialLink.load(saved).seal(encodeAs(terminalRequestCodec, { kind: "offers", module: null, installed }), now);
  });
  const results = await inAll((i) => exchangeRecord(role, { linkId: link.id, record: records[i] ?? bytes("none") }, () => {}));
  const winner = results.findIndex(({ status }) => status === "fulfilled");
  assert.equal(valuesOf(results).length, 1);
  for (const result of results) assert.ok(result.status === "fulfilled" || hasCode(result.reason, "LINK_RECORD_OUT_OF_ORDER"));
  assert.deepEqual((await role.stores.terminals.find(peer.name))?.installed[0]?.sequence, winner);
});

test("FNONCE: M1 that several processes take at once makes one link and is answered alike", async (t) => {
  const role = await roleWith(t, ({ terminals }) => ({ terminals: { ...terminals, findBySigner: meeting(terminals.findBySigner) } }));
  const message = await sampleMessage();
  const answers = valuesOf(await inAll(() => establishLink(role, message, () => {})));
  assert.equal(answers.length, together);
  for (const answer of answers) assert.equal(equalBytes(answer, answers[0] ?? bytes("none")), true);
});

test("EQ1: an answer that several processes take at once makes one link and is answered alike", async (t) => {
  const role = await roleWith(t, ({ pendingLinks }) => ({ pendingLinks: { ...pendingLinks, find: meeting(pendingLinks.find) } }));
  const { awaited, answer } = await samplePending();
  await role.stores.pendingLinks.add(pendingReply(awaited, samplePeer()));
  const records = valuesOf(await inAll(() => establishLink(role, answer, () => {})));
  assert.equal(records.length, together);
  for (const record of records) assert.equal(equalBytes(record, records[0] ?? bytes("none")), true);
});

const allMechanisms: Partial<DeliveryPolicy> = { content: Object.keys(mechanisms) as MechanismName[] };

function requireAlike(replies: readonly Uint8Array[]): Uint8Array {
  assert.equal(replies.length, together);
  const [first] = replies;
  assert.ok(first !== undefined && replies.every((reply) => equalBytes(reply, first)));
  return first;
}

for (const mechanism of ["anonymous-transport", "anonymous-agreement"] as const) {
  test(`ANON: M1 of ${mechanism} that several processes take at once makes one link and is answered alike`, async (t) => {
    const meet = ({ links }: KeyStores) => ({ links: { ...links, findOpened: meeting(links.findOpened) } });
    const role = await roleWith(t, meet, allMechanisms);
    const message = await sampleMessage(mechanism);
    requireAlike(valuesOf(await inAll(() => establishLink(role, message, () => {}))));
  });
}

for (const mechanism of ["signed-transport", "anonymous-transport", "mutual-nonce"] as const) {
  test(`FCLOCK: M1 of ${mechanism} with a challenge that several processes take at once is replied to alike`, async (t) => {
    const meet = ({ links }: KeyStores) => ({ links: { ...links, findOpened: meeting(links.findOpened) } });
    const role = await roleWith(t, meet, { ...allMechanisms, application: [mechanism] });
    const challenge = bytes("challenge");
    await role.stores.challenges.add(challenge, now);
    const message = await sampleMessage(mechanism, { challenge });
    requireAlike(valuesOf(await inAll(() => establishLink(role, message, () => {}))));
    const again = await sampleMessage(mechanism, { challenge });
    await assert.rejects(
      establishLink(role, again, () => {}),
      (error) => hasCode(error, "LINK_CHALLENGE_WRONG"),
    );
  });
}

/** Transactions that note which licences they record. */
function countingLicences({ atomically }: KeyRole, issued: IssuedLicence[]): KeyRole["atomically"] {
  return async (work) =>
    await atomically(async (stores) => {
      const add = async (licence: IssuedLicence): Promise<void> => {
        issued.push(licence);
        await stores.licences.add(licence);
      };
      return await work({ ...stores, licences: { ...stores.licences, add } });
    });
}

for (const mechanism of ["mutual-nonce", "mutual-agreement"] as const) {
  test(`M1 of ${mechanism} that several processes take at once is replied to alike, and M3 makes one link`, async (t) => {
    const role = await roleWith(t, () => ({}));
    const { message, third } = await sampleTerminalEnd(mechanism);
    const [forFirst, forThird] = [meetingAtPending(role), meetingAtPending(role)];
    const last = await third(requireAlike(valuesOf(await inAll(() => establishLink(forFirst, message, () => {})))));
    requireAlike(valuesOf(await inAll(() => establishLink(forThird, last, () => {}))));
  });

  test(`M2 of ${mechanism} that several processes take at once makes one link, one M3 and at most one licence`, async (t) => {
    const role = meetingAtPending(await roleWith(t, () => ({})));
    const release = sampleRelease("1.0");
    const { artefactId: offered } = release.description;
    await role.atomically(async ({ releases }) => await releases.add(release));
    const { awaited, answer, third } = await samplePending(mechanism);
    await role.stores.pendingLinks.add(pendingReply(awaited, samplePeer(), { artefactId: offered }));
    const issued: IssuedLicence[] = [];
    const counting = { ...role, atomically: countingLicences(role, issued) };
    const message = requireAlike(valuesOf(await inAll(() => establishLink(counting, answer, () => {}))));
    const { licence } = await third(message);
    assert.equal(issued.length, mechanism === "mutual-agreement" ? 1 : 0);
    assert.equal(equalBytes(licence ?? bytes("none"), issued[0]?.licence ?? bytes("none")), true);
  });
}
