import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "@sealane/crypto";
import { ConfidentialLink, type ReplayEntry, UnconfirmedLink } from "@sealane/link";
import { artefactId, equalBytes, hasCode, nonce, parseName, thumbprint } from "@sealane/wire";
import {
  maxAnonymousLinks,
  maxLinksPerTerminal,
  maxOpenChallenges,
  maxThirdsPerTerminal,
  maxWaitingMessages,
} from "../../../src/limits.ts";
import type { Database } from "../../../src/storage/database.ts";
import { sqlReplayCache } from "../../../src/storage/replay-cache.ts";
import { type KeyStores, sqlKeyStores, transactional } from "../../../src/storage/stores.ts";
import type { NewTerminal } from "../../../src/storage/terminals.ts";
import {
  bytes,
  newLink,
  now,
  pendingReply,
  pendingThird,
  sampleContext,
  sampleLink,
  samplePending,
  sampleRelease,
  sampleSeal,
  sampleTerminal,
  sampleThird,
} from "./samples.ts";

const options = { seal: sampleSeal, now: () => now, maxPerOriginator: 10 };

/** An empty database with this version's schema, which is removed when the test ends. */
export interface TestDatabase {
  readonly db: Database;
  /** Closes it and opens it again, as a server does that is started again. */
  reopen(): Promise<Database>;
  remove(): Promise<void>;
}

/** What every database has to do for the stores. */
export function storeContract(dialect: string, create: () => Promise<TestDatabase>): void {
  const contract = (title: string, body: (database: TestDatabase, stores: KeyStores) => Promise<void>): void => {
    test(`${title} (${dialect})`, async () => {
      const database = await create();
      try {
        await body(database, sqlKeyStores(database.db, options));
      } finally {
        await database.remove();
      }
    });
  };

  contract("an operator token is known by its digest only", async (_, { operatorTokens }) => {
    await operatorTokens.add({ digest: sha256(bytes("token")), label: "first", nowSeconds: now });
    assert.equal(await operatorTokens.find(sha256(bytes("token"))), "first");
    assert.equal(await operatorTokens.find(sha256(bytes("another"))), null);
  });

  contract("an enrolment token is bound once and replaced by the next of its name", async (_, { enrolmentTokens }) => {
    const token = tokenOf("gate-1");
    await enrolmentTokens.put(token);
    assert.deepEqual(plain(await enrolmentTokens.find(token.id)), plain({ ...token, enrolment: null }));
    const enrolment = { ...sampleTerminal("gate-1"), boundAtSeconds: now + 5 };
    assert.equal(await enrolmentTokens.bind(token.id, enrolment), true);
    assert.equal(await enrolmentTokens.bind(token.id, { ...enrolment, boundAtSeconds: now + 6 }), false);
    const found = await enrolmentTokens.findBySigner(enrolment.signingThumbprint);
    assert.equal(found?.enrolment?.boundAtSeconds, now + 5);
    assert.deepEqual(plain(found?.enrolment?.keys), plain(enrolment.keys));
    assert.deepEqual(
      (await enrolmentTokens.listEnrolling()).map(({ name }) => name),
      ["gate-1"],
    );
    await enrolmentTokens.put({ ...token, id: bytes("other").subarray(0, 8) });
    assert.equal(await enrolmentTokens.find(token.id), null);
    assert.deepEqual(await enrolmentTokens.listEnrolling(), []);
  });

  contract("expired enrolment tokens are purged", async (_, { enrolmentTokens }) => {
    const token = tokenOf("gate-1");
    await enrolmentTokens.put(token);
    await enrolmentTokens.purge(token.expiresAtSeconds);
    assert.notEqual(await enrolmentTokens.find(token.id), null);
    await enrolmentTokens.purge(token.expiresAtSeconds + 1);
    assert.equal(await enrolmentTokens.find(token.id), null);
  });

  contract(
    "KDIR: a terminal is found by name and by signing certificate, and replaced by the next of its name",
    async (_, { terminals }) => {
      const first = sampleTerminal("gate-1");
      await terminals.activate(first);
      await terminals.report(first.name, [{ module: "app", version: "1", sequence: 3 }]);
      await terminals.seen(first.name, now + 1);
      const found = await terminals.findBySigner(first.signingThumbprint);
      const { signingKeyDigest: _s, keys: _k, ...kept } = first;
      const installed = [{ module: "app", version: "1", sequence: 3 }];
      assert.deepEqual(plain(found), plain({ ...kept, lastSeenSeconds: now + 1, installed }));
      const second = sampleTerminal("gate-1", { signingThumbprint: thumbprint(bytes("new")), model: "m2" });
      await terminals.activate(second);
      assert.equal(await terminals.findBySigner(first.signingThumbprint), null);
      assert.equal((await terminals.find("gate-1"))?.model, "m2");
      assert.deepEqual(
        (await terminals.list()).map(({ name }) => name),
        ["gate-1"],
      );
    },
  );

  contract("a key belongs to one name", async (_, { terminals }) => {
    const one = sampleTerminal("gate-1");
    await terminals.activate(one);
    const other = sampleTerminal("gate-2");
    assert.equal(await terminals.areKeysTaken(one.name, one), false);
    assert.equal(await terminals.areKeysTaken(other.name, other), false);
    assert.equal(await terminals.areKeysTaken(other.name, { ...other, signingKeyDigest: one.signingKeyDigest }), true);
    for (const { keyDigest } of one.keys) {
      for (const position of other.keys.keys()) {
        const keys = other.keys.map((key, i) => (i === position ? { ...key, keyDigest } : key));
        assert.equal(await terminals.areKeysTaken(other.name, { ...other, keys }), true);
        await assert.rejects(terminals.activate({ ...other, keys }));
      }
    }
    await assert.rejects(terminals.activate({ ...other, signingKeyDigest: one.signingKeyDigest }));
  });

  contract("a key that signs belongs to one name, be it the first of its terminal or a further one", async (_, { terminals }) => {
    const further = (name: string): NewTerminal["keys"][number] => ({
      purpose: "sign",
      kind: "ml-dsa-65",
      keyDigest: sha256(bytes(`further key of ${name}`)),
      chain: [bytes(`further certificate of ${name}`)],
    });
    const [one, other] = ["gate-1", "gate-2"].map((name) => sampleTerminal(name, { keys: [further(name)] }));
    assert.ok(one !== undefined && other !== undefined);
    await terminals.activate(one);
    assert.equal(await terminals.areKeysTaken(other.name, other), false);
    const [key] = one.keys;
    assert.ok(key !== undefined);
    const taking: readonly Partial<NewTerminal>[] = [
      { keys: [key] },
      { signingKeyDigest: key.keyDigest },
      { keys: [{ ...key, keyDigest: one.signingKeyDigest }] },
    ];
    for (const taken of taking) assert.equal(await terminals.areKeysTaken(other.name, { ...other, ...taken }), true);
    // Its own terminal may put its keys in another order, and use none for anything else.
    const turned = { ...one, signingKeyDigest: key.keyDigest, keys: [{ ...key, keyDigest: one.signingKeyDigest }] };
    assert.equal(await terminals.areKeysTaken(one.name, turned), false);
    for (const keyDigest of [one.signingKeyDigest, key.keyDigest]) {
      const decrypting: NewTerminal = {
        ...one,
        signingKeyDigest: sha256(bytes("new")),
        keys: [{ ...key, purpose: "decrypt" as const, keyDigest }],
      };
      assert.equal(await terminals.areKeysTaken(one.name, decrypting), true);
    }
    const certificate = thumbprint(sha256(key.chain[0] ?? new Uint8Array(0)));
    const found = await terminals.findByOtherSigner(certificate);
    assert.deepEqual([found?.terminal.name, plain(found?.chain)], [one.name, plain(key.chain)]);
    assert.equal(await terminals.findBySigner(certificate), null);
    assert.equal(await terminals.findByOtherSigner(one.signingThumbprint), null);
    await terminals.activate(sampleTerminal("gate-1"));
    assert.equal(await terminals.findByOtherSigner(certificate), null);
  });

  contract("a key belongs to one purpose, also of its own terminal's next enrolment", async (_, { terminals }) => {
    const one = sampleTerminal("gate-1");
    await terminals.activate(one);
    const swapped = one.keys.map((key) => ({ ...key, purpose: key.purpose === "agree" ? ("decrypt" as const) : ("agree" as const) }));
    for (const key of swapped) assert.equal(await terminals.areKeysTaken(one.name, { ...one, keys: [key] }), true);
    const renewed = one.keys.map((key, i) => (i === 0 ? { ...key, keyDigest: sha256(bytes("new key")) } : key));
    assert.equal(await terminals.areKeysTaken(one.name, { ...one, keys: renewed }), false);
    const [decrypting] = one.keys;
    assert.ok(decrypting !== undefined);
    await assert.rejects(terminals.activate({ ...one, keys: [decrypting, { ...decrypting, purpose: "agree" }] }));
  });

  contract(
    "KDIR: a terminal's certificates are found by purpose and kind and in their order, of its latest enrolment only",
    async (_, { terminals }) => {
      const first = sampleTerminal("gate-1");
      await terminals.activate(first);
      await terminals.activate(sampleTerminal("gate-2"));
      assert.equal(new Set(first.keys.map(({ chain }) => chain[0]?.toHex())).size, 4);
      for (const key of first.keys) assert.deepEqual(plain(await terminals.chain(first.name, key)), plain(key.chain));
      const chains = first.keys.map(({ purpose, chain }) => ({ purpose, chain }));
      assert.deepEqual(plain(await terminals.keyChains(first.name)), plain(chains));
      const [key] = first.keys.toReversed();
      assert.ok(key !== undefined);
      await terminals.activate({ ...first, keys: [key] });
      assert.deepEqual(plain(await terminals.keyChains(first.name)), plain([{ purpose: key.purpose, chain: key.chain }]));
      for (const other of first.keys.filter((each) => each !== key)) assert.equal(await terminals.chain(first.name, other), null);
      assert.equal((await terminals.keyChains(parseName("gate-2"))).length, first.keys.length);
      assert.deepEqual(await terminals.keyChains(parseName("gate-3")), []);
    },
  );

  contract("last-seen is written once a minute", async (_, { terminals }) => {
    const { name } = sampleTerminal("gate-1");
    await terminals.activate(sampleTerminal("gate-1"));
    for (const after of [0, 30, 60]) await terminals.seen(name, now + after);
    assert.equal((await terminals.find(name))?.lastSeenSeconds, now);
    await terminals.seen(name, now + 61);
    assert.equal((await terminals.find(name))?.lastSeenSeconds, now + 61);
  });

  contract("the newest release of each module that is for a model", async ({ db }) => {
    const { atomically, stores } = transactional(db, (queries) => sqlKeyStores(queries, options));
    const add = async (label: string, changes: Parameters<typeof sampleRelease>[1]): Promise<string> =>
      await atomically(({ releases }) => releases.add(sampleRelease(label, changes)));
    assert.equal(await add("a1", { sequence: 1 }), "added");
    assert.equal(await add("a3", { sequence: 3, models: ["m2"] }), "added");
    assert.equal(await add("a2", { sequence: 2, models: ["m1", "m2"] }), "added");
    assert.equal(await add("b", { module: "beta", models: [] }), "added");
    const newest = async (model: string, module: string | null = null, max = 10): Promise<readonly string[]> =>
      (await stores.releases.newest(model, { module, max })).map(({ description }) => description.version);
    assert.deepEqual(await newest("m1"), ["a2", "b"]);
    assert.deepEqual(await newest("m2"), ["a3", "b"]);
    assert.deepEqual(await newest("m3"), ["b"]);
    assert.deepEqual(await newest("m1", "app"), ["a2"]);
    assert.deepEqual(await newest("m1", "none"), []);
    assert.deepEqual(await newest("m1", null, 1), ["a2"]);
    assert.deepEqual(
      (await stores.releases.list()).map(({ description }) => description.version),
      ["a3", "a2", "a1", "b"],
    );
    const release = sampleRelease("a1");
    assert.deepEqual(plain(await stores.releases.find(release.description.artefactId)), plain(release));
    assert.equal(await stores.releases.find(artefactId(bytes("none"))), null);
  });

  contract("a sequence number is given once for a model", async ({ db }) => {
    const { atomically, stores } = transactional(db, (queries) => sqlKeyStores(queries, options));
    const add = async (label: string, models: readonly string[], changes = {}): Promise<string> =>
      await atomically(({ releases }) => releases.add(sampleRelease(label, { models, ...changes })));
    assert.equal(await add("one", ["m1", "m2"]), "added");
    assert.equal(await add("overlapping", ["m2", "m3"]), "conflict");
    assert.equal(await add("for all", []), "conflict");
    assert.equal(await add("beside", ["m3"]), "added");
    assert.equal(await add("other", [], { module: "other" }), "added");
    assert.equal(await add("under all", ["m1"], { module: "other" }), "conflict");
    // the same again: its statement is replaced, by its publisher only and with the same words
    const known = sampleRelease("one", { models: ["m1", "m2"] });
    assert.equal(await atomically(({ releases }) => releases.add({ ...known, statement: bytes("again") })), "added");
    assert.deepEqual(plain((await stores.releases.find(known.description.artefactId))?.statement), plain(bytes("again")));
    const version = { version: "overlapping", sequence: 90 };
    for (const [label, changes, expected] of [
      ["first of its version", { models: ["m1", "m2"] }, "added"],
      ["another for one of them", { sequence: 91, models: ["m2", "m3"] }, "version taken"],
      ["another for all", { sequence: 92, models: [] }, "version taken"],
      ["another for others", { sequence: 93, models: ["m3"] }, "added"],
      ["another module's", { module: "other", sequence: 94, models: ["m1"] }, "added"],
      ["the same file again", { sequence: 95, models: ["m1"], sha256: sha256(bytes("first of its version")) }, "added"],
    ] as const) {
      assert.equal(await atomically(({ releases }) => releases.add(sampleRelease(label, { ...version, ...changes }))), expected, label);
    }
    assert.equal(await atomically(({ releases }) => releases.add({ ...known, publisher: parseName("other") })), "conflict");
    assert.equal(
      await atomically(({ releases }) => releases.add({ ...known, description: { ...known.description, sequence: 9 } })),
      "conflict",
    );
  });

  contract("WHO: a release of before releases travelled is listed and not offered, and its sequence number stays taken", async ({ db }) => {
    const { atomically, stores } = transactional(db, (queries) => sqlKeyStores(queries, options));
    const [former, other] = [sampleRelease("former", { sequence: 2 }), sampleRelease("other", { sequence: 1 })];
    for (const each of [former, other]) assert.equal(await atomically(({ releases }) => releases.add(each)), "added");
    const { artefactId: id } = former.description;
    await db.updateTable("releases").set({ sealed_key: null }).where("artefact_id", "=", id).execute();
    assert.equal(await stores.releases.find(id), null);
    assert.equal((await stores.releases.findAny(id))?.sealedContentKey, null);
    for (const offered of [await stores.releases.newest("m1", { module: "app", max: 9 }), await stores.releases.newestOf("app", 9)]) {
      assert.deepEqual(
        offered.map(({ description }) => description.version),
        ["other"],
      );
    }
    assert.deepEqual(
      (await stores.releases.list()).map(({ description, sealedContentKey }) => [description.version, sealedContentKey !== null]),
      [
        ["former", false],
        ["other", true],
      ],
    );
    assert.equal(await atomically(({ releases }) => releases.add(sampleRelease("third", { sequence: 2 }))), "conflict");
    assert.equal(await atomically(({ releases }) => releases.add(former)), "added");
    assert.deepEqual(plain(await stores.releases.find(id)), plain(former));
  });

  contract("a sealed content key is replaced by who knows it", async ({ db }) => {
    const { atomically, stores } = transactional(db, (queries) => sqlKeyStores(queries, options));
    const known = sampleRelease("one");
    const { artefactId: id } = known.description;
    await atomically(({ releases }) => releases.add(known));
    const [before, after] = [known.sealedContentKey, bytes("after")];
    assert.equal(await stores.releases.reseal(id, { before: after, after }), false);
    assert.equal(await stores.releases.reseal(id, { before, after }), true);
    assert.equal(await stores.releases.reseal(id, { before, after }), false);
    assert.deepEqual(plain((await stores.releases.find(id))?.sealedContentKey), plain(after));
  });

  contract("FNONCE: a message is accepted once, also after a restart", async (database) => {
    const cache = sqlReplayCache(database.db, options);
    assert.equal(await cache.insert(entryOf("a")), "fresh");
    assert.equal(await cache.insert(entryOf("a")), "seen");
    assert.equal(await cache.insert(entryOf("b")), "fresh");
    assert.equal(await cache.insert(entryOf("a", { originator: "other" })), "fresh");
    const again = sqlReplayCache(await database.reopen(), options);
    assert.equal(await again.insert(entryOf("a")), "seen");
    assert.equal(await again.insert(entryOf("c")), "fresh");
  });

  contract("FNONCE: of many that insert one message at once, one is first", async ({ db }) => {
    const cache = sqlReplayCache(db, options);
    const results = await Promise.all(Array.from({ length: 20 }, () => cache.insert(entryOf("a"))));
    assert.deepEqual(results.filter((result) => result === "fresh").length, 1);
    assert.deepEqual(results.filter((result) => result === "seen").length, 19);
  });

  contract("FNONCE: a sender has a quota of its own, which time gives back", async ({ db }) => {
    let clock = now;
    const cache = sqlReplayCache(db, { now: () => clock, maxPerOriginator: 3 });
    for (const label of ["a", "b", "c"]) assert.equal(await cache.insert(entryOf(label)), "fresh");
    assert.equal(await cache.insert(entryOf("d")), "full");
    assert.equal(await cache.insert(entryOf("a")), "seen");
    assert.equal(await cache.insert(entryOf("d", { originator: "other" })), "fresh");
    clock = now + 101;
    assert.equal(await cache.insert(entryOf("d", { rememberUntilSeconds: clock + 100 })), "fresh");
  });

  contract("FNONCE FCLOCK: what was forgotten while the clock ran ahead is not taken again", async (database) => {
    let clock = now;
    const moving = { now: () => clock, maxPerOriginator: 10 };
    const cache = sqlReplayCache(database.db, moving);
    assert.equal(await cache.insert(entryOf("a", { rememberUntilSeconds: now + 100 })), "fresh");
    clock = now + 1_000_000;
    assert.equal(await cache.insert(entryOf("b", { rememberUntilSeconds: clock + 100 })), "fresh");
    clock = now;
    assert.equal(await cache.insert(entryOf("a", { rememberUntilSeconds: now + 100 })), "seen");
    const again = sqlReplayCache(await database.reopen(), moving);
    assert.equal(await again.insert(entryOf("a", { rememberUntilSeconds: now + 100 })), "seen");
    assert.equal(await again.insert(entryOf("c", { rememberUntilSeconds: now + 101 })), "fresh");
  });

  contract("a pending link is read without being used up, and taken once", async (_, { pendingLinks, terminals }) => {
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const { awaited, answer } = await samplePending();
    const pending = pendingReply(awaited, terminal, { expiresAtSeconds: now + 10 });
    assert.equal(await pendingLinks.add(pending), true);
    for (const _ of [1, 2]) {
      const found = await pendingLinks.find(awaited.reference, now + 10);
      assert.ok(found?.kind === "reply");
      assert.deepEqual(plain([found.owner, found.artefactId]), plain([pending.owner, pending.artefactId]));
      const { link, message } = await found.awaited.receive(sampleContext("signed-transport", "server"), answer);
      assert.ok(link instanceof ConfidentialLink && message === null);
    }
    assert.equal(await pendingLinks.find(awaited.reference, now + 11), null);
    const takes = await Promise.all([1, 2, 3].map(() => pendingLinks.take(awaited.reference)));
    assert.equal(takes.filter((taken) => taken).length, 1); // whichever of them
    assert.equal(await pendingLinks.find(awaited.reference, now), null);
  });

  contract("KLIFE: expired pending links and links are refused and gone", async ({ db }, { pendingLinks, links, terminals }) => {
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const { awaited } = await samplePending();
    await pendingLinks.add(pendingReply(awaited, terminal));
    const { link } = await sampleLink();
    await links.add(newLink(link, terminal));
    const end = link.keyExpiresAtSeconds;
    assert.notEqual(await links.find(link.id, end), null);
    assert.equal(await links.find(link.id, end + 1), null);
    await pendingLinks.purge(end + 1);
    await links.purge(end + 1);
    for (const table of ["links", "pending_links"] as const) {
      assert.deepEqual(await db.selectFrom(table).select("terminal").execute(), []);
    }
  });

  contract("a link advances from the state that was read, or not at all", async (_, { links, terminals }) => {
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const { link, terminalEnd } = await sampleLink();
    const opening = { requestDigest: sha256(bytes("message")), response: bytes("answer") };
    await links.add(newLink(link, terminal, { opening }));
    const stored = await links.findOpened(opening.requestDigest, now);
    assert.ok(stored?.link instanceof UnconfirmedLink);
    assert.deepEqual(plain([stored.last, stored.version, stored.owner?.name]), plain([opening, 0, terminal.name]));
    const confirmed = stored.link.confirm(terminalEnd.seal(bytes("hello"), now), now);
    const first = { requestDigest: sha256(bytes("record 1")), response: bytes("response 1") };
    assert.equal(await links.advance({ link: confirmed.link, version: 0, endsAtSeconds: now + 1_000, ...first }), true);
    assert.equal(await links.advance({ link: confirmed.link, version: 0, endsAtSeconds: now + 1_000, ...first }), false);
    const next = await links.find(link.id, now);
    assert.ok(next?.link instanceof ConfidentialLink);
    assert.deepEqual(plain([next.last, next.version]), plain([first, 1]));
    assert.deepEqual(plain(next.link.open(terminalEnd.seal(bytes("more"), now), now)), plain(bytes("more")));
  });

  contract("a terminal keeps its newest links", async (_, { links, terminals }) => {
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const ids: Uint8Array[] = [];
    for (let i = 0; i <= maxLinksPerTerminal; i++) {
      const { link } = await sampleLink();
      ids.push(link.id);
      await links.add(newLink(link, terminal, { nowSeconds: now + i }));
    }
    const found = await Promise.all(ids.map(async (id) => (await links.find(id, now)) !== null));
    assert.deepEqual(found, [false, ...Array.from({ length: maxLinksPerTerminal }, () => true)]);
  });

  contract("a message establishes one link, and the second try pushes no other out", async (_, { links, terminals }) => {
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const { link } = await sampleLink();
    const { link: other } = await sampleLink();
    const opening = { requestDigest: sha256(bytes("message")), response: bytes("answer") };
    for (let i = 1; i < maxLinksPerTerminal; i++) await links.add(newLink((await sampleLink()).link, terminal, { nowSeconds: now + i }));
    assert.equal(await links.add(newLink(link, terminal, { opening })), true);
    assert.equal(await links.add(newLink(other, terminal, { opening })), false);
    assert.deepEqual([(await links.find(link.id, now)) !== null, await links.find(other.id, now)], [true, null]);
  });

  contract("ANON: a link of an anonymous terminal has no owner, and such links make room among themselves", async ({ db }, stores) => {
    const { links, terminals } = stores;
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const { link: named } = await sampleLink();
    await links.add(newLink(named, terminal, { nowSeconds: now - 10, offered: artefactId(bytes("offered")) }));
    await fillAnonymous(db, maxAnonymousLinks);
    const { link } = await sampleLink("anonymous-transport");
    assert.equal(await links.add(newLink(link, null)), true);
    const { count } = await db
      .selectFrom("links")
      .where("terminal", "is", null)
      .select((sql) => sql.fn.countAll<number | string>().as("count"))
      .executeTakeFirstOrThrow();
    assert.equal(Number(count), maxAnonymousLinks);
    const stored = await links.find(link.id, now);
    assert.deepEqual([stored?.owner, stored?.offered], [null, null]);
    assert.deepEqual(plain((await links.find(named.id, now))?.offered), plain(bytes("offered")));
    const oldest = await db.selectFrom("links").select("id").where("id", "=", anonymousId(0)).executeTakeFirst();
    assert.equal(oldest, undefined);
  });

  contract("a terminal's waits for M3 are bounded; the newest stay, and its waits for replies all do", async ({ db }, stores) => {
    const { pendingLinks, terminals } = stores;
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const { awaited: reply } = await samplePending("mutual-nonce");
    assert.equal(await pendingLinks.add(pendingReply(reply, terminal, { expiresAtSeconds: now - 1 })), true);
    const { awaited, message } = await sampleThird();
    const pending = pendingThird(awaited, terminal, { sent: message });
    for (let i = 0; i < maxThirdsPerTerminal; i++) {
      const expires_at = i === 0 ? now - 1 : now; // one is the oldest, the others are as old as the one that comes
      const row = { terminal: terminal.name, signing_thumbprint: terminal.signingThumbprint, artefact_id: null, state: bytes("state") };
      await db
        .insertInto("pending_links")
        .values({ ...row, reference: anonymousId(i), sent: bytes("M2"), expires_at })
        .execute();
    }
    assert.equal(await pendingLinks.add(pending), true);
    assert.equal(await pendingLinks.add(pending), false);
    const found = await pendingLinks.find(awaited.reference, now);
    assert.ok(found?.kind === "third" && found.awaited.claimedOriginator === awaited.claimedOriginator);
    assert.deepEqual(plain([found.sent, found.owner]), plain([message, pending.owner]));
    const left = await db.selectFrom("pending_links").select(["reference", "artefact_id"]).execute();
    assert.equal(left.filter(({ artefact_id }) => artefact_id === null).length, maxThirdsPerTerminal);
    assert.equal(left.filter(({ artefact_id }) => artefact_id !== null).length, 1);
    assert.equal(
      left.some(({ reference }) => equalBytes(reference, anonymousId(0))),
      false,
    );
  });

  contract("FCLOCK: a challenge is taken once and in its time; the oldest of too many make room", async ({ db }, { challenges }) => {
    const challenge = (i: number): Uint8Array => bytes(`challenge ${i}`);
    await challenges.add(challenge(0), now - 1);
    await challenges.add(challenge(1), now);
    assert.deepEqual([await challenges.take(challenge(0), now), await challenges.take(challenge(2), now)], [false, false]);
    const takes = await Promise.all([1, 2, 3].map(() => challenges.take(challenge(1), now)));
    assert.equal(takes.filter((taken) => taken).length, 1); // whichever of them
    const rows = Array.from({ length: maxOpenChallenges - 1 }, (_, i) => ({ challenge: challenge(10 + i), expires_at: now + 1 + i }));
    await db.insertInto("challenges").values(rows).execute();
    for (const i of [3, 4]) await challenges.add(challenge(i), now + 10_000);
    const left = await db.selectFrom("challenges").select("expires_at").orderBy("expires_at").execute();
    assert.deepEqual([left.length, left[0]?.expires_at, left[1]?.expires_at], [maxOpenChallenges, now + 2, now + 3]);
    assert.deepEqual([await challenges.take(challenge(3), now), await challenges.take(challenge(4), now)], [true, true]);
    await challenges.purge(now + 100_000);
    assert.deepEqual(await db.selectFrom("challenges").selectAll().execute(), []);
  });

  contract("secrets of links are not in the database as they are", async ({ db }, { links, pendingLinks, terminals }) => {
    const terminal = sampleTerminal("gate-1");
    await terminals.activate(terminal);
    const { link } = await sampleLink();
    await links.add(newLink(link, terminal));
    const { awaited } = await samplePending();
    await pendingLinks.add(pendingReply(awaited, terminal));
    for (const [table, secret] of [
      ["links", link.save()],
      ["pending_links", awaited.save()],
    ] as const) {
      const { state } = await db.selectFrom(table).select("state").executeTakeFirstOrThrow();
      // the saved form ends with its secret and what follows; any run of its bytes would be found
      secret.use((saved) => {
        for (let at = 0; at + 16 <= saved.length; at++) assert.equal(Buffer.from(state).includes(saved.subarray(at, at + 16)), false);
      });
    }
  });

  contract("an inbox grows by position, keeps what was read, and gives it again", async ({ db }, { terminals }) => {
    const { atomically, stores } = transactional(db, (queries) => sqlKeyStores(queries, options));
    const { name } = sampleTerminal("gate-1");
    await terminals.activate(sampleTerminal("gate-1"));
    await terminals.activate(sampleTerminal("gate-2"));
    const put = async (label: string, terminal = name): Promise<void> =>
      await atomically(({ inbox }) =>
        inbox.add({ terminal, reference: bytes(label).subarray(0, 16), message: bytes(label), expiresAtSeconds: now + 10 }, now),
      );
    for (const label of ["a", "b", "c"]) await put(label);
    await put("x", parseName("gate-2"));
    const read = async (after: number, at = now): Promise<readonly unknown[]> =>
      (await stores.inbox.after(name, after, at)).map(({ position, message }) => [position, Buffer.from(message).toString("hex")]);
    const message = (label: string): string => Buffer.from(bytes(label)).toString("hex");
    const all = [
      [1, message("a")],
      [2, message("b")],
      [3, message("c")],
    ];
    assert.deepEqual([await read(0), await read(0), await read(2), await read(3)], [all, all, [[3, message("c")]], []]);
    assert.deepEqual(await read(0, now + 11), []);
    const next = async (after: number, at = now): Promise<number | undefined> => (await stores.inbox.next(name, after, at))?.position;
    assert.deepEqual([await next(0), await next(1), await next(3), await next(0, now + 11)], [1, 2, undefined, undefined]);
    await stores.inbox.remove(bytes("c").subarray(0, 16));
    await put("d");
    assert.deepEqual(await read(2), [[4, message("d")]]);
    await terminals.activate(sampleTerminal("gate-1", { signingThumbprint: thumbprint(bytes("new")) }));
    await stores.inbox.clear(name);
    await put("e");
    assert.deepEqual(await read(0), [[5, message("e")]]);
    await stores.inbox.purge(now + 11);
    assert.deepEqual(await read(0), []);
  });

  contract("an inbox is bounded, and is for terminals that are active", async (_, { inbox, terminals }) => {
    const { name } = sampleTerminal("gate-1");
    const message = (label: string, expiresAtSeconds = now + 10) =>
      ({ terminal: name, reference: bytes(label).subarray(0, 16), message: bytes(label), expiresAtSeconds }) as const;
    await assert.rejects(inbox.add(message("a"), now), (error) => hasCode(error, "SERVER_TERMINAL_INACTIVE"));
    await terminals.activate(sampleTerminal("gate-1"));
    await inbox.add(message("expired", now - 1), now);
    for (let i = 0; i < maxWaitingMessages; i++) await inbox.add(message(`${i}`), now);
    await assert.rejects(inbox.add(message("a"), now), (error) => hasCode(error, "SERVER_INBOX_FULL"));
    assert.equal((await inbox.after(name, 0, now)).length, 16);
  });

  contract("LIC: the licence issued last to a terminal for an artefact", async (_, { licences }) => {
    const licence = (label: string, issuedAtSeconds: number) => ({
      digest: sha256(bytes(label)),
      recipient: parseName("gate-1"),
      artefactId: artefactId(bytes("artefact")),
      licence: bytes(label),
      issuedAtSeconds,
      expiresAtSeconds: now + 100,
    });
    assert.equal(await licences.latest(parseName("gate-1"), artefactId(bytes("artefact"))), null);
    for (const each of [licence("a", now), licence("b", now + 5), licence("b", now + 5), licence("c", now + 1)]) await licences.add(each);
    const latest = await licences.latest(parseName("gate-1"), artefactId(bytes("artefact")));
    assert.deepEqual(plain(latest), plain(licence("b", now + 5)));
  });

  contract("a transaction happens whole or not at all", async ({ db }) => {
    const { atomically, stores } = transactional(db, (queries) => sqlKeyStores(queries, options));
    const failing = atomically(async ({ terminals, operatorTokens }) => {
      await terminals.activate(sampleTerminal("gate-1"));
      await operatorTokens.add({ digest: sha256(bytes("token")), label: "x", nowSeconds: now });
      throw new Error("stop");
    });
    await assert.rejects(failing, /stop/);
    assert.equal(await stores.terminals.find("gate-1"), null);
    assert.equal(await stores.operatorTokens.find(sha256(bytes("token"))), null);
  });
}

/** 16 bytes that differ by number. */
function anonymousId(i: number): Uint8Array {
  return bytes(`anonymous ${i}`).subarray(0, 16);
}

/** Rows of links that nobody opens, the first one the oldest. */
async function fillAnonymous(db: Database, count: number): Promise<void> {
  const row = (i: number) => ({
    id: anonymousId(i),
    terminal: null,
    signing_thumbprint: null,
    offered: null,
    stage: "confirmed" as const,
    state: bytes("state"),
    version: 0,
    created_at: i === 0 ? now - 1 : now,
    expires_at: now + 10,
    opening_digest: bytes(`message ${i}`),
    request_digest: bytes(`message ${i}`),
    response: bytes("answer"),
  });
  for (let from = 0; from < count; from += 512) {
    const rows = Array.from({ length: Math.min(512, count - from) }, (_, i) => row(from + i));
    await db.insertInto("links").values(rows).execute();
  }
}

function tokenOf(name: string) {
  return {
    id: bytes(`id of ${name}`).subarray(0, 8),
    secretDigest: sha256(bytes("secret")),
    name: parseName(name),
    model: "m1",
    createdAtSeconds: now,
    expiresAtSeconds: now + 60,
  } as const;
}

function entryOf(label: string, changes: { readonly originator?: string; readonly rememberUntilSeconds?: number } = {}): ReplayEntry {
  return {
    mechanism: "signed-transport",
    originator: { kind: "certificate", thumbprint: thumbprint(bytes(changes.originator ?? "terminal")) },
    nonce: nonce(bytes(label).subarray(0, 16)),
    rememberUntilSeconds: changes.rememberUntilSeconds ?? now + 100,
  };
}

/** Values with bytes as hex, so that Buffers and arrays compare. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, each: unknown) => (each instanceof Uint8Array ? Buffer.from(each).toString("hex") : bufferAsHex(each))) ??
      "null",
  );
}

/** JSON.stringify asks a Buffer for its own form before the replacer sees it. */
function bufferAsHex(value: unknown): unknown {
  const isBuffer = typeof value === "object" && value !== null && "type" in value && value.type === "Buffer" && "data" in value;
  return isBuffer && Array.isArray(value.data) ? Buffer.from(value.data as number[]).toString("hex") : value;
}
