import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { defaultSuite, type SuiteName, standardSuites, systemRandom } from "@sealane/crypto";
import { type SoftwareDescription, sealBytes } from "@sealane/software";
import { thumbprint } from "@sealane/wire";
import {
  type BroadcastEvent,
  enroll,
  exec,
  type Fetched,
  type FetchInput,
  fetchSoftware,
  install,
  type ListenInput,
  listen,
  rollback,
  status,
} from "../../src/index.ts";
import { StateLock } from "../../src/state-lock.ts";
import { TestAuthority } from "../double/authority.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, everythingIn, newWorld, restarted, type World } from "../double/enrolled.ts";
import { HeldClock } from "../double/fake-clock.ts";
import { answerOpenly } from "../double/open-server.ts";
import { model, serverName, terminalName } from "../double/test-terminal.ts";

const content: Uint8Array = new Uint8Array(4 * 65_536 + 1_000).map((_, i) => (i * 7) ^ (i >> 8));
const soon = { once: true, waitSeconds: 0 } as const;

/** The first thing that a listener gets. */
async function hearOne(world: World, input: ListenInput = {}): Promise<Fetched> {
  for await (const fetched of listen(world.terminal, { ...soon, ...trustIn(world), ...input })) return fetched;
  throw new Error("Nothing was heard");
}

/** What a listener is told that trusts the world's server. */
function trustIn({ server }: World): ListenInput {
  return { url: server.url, authority: server.authority.anchor.der };
}

function heardIn({ events }: World): readonly BroadcastEvent[] {
  return events.filter((event) => event.kind === "broadcast");
}

function skippedIn({ events }: World): readonly string[] {
  return events.flatMap((event) => (event.kind === "broadcast-skipped" ? [event.code] : []));
}

for (const suite of standardSuites) {
  test(`EQ3 BCAST TRUST: on ${suite.name} a terminal without any enrolment hears a broadcast, installs it and runs it`, async (t) => {
    const world = await newWorld(t);
    const { server, terminal } = world;
    const published = server.publish({ content: new TextEncoder().encode("#!/bin/sh\nexit 7\n") });
    await server.channel.broadcast(published, { suite });
    const fetched = await hearOne(world, { standing: "manufacturer" });
    assert.deepEqual([fetched.link.mechanism, fetched.link.suite, fetched.link.originator], ["open-broadcast", suite.name, "server"]);
    assert.deepEqual([fetched.link.peer, fetched.link.linkId, fetched.wasComplete], [serverName, null, false]);
    const [heard] = heardIn(world);
    const fingerprint = server.authority.anchor.thumbprint.toHex();
    assert.deepEqual(
      [heard?.signer, heard?.standing, heard?.fingerprint, heard?.isNewest],
      [serverName, "manufacturer", fingerprint, true],
    );
    assert.ok(heard?.trust.includes(serverName) && heard.trust.includes("manufacturer") && heard.trust.includes(fingerprint));
    await install(terminal);
    const running = await exec(restarted({ ...world, clock: new HeldClock(world.clock.now) }), { module: "hmi", stdio: "ignore" });
    assert.equal((await running.ended).status, 7);
    const { identity, listener, modules } = await status(terminal);
    assert.deepEqual([identity, listener?.fingerprint, listener?.model, modules[0]?.current?.problem], [null, fingerprint, "", null]);
    assert.equal(
      server.requests.some((line) => line.includes("enrol") || line.includes("links")),
      false,
      "it said more than it had to",
    );
    await assert.rejects(rollback(terminal, { module: "hmi" }), code("TERMINAL_NO_PREVIOUS"));
  });
}

test("TRUST: whom a listener trusts it is told once, by a certificate or by the fingerprint of the one that the server gives", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  const { url, authority } = server;
  const hear = async (input: ListenInput): Promise<Fetched> => {
    for await (const fetched of listen(terminal, { ...soon, ...input })) return fetched;
    throw new Error("Nothing was heard");
  };
  await assert.rejects(hear({}), code("TERMINAL_TRUST_NEEDED"));
  await assert.rejects(hear({ url }), code("TERMINAL_TRUST_NEEDED"));
  await assert.rejects(hear({ url, fingerprint: thumbprint(systemRandom.bytes(32)) }), code("PKI_FINGERPRINT_WRONG"));
  assert.equal((await status(terminal)).listener, null);
  await server.channel.broadcast(server.publish({ content }));
  await hear({ url, fingerprint: authority.anchor.thumbprint });
  assert.equal((await hear({})).wasComplete, true);
  await hear({ authority: authority.anchor.der, url });
  const other = await TestAuthority.create(world.clock.now);
  for (const changed of [{ authority: other.anchor.der }, { fingerprint: other.anchor.thumbprint }, { model: "other" }]) {
    await assert.rejects(hear(changed), code("TERMINAL_TRUST_CONFLICT"));
  }
});

/** What is put on the channel in place of an honest broadcast of this software. */
type Forgery = (world: World, description: SoftwareDescription) => Promise<unknown>;

const forgeries: readonly (readonly [string, Forgery, string])[] = [
  [
    "by a server of another authority",
    async ({ server, clock }, description) => {
      const other = await TestAuthority.create(clock.now);
      await server.channel.broadcast(description, { signing: await other.signer(serverName, "server-sign") });
    },
    "PKI_SIGNATURE_WRONG",
  ],
  [
    "by a terminal of the same authority",
    async ({ server }, description) => {
      await server.channel.broadcast(description, { signing: await server.authority.signer(terminalName, "terminal-sign") });
    },
    "PKI_PURPOSE_WRONG",
  ],
  [
    "with a licence for one terminal",
    async ({ server }, description) => {
      await server.channel.broadcast(description, { licence: await server.licenceFor(terminalName, description.artefactId) });
    },
    "LICENCE_RECIPIENT_WRONG",
  ],
  [
    "with a licence for terminals without a name",
    async ({ server }, description) => {
      await server.channel.broadcast(description, { licence: await server.licenceFor("anonymous", description.artefactId) });
    },
    "LICENCE_RECIPIENT_WRONG",
  ],
  [
    "with a licence that was changed",
    async ({ server }, description) => {
      const licence = await server.licenceFor("*", description.artefactId);
      await server.channel.broadcast(description, { licence: flipped(licence) });
    },
    "LICENCE_SIGNATURE_WRONG",
  ],
  [
    "with one bit changed",
    async ({ server }, description) => {
      const { message, ...beside } = await server.channel.broadcast(description);
      server.channel.items = [];
      server.channel.put(flipped(message), beside);
    },
    "CRYPTO_SIGNATURE_WRONG",
  ],
  [
    "with a wrap that was changed",
    async ({ server }, description) => {
      const { message, ...beside } = await server.channel.broadcast(description);
      server.channel.items = [];
      server.channel.put(message, { ...beside, wrap: flipped(beside.wrap) });
    },
    "CRYPTO_OPEN_FAILED",
  ],
  [
    "with the content key of other software, which whoever hears it can wrap",
    async ({ server }, description) => {
      const { sealed } = sealBytes(content, { segmentBytes: 65_536 });
      await server.channel.broadcast(description, { contentKey: sealed.contentKey });
    },
    "ARTEFACT_KEY_WRONG",
  ],
  [
    "of yesterday",
    async ({ server, clock }, description) => {
      await server.channel.broadcast(description);
      clock.now += 86_400 - 120;
    },
    "LINK_MESSAGE_EXPIRED",
  ],
  [
    "of tomorrow",
    async ({ server }, description) => {
      await server.channel.broadcast(description, { ageSeconds: -3_600 });
    },
    "LINK_MESSAGE_FUTURE",
  ],
  [
    "of software for another model",
    async ({ server }) => {
      await server.channel.broadcast(server.publish({ content, models: ["other"] }));
    },
    "LICENCE_MODEL_WRONG",
  ],
  [
    "that is no message",
    async ({ server }) => {
      server.channel.put(Uint8Array.of(1, 2, 3), { wrap: Uint8Array.of(1), release: Uint8Array.of(1) });
    },
    "WIRE_TRAILING_BYTES",
  ],
];

for (const [how, forge, expected] of forgeries) {
  test(`EQ3: a broadcast ${how} is refused, and an honest one after it is taken`, async (t) => {
    const world = await newWorld(t);
    const { server, terminal } = world;
    const description = server.publish({ content });
    await forge(world, description);
    await assert.rejects(hearOne(world), code(expected));
    assert.equal(skippedIn(world).at(-1), expected);
    assert.deepEqual((await status(terminal)).downloads, []);
    await server.channel.broadcast(description);
    assert.equal((await hearOne(world)).software.artefactId.toHex(), description.artefactId.toHex());
  });
}

test("EQ3: content that was changed on its way is refused, and the segments before it are kept", async (t) => {
  const world = await newWorld(t);
  const { server } = world;
  const { artefact, ...description } = server.publish({ content });
  await server.channel.broadcast(description);
  server.faults.artefact = (bytes, start) => bytes.map((byte, i) => (start + i === artefact.length - 70_000 ? byte ^ 1 : byte));
  await assert.rejects(hearOne(world), code("ARTEFACT_SEGMENT_WRONG"));
  server.faults.artefact = undefined;
  assert.ok((await hearOne(world)).resumedAtSegment > 0);
});

test("EQ3: who spoils the newest version on its way does not bring about an older one, and it is gone on with once the channel has it again", async (t) => {
  const world = await newWorld(t);
  const { server } = world;
  await server.channel.broadcast(server.publish({ content }));
  const newest = server.publish({ content, sequence: 2 });
  await server.channel.broadcast(newest);
  server.faults.before = ({ url = "" }) => (url.endsWith(newest.artefactId.toHex()) ? "ARTEFACT_UNKNOWN" : undefined);
  await assert.rejects(hearOne(world), code("ARTEFACT_UNKNOWN"));
  const both = server.channel.items;
  server.channel.items = both.slice(0, 1);
  await assert.rejects(hearOne(world), code("TERMINAL_NOTHING_NEW"), "the older one was taken");
  server.faults.before = undefined;
  await assert.rejects(hearOne(world), code("TERMINAL_NOTHING_NEW"), "the older one was taken");
  server.channel.items = both;
  const { software, resumedAtSegment } = await hearOne(world);
  assert.deepEqual([software.sequence, resumedAtSegment], [2, 0]);
  assert.deepEqual(
    (await status(world.terminal)).downloads.map(({ sequence }) => sequence),
    [2],
  );
});

test("FNONCE: a broadcast that is repeated as it was is passed over without a word", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  const item = await server.channel.broadcast(server.publish({ content }));
  await hearOne(world);
  await install(terminal);
  world.events.length = 0;
  server.channel.put(item.message, item);
  await assert.rejects(hearOne(world), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(world.events, []);
});

test("what is not newer than what is installed is nothing new, and of several versions the newest is taken", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  await server.channel.broadcast(server.publish({ sequence: 3, content }));
  await server.channel.broadcast(server.publish({ sequence: 5, content }));
  await server.channel.broadcast(server.publish({ sequence: 4, content }));
  assert.equal((await hearOne(world)).software.sequence, 5);
  await install(terminal);
  await server.channel.broadcast(server.publish({ sequence: 4, content }));
  await assert.rejects(hearOne(world), code("TERMINAL_NOTHING_NEW"));
  await assert.rejects(hearOne(world, { module: "other" }), code("TERMINAL_NOTHING_WAITING"));
});

test("a broadcast that was signed a while ago is authentic, perhaps not newest, and then not taken for system software", async (t) => {
  const world = await newWorld(t);
  const { server } = world;
  await server.channel.broadcast(server.publish({ module: "os", softwareClass: "system", content }), { ageSeconds: 361 });
  await assert.rejects(hearOne(world), code("POLICY_REFUSED"));
  await server.channel.broadcast(server.publish({ content }), { ageSeconds: 361 });
  await hearOne(world);
  const [old] = heardIn(world);
  assert.equal(old?.isNewest, false);
  assert.match(old?.freshness ?? "", /6 minutes.*perhaps not newest/);
  await server.channel.broadcast(server.publish({ module: "os", sequence: 2, softwareClass: "system", content }), { ageSeconds: 360 });
  assert.equal((await hearOne(world)).software.module, "os");
});

test("a listener of a model takes software for it", async (t) => {
  const world = await newWorld(t);
  const { server } = world;
  await server.channel.broadcast(server.publish({ content, models: [model] }));
  assert.deepEqual((await hearOne(world, { model })).software.models, [model]);
});

test("BCAST: a listener that was offline for a while hears again, and goes on listening", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  const outages = new Set([1, 2, 3, 5]);
  let asked = 0;
  server.faults.before = ({ url = "" }) => (url.startsWith("/v1/broadcasts") && outages.has(++asked) ? "drop" : undefined);
  await server.channel.broadcast(server.publish({ content }));
  const versions: number[] = [];
  for await (const { software } of listen(terminal, trustIn(world))) {
    versions.push(software.sequence);
    await install(terminal);
    if (versions.length === 3) break;
    await server.channel.broadcast(server.publish({ content, sequence: versions.length + 1 }));
  }
  assert.deepEqual(versions, [1, 2, 3]);
  assert.equal(world.events.filter((event) => event.kind === "retry").length, 4);
  server.faults.before = () => "drop";
  await assert.rejects(hearOne(world, { waitSeconds: 60 }), code("API_SERVER_UNREACHABLE"));
});

test("WAIT: who has heard a broadcast takes the software later, from anywhere, without hearing it again", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  const { artefact, ...description } = server.publish({ content });
  await server.channel.broadcast(description);
  server.faults.before = ({ url = "" }) => (url.startsWith("/v1/artefacts/") ? "ARTEFACT_UNKNOWN" : undefined);
  await assert.rejects(hearOne(world), code("ARTEFACT_UNKNOWN"));
  server.faults.before = () => "drop";
  server.channel.items = [];
  const file = join(terminal.folder.path, "software.sealed");
  await writeFile(file, artefact);
  assert.equal((await hearOne(world, { source: file })).bytes, content.length);
  const { path } = await install(terminal);
  assert.deepEqual(await readFile(join(path, "hmi")), Buffer.from(content));
});

test("a listener waits for another command of its terminal, and not longer than it may listen", async (t) => {
  const world = await newWorld(t);
  const { server, terminal, clock } = world;
  await server.channel.broadcast(server.publish({ content }));
  await assert.rejects(hearOne(world, { url: "http://127.0.0.1:1" }), code("API_SERVER_UNREACHABLE"));
  {
    using _held = await StateLock.take(terminal.folder, { module: "hmi" });
    await assert.rejects(hearOne(world, { waitSeconds: 3 }), code("TERMINAL_STATE_LOCKED"));
  }
  const before = clock.now;
  await hearOne(world, { waitSeconds: 3 });
  assert.ok(clock.now - before <= 3);
});

test("a listener keeps content keys encrypted to a key of its own, and is enrolled later like any other terminal", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  const description = server.publish({ content });
  await server.channel.broadcast(description);
  server.faults.before = ({ url = "" }) => (url.startsWith("/v1/artefacts/") ? "ARTEFACT_UNKNOWN" : undefined);
  await assert.rejects(hearOne(world), code("ARTEFACT_UNKNOWN"));
  const everything = await everythingIn(terminal.folder.path);
  assert.equal(everything.includes(server.contentKeyOf(description.artefactId)), false);
  server.faults.before = undefined;
  await enroll(terminal, { token: server.token() });
  assert.equal((await fetchSoftware(terminal)).link.mechanism, "signed-transport");
  assert.equal((await status(terminal)).listener, null);
});

test("TRUST: an enrolled terminal listens to its own server, to no other of its authority, and trusts nobody else", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  const description = server.publish({ content });
  await server.channel.broadcast(description, { signing: await server.authority.signer("server-2", "server-sign") });
  const hear = async (input: ListenInput = {}): Promise<Fetched> => {
    for await (const fetched of listen(world.terminal, { ...soon, ...input })) return fetched;
    throw new Error("Nothing was heard");
  };
  await assert.rejects(hear(), code("PKI_NAME_WRONG"));
  const other = await TestAuthority.create(world.clock.now);
  await assert.rejects(hear({ authority: other.anchor.der }), code("TERMINAL_TRUST_CONFLICT"));
  await server.channel.broadcast(description);
  assert.equal((await hear({ authority: server.authority.anchor.der })).link.peer, serverName);
  assert.equal(heardIn(world).at(-1)?.standing, "operator");
});

async function fetchOpenly(world: World, input: FetchInput = {}): Promise<Fetched> {
  return await fetchSoftware(world.terminal, { mechanism: "open-broadcast", ...input });
}

test("EQ3 DIR: fetch takes an open broadcast of the server, or has the terminal make one with its licence", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  await assert.rejects(fetchOpenly(world), code("TERMINAL_NOTHING_WAITING"));
  const description = server.publish({ content });
  await server.channel.broadcast(description, { suite: standardSuites[1] ?? assert.fail() });
  const heard = await fetchOpenly(world, { originator: "server", suite: "x25519", waitSeconds: 0 });
  assert.deepEqual([heard.link.originator, heard.link.mechanism], ["server", "open-broadcast"]);
  await assert.rejects(fetchSoftware(terminal, { mechanism: "group-broadcast" }), code("LINK_MECHANISM_UNKNOWN"));
  await install(terminal);
  await assert.rejects(fetchOpenly(world), code("TERMINAL_NOTHING_NEW"));

  const next = server.publish({ content, sequence: 2 });
  await server.channel.broadcast(next);
  server.faults.link = async () => Uint8Array.of(0xf6);
  await assert.rejects(fetchOpenly(world), code("COSE_STRUCTURE_WRONG"));
  assert.deepEqual((await status(terminal)).downloads, []);
  answerOpenly(world, next);
  const sent = await fetchOpenly(world);
  assert.deepEqual([sent.link.originator, sent.link.peer, sent.software.sequence], ["terminal", serverName, 2]);
  assert.ok(sent.link.promise.startsWith(terminalName));
});

/** The same bytes with the last bit of one in the middle changed. */
function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i === bytes.length - 8 ? byte ^ 1 : byte));
}

async function hearAsMember({ terminal }: World, suite?: SuiteName): Promise<Fetched> {
  for await (const fetched of listen(terminal, { ...soon, ...(suite === undefined ? {} : { suite }) })) return fetched;
  throw new Error("Nothing was heard");
}

for (const suite of standardSuites) {
  test(`EQ4 MULTI: on ${suite.name} a member asks for its group's secret once, keeps it to itself, and opens what is broadcast to the group`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    const group = await server.channel.begin(1);
    const secrets = server.channel.memberships.flatMap(({ seeds }) => seeds);
    await server.channel.broadcast(server.publish({ content }), { mechanism: "group-broadcast", suite, group });
    if (suite !== defaultSuite) await assert.rejects(hearAsMember(world), code("TERMINAL_SUITE_WEAKER"));
    const fetched = await hearAsMember(world, suite.name);
    assert.deepEqual([fetched.link.mechanism, heardIn(world).at(-1)?.group], ["group-broadcast", "fleet"]);
    await install(terminal);
    const asked = (): number => server.asked.filter(({ kind }) => kind === "groups").length;
    assert.equal(asked(), 1);
    await server.channel.broadcast(server.publish({ content, sequence: 2 }), { mechanism: "group-broadcast", suite, group });
    assert.equal((await hearAsMember({ ...world, terminal: restarted(world) }, suite.name)).software.sequence, 2);
    assert.equal(asked(), 1, "it asked again for what it holds");
    const everything = await everythingIn(terminal.folder.path);
    for (const secret of secrets) assert.equal(everything.includes(secret), false);
  });
}

test("EQ4: a member goes over to the next epoch, opens the one before for an hour, and one that is no member any more opens neither", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  const toGroup = async (sequence: number, group: Awaited<ReturnType<typeof server.channel.begin>>): Promise<void> => {
    await server.channel.broadcast(server.publish({ content, sequence }), { mechanism: "group-broadcast", group });
  };
  const first = await server.channel.begin(1);
  await toGroup(1, first);
  await hearAsMember(world);
  await install(terminal);
  const second = await server.channel.begin(2);
  server.channel.memberships = server.channel.memberships.slice(0, 1); // a server need not give the one before again
  await toGroup(2, second);
  assert.equal((await hearAsMember(world)).software.sequence, 2);
  await install(terminal);
  clock.now += 3_500;
  server.channel.items = [];
  await toGroup(3, first);
  assert.equal((await hearAsMember(world)).software.sequence, 3);
  await install(terminal);
  clock.now += 101;
  server.channel.items = [];
  await toGroup(4, first);
  await assert.rejects(hearAsMember(world), code("LINK_GROUP_UNKNOWN"));

  server.channel.memberships = [];
  const third = await server.channel.begin(3);
  server.channel.memberships = [];
  server.channel.items = [];
  await toGroup(5, third);
  await assert.rejects(hearAsMember(world), code("LINK_GROUP_UNKNOWN"));
  server.channel.items = [];
  await toGroup(6, second);
  await assert.rejects(hearAsMember(world), code("LINK_GROUP_UNKNOWN"), "it kept the secret of a group that it is not in");
});

test("EQ4: a group's record by anybody but the server, and secrets of another epoch, are refused", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  const { channel } = server;
  const insider = await server.authority.signer(terminalName, "terminal-sign");
  const group = await channel.begin(1, { signing: insider });
  const item = await channel.broadcast(server.publish({ content }), { mechanism: "group-broadcast", group });
  await assert.rejects(hearAsMember(world), code("GROUP_RECORD_WRONG"));
  channel.memberships = [];
  const [real] = [await channel.begin(1)];
  channel.memberships = channel.memberships.map(({ record, seeds }) => ({
    record,
    seeds: seeds.map((seed) => seed.map((byte) => byte ^ 1)),
  }));
  channel.items = [];
  channel.put(item.message, item);
  await assert.rejects(hearAsMember(world), code("GROUP_RECORD_WRONG"));
  channel.memberships = [];
  const other = await channel.begin(1);
  assert.notDeepEqual(other.values, real?.values);
  channel.put(item.message, item);
  await assert.rejects(hearAsMember(world), code("LINK_GROUP_UNKNOWN"), "another secret of the same epoch's number was used");
});

test("EQ4: a listener that is not enrolled passes over what is for a group", async (t) => {
  const world = await newWorld(t);
  const { server } = world;
  const group = await server.channel.begin(1);
  await server.channel.broadcast(server.publish({ content, sequence: 2 }), { mechanism: "group-broadcast", group });
  await assert.rejects(hearOne(world), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(skippedIn(world), []);
  await server.channel.broadcast(server.publish({ content }));
  assert.equal((await hearOne(world)).software.sequence, 1);
});
