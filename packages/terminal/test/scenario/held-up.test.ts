import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { SoftwareDescription } from "@sealane/software";
import { loadEnrolment } from "../../src/identity.ts";
import { InboxJournal } from "../../src/inbox-journal.ts";
import {
  discard,
  enroll,
  exec,
  type Fetched,
  type FetchInput,
  fetchKey,
  fetchSoftware,
  install,
  type ListenInput,
  listen,
  rollback,
  status,
  terminalAt,
} from "../../src/index.ts";
import { StateLock } from "../../src/state-lock.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, everythingIn, newWorld, restarted, type World } from "../double/enrolled.ts";
import { HeldClock } from "../double/fake-clock.ts";
import { FakeServer } from "../double/fake-server.ts";
import { type Gate, gateBefore } from "../double/gate.ts";

/** Whoever holds up the bytes of one module holds up nothing else of the terminal. */

const script = new TextEncoder().encode("#!/bin/sh\nexit 7\n");
/** As a file is called that is to be written whole or not at all. */
const temporary = ".sealane-0123456789abcdef.tmp";
const content: Uint8Array = new Uint8Array(3 * 65_536).map((_, i) => i >> 3);

interface HeldUp extends World {
  readonly gate: Gate;
  /** The fetch of `hmi`, whose mirror drips. */
  readonly dripping: Promise<Fetched>;
  readonly published: SoftwareDescription;
}

/** A terminal that fetches `hmi` from somebody who sends half of it. */
async function heldUp(t: TestContext, input: FetchInput = {}): Promise<HeldUp> {
  const world = await enrolledWorld(t);
  const { server } = world;
  const published = server.publish({ module: "hmi", content });
  if (input.originator === "server") await server.offer(published);
  const gate = await gateBefore(t, server.url, (request) => request.includes("/artefacts/"));
  const dripping = fetchSoftware(restarted(world), { module: "hmi", source: gate.url, ...input });
  dripping.catch(() => {}); // it is awaited where a test has opened the gate
  await Promise.race([gate.reached, dripping]);
  return { ...world, gate, dripping, published };
}

async function ends({ terminal, gate, dripping }: HeldUp): Promise<void> {
  gate.open();
  assert.equal((await dripping).bytes, content.length);
  assert.equal((await install(terminal, { module: "hmi" })).software.module, "hmi");
}

test("while one module is held up, another one is fetched, installed, run, rolled back and discarded", async (t) => {
  const world = await heldUp(t);
  const { server, terminal } = world;
  for (const sequence of [1, 2, 3]) {
    server.publish({ module: "plc", entry: "plc", sequence, content: Uint8Array.of(...script, ...Buffer.from(`# ${sequence}\n`)) });
    assert.equal((await fetchSoftware(terminal, { module: "plc" })).software.sequence, sequence);
    if (sequence < 3) assert.equal((await install(terminal, { module: "plc" })).software.sequence, sequence);
  }
  const { path: stateFolder } = terminal.folder;
  const unhurried = terminalAt({ stateFolder, clock: new HeldClock(world.clock.now), environment: {} });
  const running = await exec(unhurried, { module: "plc", stdio: "ignore" });
  assert.equal((await running.ended).status, 7);
  assert.equal((await rollback(terminal, { module: "plc" })).software.sequence, 1);
  assert.deepEqual(
    (await discard(terminal, { module: "plc" })).map(({ sequence }) => sequence),
    [3],
  );
  await ends(world);
});

test("while one module is held up, a fetch of any module takes another one, and the one of that module is told at once", async (t) => {
  const world = await heldUp(t);
  const { server, terminal, events } = world;
  await assert.rejects(fetchSoftware(terminal, { module: "hmi" }), code("TERMINAL_STATE_LOCKED"));
  await assert.rejects(fetchKey(terminal), code("TERMINAL_STATE_LOCKED"));
  await assert.rejects(discard(terminal, { module: "hmi" }), code("TERMINAL_STATE_LOCKED"));
  server.publish({ module: "plc", content: script });
  assert.equal((await fetchSoftware(terminal)).software.module, "plc");
  const skipped = events.flatMap((event) => (event.kind === "module-skipped" ? [[event.module, event.code]] : []));
  assert.deepEqual(skipped, [["hmi", "TERMINAL_STATE_LOCKED"]]);
  await ends(world);
});

test("while one module is held up, broadcasts of another one are taken, and that of the module once it is free", async (t) => {
  const world = await heldUp(t);
  const { server, terminal } = world;
  const heard = async (input: ListenInput): Promise<readonly string[]> => {
    const modules: string[] = [];
    for await (const { software } of listen(terminal, { waitSeconds: 0, ...input }))
      modules.push(`${software.module} ${software.sequence}`);
    return modules;
  };
  await server.channel.broadcast(server.publish({ module: "hmi", sequence: 2, content }));
  await assert.rejects(heard({ once: true }), code("TERMINAL_STATE_LOCKED"));
  await server.channel.broadcast(server.publish({ module: "plc", content: script }));
  assert.deepEqual(await heard({ once: true }), ["plc 1"]);
  // The same run takes what waited for the other command, which ends in the middle of it.
  const endless = listen(terminal, { waitSeconds: 1_000 });
  await server.channel.broadcast(server.publish({ module: "plc", sequence: 2, content: script }));
  assert.equal((await endless.next()).value?.software.module, "plc");
  world.gate.open();
  await world.dripping;
  const { value } = await endless.next();
  assert.deepEqual([value?.software.module, value?.software.sequence], ["hmi", 2]);
  await endless.return();
});

test("while the software of a server's message is held up, the inbox is free for another one, and each ends what it began", async (t) => {
  const world = await heldUp(t, { originator: "server", waitSeconds: 0 });
  const { server, terminal } = world;
  const input = { originator: "server", waitSeconds: 0 } as const;
  const own = await loadEnrolment(terminal);
  const pending = async () => (await InboxJournal.load(terminal, own)).pending;
  assert.equal((await pending())?.kind, "request");
  await server.offer(server.publish({ module: "plc", content: script }));
  const requests = server.asked.length;
  assert.equal((await fetchSoftware(terminal, input)).software.module, "plc");
  assert.deepEqual(
    server.asked.slice(requests).flatMap((request) => (request.kind === "authorise" ? [request.kind] : [])),
    ["authorise"],
    "the request of the other command is not sent again",
  );
  await server.offer(server.publish({ module: "third", content: script }));
  server.faults.before = ({ url = "" }) => (url.startsWith("/v1/artefacts/") ? "ARTEFACT_UNKNOWN" : undefined);
  await assert.rejects(fetchSoftware(terminal, { ...input, module: "third" }), code("ARTEFACT_UNKNOWN"));
  server.faults.before = undefined;
  const others = await pending();
  await ends(world);
  assert.deepEqual(await pending(), others, "what another command awaits stays");
  assert.equal((await fetchSoftware(terminal, input)).software.module, "third");
  assert.equal(await pending(), null);
});

test("KLIFE: what a command is at work on is not removed under its feet, and goes when it is over", async (t) => {
  const { server, terminal, clock } = await enrolledWorld(t);
  server.faults.terms = { expiresAtSeconds: clock.now + 3_600 };
  const { artefactId } = server.publish({ module: "hmi", content: script });
  await fetchKey(terminal);
  const { path } = terminal.folder.download(artefactId);
  await writeFile(join(path, temporary), "");
  clock.now += 7_200;
  await terminal.clock.restart(clock.now);
  server.faults.terms = {};
  server.publish({ module: "plc", content: script });
  {
    using _held = await StateLock.take(terminal.folder, { module: "hmi" });
    await fetchSoftware(terminal, { module: "plc" });
    assert.deepEqual((await readdir(path)).sort(), [temporary, "fetch.cbor"]);
  }
  await fetchSoftware(terminal, { module: "plc" });
  await assert.rejects(readdir(path), { code: "ENOENT" });
});

test("the same artefact as software of two modules is one command's at a time", async (t) => {
  const world = await heldUp(t);
  const { server, terminal } = world;
  server.publishAgain(world.published, { module: "plc" });
  await assert.rejects(fetchSoftware(terminal, { module: "plc" }), code("TERMINAL_STATE_LOCKED"));
  await ends(world);
});

test("one command at a time reads the inbox, and who asks the server does not wait for it", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ content: script });
  using _reading = await StateLock.take(terminal.folder, "inbox");
  await assert.rejects(fetchSoftware(terminal, { originator: "server", waitSeconds: 0 }), code("TERMINAL_STATE_LOCKED"));
  assert.equal((await fetchSoftware(terminal)).bytes, script.length);
});

test("an enrolment that is held up stops no other command, and no second one begins", async (t) => {
  const world = await enrolledWorld(t);
  const { terminal, server } = world;
  const other = await FakeServer.start(t, world.clock);
  const gate = await gateBefore(t, other.url, (request) => request === "POST /v1/enrolments");
  other.url = gate.url;
  const enrolling = enroll(restarted(world), { token: other.token(), replace: true });
  await Promise.race([gate.reached, enrolling]);
  await assert.rejects(enroll(terminal, { token: other.token(), replace: true }), code("TERMINAL_STATE_LOCKED"));
  server.publish({ content: script });
  await fetchSoftware(terminal);
  await install(terminal);
  gate.open();
  await enrolling;
});

const places: readonly (readonly [string, (request: string) => boolean, FetchInput])[] = [
  ["software", (request) => request.includes("/artefacts/"), {}],
  ["record on a link", (request) => request.startsWith("POST /v1/links/"), {}],
  ["link", (request) => request === "POST /v1/links", {}],
  ["message that the server began", (request) => request === "POST /v1/links", { originator: "server", waitSeconds: 0 }],
];

for (const [what, isHeld, input] of places) {
  test(`a fetch whose ${what} is held up while the terminal is enrolled anew writes nothing for the new enrolment`, async (t) => {
    const { terminal, server, clock } = await newWorld(t);
    const gate = await gateBefore(t, server.url, isHeld);
    const direct = server.url;
    server.url = gate.url;
    await enroll(terminal, { token: server.token() });
    server.url = direct;
    const published = server.publish({ content });
    if (input.originator === "server") await server.offer(published);
    const fetching = fetchSoftware(terminalAt({ stateFolder: terminal.folder.path, clock, environment: {} }), input);
    fetching.catch(() => {}); // looked at below
    await Promise.race([gate.reached, fetching]);
    const other = await FakeServer.start(t, clock);
    await enroll(terminal, { token: other.token(), replace: true });
    const shared = async () => await Promise.all([terminal.folder.inbox, terminal.folder.clock, terminal.folder.clockRise].map(contentOf));
    const before = await shared();
    const downloads = await downloadsIn(terminal.folder.downloads);
    clock.now += 7_200; // the server of before would move the floor
    gate.open();
    await assert.rejects(fetching, code("TERMINAL_ENROLMENT_CHANGED"));
    assert.deepEqual(await shared(), before);
    assert.deepEqual(await downloadsIn(terminal.folder.downloads), downloads);
    other.publish({ module: "plc", content: script });
    assert.equal((await fetchSoftware(terminal)).software.module, "plc");
    assert.deepEqual(
      (await status(terminal)).downloads.map(({ module }) => module),
      ["plc"],
    );
    assert.equal((await everythingIn(terminal.folder.path)).includes(content.subarray(0, 4_096)), false);
  });
}

async function contentOf(file: string): Promise<string | null> {
  return await readFile(file, "hex").catch(() => null);
}

async function downloadsIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []);
}
