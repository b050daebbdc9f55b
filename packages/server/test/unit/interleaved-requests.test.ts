import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { terminalRequestCodec } from "@sealane/api";
import { sha256, systemRandom } from "@sealane/crypto";
import { ConfidentialLink } from "@sealane/link";
import { artefactId, encodeAs, equalBytes, hasCode } from "@sealane/wire";
import { establishLink } from "../../src/key/establish.ts";
import { exchangeRecord } from "../../src/key/exchange.ts";
import { InboxWaiters } from "../../src/key/inbox-waiters.ts";
import type { KeyRole } from "../../src/key/key-role.ts";
import { defaultLimits } from "../../src/limits.ts";
import { migrateDatabase, openDatabase } from "../../src/storage/database.ts";
import { type KeyStores, sqlKeyStores, transactional } from "../../src/storage/stores.ts";
import { bytes, newLink, now, sampleLink, sampleMessage, samplePeer, samplePending, sampleSeal, sampleServer } from "./storage/samples.ts";

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

/** A key role on an empty database, whose requests meet where `meet` says. */
async function roleWith(t: TestContext, meet: (stores: KeyStores) => Partial<KeyStores>): Promise<KeyRole> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-interleaved-"));
  const file = join(folder, "data.sqlite");
  await migrateDatabase(file);
  const db = await openDatabase(file);
  t.after(async () => {
    await db.destroy();
    await rm(folder, { recursive: true });
  });
  const options = { seal: sampleSeal(), now: () => now, maxPerOriginator: 10 };
  const { stores, atomically } = transactional(db, (queries) => sqlKeyStores(queries, options));
  await stores.terminals.activate(samplePeer());
  const { self, anchor } = sampleServer;
  return {
    self,
    anchor,
    licenceSigner: self.signing,
    stores: { ...stores, ...meet(stores) },
    atomically,
    waiters: new InboxWaiters(1),
    now: () => now,
    random: systemRandom,
    limits: defaultLimits,
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
  const responses = valuesOf(await inAll(() => exchangeRecord(role, { linkId: link.id, record })));
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
  const results = await inAll((i) => exchangeRecord(role, { linkId: link.id, record: records[i] ?? bytes("none") }));
  const winner = results.findIndex(({ status }) => status === "fulfilled");
  assert.equal(valuesOf(results).length, 1);
  for (const result of results) assert.ok(result.status === "fulfilled" || hasCode(result.reason, "LINK_RECORD_OUT_OF_ORDER"));
  assert.deepEqual((await role.stores.terminals.find(peer.name))?.installed[0]?.sequence, winner);
});

test("FNONCE: M1 that several processes take at once makes one link and is answered alike", async (t) => {
  const role = await roleWith(t, ({ terminals }) => ({ terminals: { ...terminals, findBySigner: meeting(terminals.findBySigner) } }));
  const message = await sampleMessage();
  const answers = valuesOf(await inAll(() => establishLink(role, message)));
  assert.equal(answers.length, together);
  for (const answer of answers) assert.equal(equalBytes(answer, answers[0] ?? bytes("none")), true);
});

test("EQ1: an answer that several processes take at once makes one link and is answered alike", async (t) => {
  const role = await roleWith(t, ({ pendingLinks }) => ({ pendingLinks: { ...pendingLinks, find: meeting(pendingLinks.find) } }));
  const { name, signingThumbprint } = samplePeer();
  const { awaited, answer } = await samplePending();
  const id = artefactId(sha256(bytes("artefact")));
  await role.stores.pendingLinks.add({ awaited, terminal: name, signingThumbprint, artefactId: id, expiresAtSeconds: now });
  const records = valuesOf(await inAll(() => establishLink(role, answer)));
  assert.equal(records.length, together);
  for (const record of records) assert.equal(equalBytes(record, records[0] ?? bytes("none")), true);
});
