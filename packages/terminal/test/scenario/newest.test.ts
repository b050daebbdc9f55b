import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { sha256 } from "@sealane/crypto";
import { digest, type SealaneError } from "@sealane/wire";
import { discard, fetchKey, fetchSoftware, install, type ListenInput, listen, status } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, restarted, type World } from "../double/enrolled.ts";
import { temporaryFolder } from "../double/temporary-folder.ts";

/** Three segments. */
const content: Uint8Array = new Uint8Array(2 * 65_536 + 1_000).map((_, i) => (i * 7) ^ (i >> 8));
const lie = { listDigest: digest(sha256(new Uint8Array(1))) };

/** From now on, whoever is on the way says that there is no such artefact. */
function withhold({ server }: World, artefactId: { toHex(): string }): void {
  server.faults.before = ({ url = "" }) => (url.endsWith(artefactId.toHex()) ? "ARTEFACT_UNKNOWN" : undefined);
}

const kindsAsked = ({ server }: World): readonly string[] => server.asked.map(({ kind }) => kind);
const artefactsAsked = ({ server }: World): readonly string[] => server.requests.filter((each) => each.includes("/v1/artefacts/"));

for (const originator of ["terminal", "server"] as const) {
  test(`NEWEST STREAM: who withholds one artefact from a fetch begun by the ${originator} keeps no later version away, and lets the first one through no more`, async (t) => {
    const world = await enrolledWorld(t);
    const { server } = world;
    const vulnerable = server.publish({ content });
    if (originator === "server") await server.offer(vulnerable);
    withhold(world, vulnerable.artefactId);
    const input = { module: "hmi", originator, waitSeconds: 0 } as const;
    await assert.rejects(fetchSoftware(world.terminal, input), code("ARTEFACT_UNKNOWN"));
    const newer = server.publish({ content: content.subarray(1), sequence: 2 });
    server.faults.before = undefined;
    server.requests.length = 0;
    if (originator === "server") await server.offer(newer);
    const fetched = await fetchSoftware(restarted(world), input);
    assert.equal(fetched.software.sequence, 2);
    assert.ok(artefactsAsked(world).every((each) => each.includes(newer.artefactId.toHex())));
    assert.deepEqual(
      (await status(world.terminal)).downloads.map(({ sequence }) => sequence),
      [2],
    );
  });
}

test("NEWEST STREAM: what a server began and was cut is gone on with under the same licence, once the server says that it is the newest", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const published = server.publish({ content });
  await server.offer(published);
  withhold(world, published.artefactId);
  const input = { originator: "server", waitSeconds: 0 } as const;
  await assert.rejects(fetchSoftware(terminal, input), code("ARTEFACT_UNKNOWN"));
  server.faults.before = undefined;
  server.asked.length = 0;
  assert.equal((await fetchSoftware(restarted(world), input)).bytes, content.length);
  assert.deepEqual(kindsAsked(world), ["offers"]);
});

for (const source of ["server", "address"] as const) {
  test(`NEWEST: who blocks the question what is newest, and lets the artefact of the vulnerable version through (${source}), does not get it fetched`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    const vulnerable = server.publish({ content });
    await fetchKey(terminal);
    server.publish({ content: content.subarray(1), sequence: 2 });
    server.faults.before = ({ url = "" }) => (url.startsWith("/v1/links") ? "drop" : undefined);
    server.requests.length = 0;
    const input = source === "server" ? {} : { source: server.url };
    await assert.rejects(fetchSoftware(restarted(world), input), code("API_SERVER_UNREACHABLE"));
    assert.deepEqual(artefactsAsked(world), []);
    assert.equal((await status(terminal)).downloads[0]?.artefactId, vulnerable.artefactId.toHex());
  });
}

const unfetchable: Readonly<Record<string, { readonly expected: string; readonly make: (world: World) => void }>> = {
  "whose release names another list": {
    expected: "ARTEFACT_LIST_DIGEST_WRONG",
    make: ({ server }) => void server.publish({ module: "a", entry: null, content, lie }),
  },
  "that the store has lost": {
    expected: "ARTEFACT_UNKNOWN",
    make: (world) => withhold(world, world.server.publish({ module: "a", entry: null, content }).artefactId),
  },
  "that the store has damaged": {
    expected: "ARTEFACT_SEGMENT_WRONG",
    make({ server }) {
      const { artefact } = server.publish({ module: "a", entry: null, content });
      server.faults.artefact = (bytes, start) => bytes.map((byte, i) => (start + i === artefact.length - 20 ? byte ^ 1 : byte));
    },
  },
  "for which the server gives no licence": {
    expected: "RELEASE_UNKNOWN",
    make({ server }) {
      const { artefactId } = server.publish({ module: "a", entry: null, content });
      let left = server.asked.length;
      server.faults.reply = (reply) => {
        const asked = server.asked[left++];
        const isIts = asked?.kind === "authorise" && asked.artefactId.toHex() === artefactId.toHex();
        return isIts ? { kind: "refused", code: "RELEASE_UNKNOWN" } : reply;
      };
    },
  },
};

for (const [what, { expected, make }] of Object.entries(unfetchable)) {
  test(`NEWEST: a version ${what} keeps neither other modules nor its successor away`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    make(world);
    await assert.rejects(fetchSoftware(terminal), code(expected));
    server.faults.artefact &&= onlyFirst(server.faults.artefact);
    for (const module of ["b", "c"]) server.publish({ module, entry: null, content: new TextEncoder().encode(module) });
    world.events.length = 0;
    assert.equal((await fetchSoftware(restarted(world))).software.module, "b");
    assert.deepEqual(
      world.events.filter(({ kind }) => kind === "module-skipped"),
      [{ kind: "module-skipped", module: "a", code: expected }],
    );
    server.faults.artefact = undefined;
    server.publish({ module: "a", entry: null, sequence: 2, content: content.subarray(1) });
    const { software } = await fetchSoftware(restarted(world), { module: "a" });
    assert.equal(software.sequence, 2);
    await install(terminal, { module: "a" });
  });
}

/** The fault strikes what is longer than the other modules' artefacts. */
function onlyFirst(fault: (bytes: Uint8Array, start: number) => Uint8Array): (bytes: Uint8Array, start: number) => Uint8Array {
  return (bytes, start) => (bytes.length > 1_000 ? fault(bytes, start) : bytes);
}

test("NEWEST: what was fetched and cannot be installed keeps no other module away", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  server.publish({ module: "a", entry: null, content, lie: { sha256: lie.listDigest } });
  server.publish({ module: "b", entry: null, content: content.subarray(1) });
  assert.equal((await fetchSoftware(terminal)).software.module, "a");
  await assert.rejects(install(terminal), code("TERMINAL_DIGEST_WRONG"));
  assert.equal((await fetchSoftware(restarted(world))).software.module, "b");
  const again = await fetchSoftware(terminal);
  assert.deepEqual([again.software.module, again.wasComplete], ["a", true]);
});

test("NEWEST: where every module fails, why the first one did is the reason", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ module: "a", entry: null, content, lie });
  server.publish({ module: "b", entry: null, content: content.subarray(1) });
  server.faults.before = ({ url = "" }) => (url.startsWith("/v1/artefacts/") && server.asked.length > 2 ? "ARTEFACT_UNKNOWN" : undefined);
  await assert.rejects(fetchSoftware(terminal), code("ARTEFACT_LIST_DIGEST_WRONG"));
});

test("NEWEST STREAM: what the artefact itself contradicts is given up; what somebody on the way may have changed is kept", async (t) => {
  const wrong = await enrolledWorld(t);
  wrong.server.publish({ content, lie });
  await assert.rejects(fetchSoftware(wrong.terminal), code("ARTEFACT_LIST_DIGEST_WRONG"));
  assert.deepEqual((await status(wrong.terminal)).downloads, []);
  const changed = await enrolledWorld(t);
  const { artefact } = changed.server.publish({ content });
  changed.server.faults.artefact = (bytes, start) => bytes.map((byte, i) => (start + i === artefact.length - 20 ? byte ^ 1 : byte));
  await assert.rejects(fetchSoftware(changed.terminal), code("ARTEFACT_SEGMENT_WRONG"));
  assert.equal((await status(changed.terminal)).downloads[0]?.stagedBytes, 2 * 65_536);
});

test("NEWEST: a new release of the same artefact in other words takes another licence, and nothing is fetched twice", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  const first = server.publish({ content });
  await fetchSoftware(terminal);
  server.publishAgain(first, { sequence: 2, version: "1.0.1" });
  server.requests.length = 0;
  const fetched = await fetchSoftware(terminal);
  assert.deepEqual([fetched.software.version, fetched.wasComplete, fetched.bytes], ["1.0.1", true, 0]);
  assert.equal((await install(terminal)).software.version, "1.0.1");
});

test("WAIT NEWEST: the very file that a user names is taken although something newer is on offer, but never behind what is installed", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const first = server.publish({ content });
  await fetchKey(terminal);
  server.publish({ content: content.subarray(1), sequence: 2 });
  server.requests.length = 0;
  const stick = await onStick(t, first.artefact);
  const fetched = await fetchSoftware(terminal, { source: stick });
  assert.deepEqual([fetched.software.sequence, server.requests], [1, []]);
  await fetchSoftware(terminal);
  await install(terminal);
  await assert.rejects(fetchSoftware(restarted(world), { source: stick }), code("TERMINAL_NOTHING_NEW"));
  await assert.rejects(fetchSoftware(terminal, { source: await onStick(t, new Uint8Array(600)) }), code("ARTEFACT_FORMAT_WRONG"));
});

async function onStick(t: TestContext, bytes: Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(t), "software.sealed");
  await writeFile(path, bytes);
  return path;
}

test("NEWEST KREP: a user gives up what was begun or fetched; the next fetch begins anew, and what is installed stays", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  await assert.rejects(
    discard(terminal, { module: "hmi" }),
    (error: SealaneError) => error.code === "TERMINAL_NOTHING_FETCHED" && error.entry.exit === 8,
  );
  server.publish({ content });
  await fetchSoftware(terminal);
  await install(terminal);
  const second = server.publish({ content: content.subarray(1), sequence: 2 });
  server.publish({ module: "other", entry: null, content: content.subarray(2) });
  for (const module of ["hmi", "other"]) await fetchKey(terminal, { module });
  assert.deepEqual(await discard(terminal, { module: "hmi" }), [
    { artefactId: second.artefactId.toHex(), version: "1.2", sequence: 2, wasComplete: false },
  ]);
  const { downloads, modules } = await status(terminal);
  assert.deepEqual([downloads.map(({ module }) => module), modules[0]?.current?.sequence], [["other"], 1]);
  await fetchSoftware(terminal, { module: "hmi" });
  clock.now += 86_400 + 61; // also what is over can be given up
  assert.deepEqual(
    (await discard(terminal, { module: "hmi" })).map(({ wasComplete }) => wasComplete),
    [true],
  );
  assert.deepEqual(await readFile(join(terminal.folder.module("hmi").current, "software", "hmi")), Buffer.from(content));
});

const trusting = ({ server }: World, input: ListenInput = {}): ListenInput => ({ once: true, waitSeconds: 0, url: server.url, ...input });

async function hearOne(world: World, input: ListenInput = {}): Promise<number> {
  for await (const { software } of listen(restarted(world), trusting(world, input))) return software.sequence;
  throw new Error("Nothing was heard");
}

test("NEWEST BCAST: a listener goes on with what the channel still has as the newest, and with nothing else that it has begun", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  const { artefact, ...first } = server.publish({ content });
  await server.channel.broadcast(first);
  withhold(world, first.artefactId);
  await assert.rejects(hearOne(world), code("ARTEFACT_UNKNOWN"));
  server.faults.before = undefined;
  const firstOnly = server.channel.items;
  server.channel.items = [];
  server.requests.length = 0;
  await assert.rejects(hearOne(world), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(artefactsAsked(world), [], "nobody said that it is the newest");
  server.channel.items = firstOnly;
  const second = server.publish({ content: content.subarray(1), sequence: 2 });
  await server.channel.broadcast(second);
  assert.equal(await hearOne(world), 2);
  assert.ok(artefactsAsked(world).every((each) => each.includes(second.artefactId.toHex())));
  assert.ok(artefact.length > 0);
});

test("NEWEST BCAST: a broadcast that cannot be fetched keeps no other module away, also one that was begun", async (t) => {
  const world = await enrolledWorld(t);
  const { server } = world;
  const stuck = server.publish({ module: "a", entry: null, sequence: 9, content });
  const other = server.publish({ module: "b", entry: null, sequence: 3, content: content.subarray(1) });
  await server.channel.broadcast(stuck);
  await server.channel.broadcast(other);
  server.faults.before = ({ url = "" }) => (url.startsWith("/v1/artefacts/") ? "ARTEFACT_UNKNOWN" : undefined);
  await assert.rejects(hearOne(world), code("ARTEFACT_UNKNOWN"));
  withhold(world, stuck.artefactId);
  assert.equal(await hearOne(world), 3);
});
