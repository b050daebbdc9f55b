import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { headerLabel, parseSign1, requireBytes, sign1 } from "@sealane/cose";
import { signedThirdModes, thirdModes } from "@sealane/link";
import { parseRelease, type SoftwareDescription } from "@sealane/software";
import { decode, encode, hasCode } from "@sealane/wire";
import { loadState, saveState } from "../../src/disk.ts";
import { downloadRecordFile } from "../../src/download-record.ts";
import { exec, fetchKey, fetchSoftware, install, listen, rollback, status, terminalAt } from "../../src/index.ts";
import { slotFile } from "../../src/slot.ts";
import { TestAuthority } from "../double/authority.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, type World } from "../double/enrolled.ts";
import { HeldClock } from "../double/fake-clock.ts";
import { answerOpenly } from "../double/open-server.ts";
import { publisherName, releaseOf, sealSoftware, serverName, TestTerminal } from "../double/test-terminal.ts";

/**
 * Who has every key of the key role (of links and of licences) and its database has no publisher's key. The server of these tests is
 * such a thief: it licenses, wraps and sends whatever it likes, in each of the ways in which software comes to a terminal.
 */

const program = new TextEncoder().encode("#!/bin/sh\nexit 42\n");
const malware = { module: "hmi", version: "6.6.6", sequence: 7, softwareClass: "system", content: program } as const;
const daySeconds = 86_400;

/** One way: brings what is published to the terminal, or fails. */
type Way = (world: World, description: SoftwareDescription) => Promise<void>;

const soon = { waitSeconds: 0 } as const;
const fromServer = { originator: "server", ...soon } as const;

const ways: Readonly<Record<string, Way>> = {
  "a record on a link that the terminal began": async ({ terminal }) => void (await fetchSoftware(terminal)),
  "a record on a link that nobody's name stands on": async ({ terminal }) =>
    void (await fetchSoftware(terminal, { mechanism: "anonymous-transport", module: malware.module })),
  "a record on a link that the server began": async ({ terminal, server }, description) => {
    await server.offer(description);
    await fetchSoftware(terminal, fromServer);
  },
  "the key alone, without the software": async ({ terminal }) => void (await fetchKey(terminal)),
  "an open broadcast": async (world, description) => await hear(world, description),
  "a broadcast to a group": async (world, description) => {
    const group = await world.server.channel.begin(1);
    await world.server.channel.broadcast(description, { mechanism: "group-broadcast", group });
    await listenOnce(world);
  },
  "the reply to an open request": async (world, description) => {
    answerOpenly(world, description);
    await world.server.channel.broadcast(description);
    await fetchSoftware(world.terminal, { mechanism: "open-broadcast", ...soon });
  },
  ...Object.fromEntries(
    signedThirdModes.map((third): [string, Way] => [
      `M3 in the form ${third}`,
      async ({ terminal, server }, description) => {
        await server.offer(description, { mechanism: "mutual-agreement", third });
        await fetchSoftware(terminal, { ...fromServer, mechanism: "mutual-agreement", third });
      },
    ]),
  ),
};

async function hear(world: World, description: SoftwareDescription): Promise<void> {
  await world.server.channel.broadcast(description);
  await listenOnce(world);
}

async function listenOnce({ terminal }: World): Promise<void> {
  for await (const _ of listen(terminal, { once: true, ...soon })) return;
}

/** Runs what is installed; the clock stands, or the program would be stopped at its licence's end at once. */
async function run({ terminal, clock }: Pick<World, "terminal" | "clock">): Promise<number> {
  const held = new HeldClock();
  held.now = clock.now;
  const own = terminalAt({ stateFolder: terminal.folder.path, clock: held, environment: {} });
  return (await (await exec(own, { module: "hmi", stdio: "ignore" })).ended).status;
}

/** What the thief gives in place of a release, and the code of its refusal. */
interface Fraud {
  readonly code: string;
  readonly release: (world: World, description: SoftwareDescription) => Promise<Uint8Array>;
}

const frauds: Readonly<Record<string, Fraud>> = {
  "something that is no release": { code: "RELEASE_MALFORMED", release: async () => Uint8Array.of(0xf6) },
  "the licence itself": {
    code: "RELEASE_MALFORMED",
    release: async ({ server }, { artefactId }) => await server.licenceFor(publisherName, artefactId),
  },
  "a true release of other software": {
    code: "RELEASE_ARTEFACT_WRONG",
    release: async ({ server }) => {
      const other = sealSoftware({ module: "hmi", sequence: 7 });
      return await releaseOf(other.description, { publisher: server.publisher, nowSeconds: server.clock.now });
    },
  },
  "a true release of this artefact as something else": {
    code: "RELEASE_LICENCE_WRONG",
    release: async ({ server }, description) =>
      await releaseOf(
        { ...description, softwareClass: "content", entry: null },
        { publisher: server.publisher, nowSeconds: server.clock.now },
      ),
  },
  "a release that the licence's issuer signed": {
    code: "RELEASE_UNTRUSTED",
    async release({ server, clock }, description) {
      const issuer = await server.authority.signer(serverName, "licence-sign");
      const publisher = await server.authority.signer(serverName, "release-sign");
      const signed = decode(await releaseOf(description, { publisher, nowSeconds: clock.now }), 24_576);
      const payload = requireBytes(parseSign1(signed).rest[0]);
      const protectedAlso = new Map([[headerLabel.x5chain, issuer.certificate.der]]);
      const externalAad = encode(["Sealane", 1, "release"]);
      return encode(await sign1(issuer.key, { payload, externalAad, protectedAlso, tagged: true }));
    },
  },
  "a release by an authority of the thief's own": {
    code: "RELEASE_UNTRUSTED",
    release: async ({ clock }, description) =>
      await releaseOf(description, {
        publisher: await (await TestAuthority.create(clock.now)).signer(publisherName, "release-sign"),
        nowSeconds: clock.now,
      }),
  },
  "a release whose publisher has ended": {
    code: "RELEASE_PUBLISHER_EXPIRED",
    release: async ({ server, clock }, description) =>
      await releaseOf(description, {
        publisher: await server.authority.formerSigner(publisherName, "release-sign"),
        nowSeconds: clock.now,
      }),
  },
  "a release that was changed": {
    code: "RELEASE_SIGNATURE_WRONG",
    release: async ({ server, clock }, description) => {
      const release = await releaseOf(description, { publisher: server.publisher, nowSeconds: clock.now });
      return release.with(-1, (release.at(-1) ?? 0) ^ 1);
    },
  },
};

/** The code that a way ends with: that of its last message that was skipped, where it goes on to look for others. */
async function codeOf(world: World, work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return "delivered";
  } catch (error) {
    const skipped = world.events.findLast((event) => event.kind === "message-skipped" || event.kind === "broadcast-skipped");
    if (skipped !== undefined && "code" in skipped) return skipped.code;
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

for (const [name, way] of Object.entries(ways)) {
  test(`WHO UNI: ${name} delivers nothing that no publisher released, whatever the server signs`, async (t) => {
    for (const [what, fraud] of Object.entries(frauds)) {
      const world = await enrolledWorld(t);
      const description = world.server.publish(malware);
      const release = await fraud.release(world, description);
      world.server.faults.release = () => release;
      assert.equal(await codeOf(world, async () => await way(world, description)), fraud.code, what);
      assert.deepEqual((await status(world.terminal)).downloads, [], what);
      assert.ok(
        world.server.requests.every((request) => !request.startsWith("GET /v1/artefacts/")),
        what,
      );
      await assert.rejects(install(world.terminal), code("TERMINAL_NOTHING_FETCHED"));
    }
  });

  test(`WHO: ${name} delivers what a publisher released, and says who that was`, async (t) => {
    const world = await enrolledWorld(t);
    const description = world.server.publish(malware);
    await way(world, description);
    const [download] = (await status(world.terminal)).downloads;
    assert.deepEqual([download?.publisher, download?.sequence], [publisherName, malware.sequence]);
    world.server.faults.link = undefined;
    if (download?.complete !== true) await fetchSoftware(world.terminal);
    await install(world.terminal);
    assert.equal((await status(world.terminal)).modules[0]?.current?.publisher, publisherName);
    assert.equal(await run(world), 42);
  });
}

test("WHO EQ14: M3 that nobody signed is not taken, whatever release it brings", async (t) => {
  const world = await enrolledWorld(t);
  const [unsigned] = thirdModes.filter((mode) => !signedThirdModes.includes(mode));
  const description = world.server.publish(malware);
  await world.server.offer(description, { mechanism: "mutual-agreement", third: unsigned ?? assert.fail() });
  await assert.rejects(fetchSoftware(world.terminal, { ...fromServer, mechanism: "mutual-agreement" }), code("TERMINAL_NOTHING_WAITING"));
});

test("WHO EQ14: M3 that brings only a part of artefact, licence and release is refused", async (t) => {
  for (const part of ["licence", "release", "artefactId"] as const) {
    const world = await enrolledWorld(t);
    world.server.faults.vouched = (content) => ({ ...content, [part]: null });
    await world.server.offer(world.server.publish(malware), { mechanism: "mutual-agreement" });
    await assert.rejects(fetchSoftware(world.terminal, fromServer), code("TERMINAL_NOTHING_WAITING"));
    assert.equal(await codeOf(world, async () => await Promise.reject(new Error())), "LINK_FIELD_WRONG", part);
  }
});

test("WHO: a release that was signed anew is the same: nothing is fetched again, before or behind the installation", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  server.publish({ content: program });
  await fetchSoftware(terminal);
  server.requests.length = 0;
  clock.now += 3_600; // the server of the test signs a release whenever it gives it
  assert.equal((await fetchSoftware(terminal)).wasComplete, true);
  await install(terminal);
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_NOTHING_NEW"));
  assert.ok(server.requests.every((request) => !request.startsWith("GET /v1/artefacts/")));
});

async function installedIn(t: TestContext): Promise<TestTerminal> {
  const world = await TestTerminal.create(t);
  await world.stage({ content: program, sequence: 1 }, { expiresAtSeconds: world.clock.now + 3_000 * daySeconds });
  await install(world.terminal);
  return world;
}

test("WHO PERMIT: what was accepted in time runs after the publisher's and the issuer's certificates have ended", async (t) => {
  const world = await installedIn(t);
  assert.equal(await run(world), 42);
  world.clock.now += 600 * daySeconds; // certificates of the test live for 500 days
  assert.equal(await run(world), 42);
  assert.equal((await status(world.terminal)).modules[0]?.current?.problem, null);
  const slot = world.terminal.folder.module("hmi").slot(1);
  const record = (await loadState(slot.record, slotFile)) ?? assert.fail();
  await saveState(slot.record, slotFile, { ...record, acceptedAtSeconds: world.clock.now } as typeof record);
  await assert.rejects(run(world), code("LICENCE_EXPIRED"), "only its acceptance in time made it run");
  world.clock.now += 3_000 * daySeconds;
  await saveState(slot.record, slotFile, record);
  await assert.rejects(run(world), code("LICENCE_EXPIRED"), "the licence's own end counts as of now");
});

test("WHO PERMIT: a slot whose release was changed, replaced or taken away is not run and not returned to", async (t) => {
  const world = await installedIn(t);
  const { terminal, clock } = world;
  const { release } = await world.stage(
    { sequence: 2, content: Uint8Array.of(...program, 0x0a) },
    { expiresAtSeconds: clock.now + 3_000 * daySeconds },
  );
  const slot = terminal.folder.module("hmi").slot(1);
  const own = new Uint8Array(await readFile(slot.release));
  const stranger = await (await TestAuthority.create(clock.now)).signer(publisherName, "release-sign");
  const { release: installedRelease } = parseRelease(own);
  const rows = [
    ["RELEASE_SIGNATURE_WRONG", async () => own.with(-1, (own.at(-1) ?? 0) ^ 1)],
    ["RELEASE_ARTEFACT_WRONG", async () => release],
    ["RELEASE_UNTRUSTED", async () => await releaseOf(installedRelease, { publisher: stranger, nowSeconds: clock.now })],
    ["RELEASE_MALFORMED", async () => new Uint8Array(0)],
    ["TERMINAL_SOFTWARE_CHANGED", async () => new Uint8Array(24_577)],
  ] as const;
  for (const [expected, change] of rows) {
    await writeFile(slot.release, await change());
    await assert.rejects(run(world), code(expected));
    assert.equal((await status(terminal)).modules[0]?.current?.problem, expected);
  }
  await rm(slot.release);
  await assert.rejects(run(world), code("TERMINAL_SOFTWARE_CHANGED"));
  assert.equal((await status(terminal)).modules[0]?.current?.publisher, null);
  await install(terminal); // the next version is not held up
  assert.equal(await run(world), 42);
  await assert.rejects(rollback(terminal, { module: "hmi" }), code("TERMINAL_SOFTWARE_CHANGED"));
  await writeFile(slot.release, own);
  assert.equal((await rollback(terminal, { module: "hmi" })).software.sequence, 1);
  await rm(slot.record);
  await assert.rejects(run(world), code("TERMINAL_SOFTWARE_CHANGED"));
});

test("WHO KREP: a download of before releases travelled is fetched anew, what was installed then runs on, and kept keys still end", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  const keyExpiresAtSeconds = clock.now + 1_000;
  server.faults.terms = { keyRetention: "keep", keyExpiresAtSeconds };
  const description = server.publish({ content: program });
  await fetchSoftware(terminal);
  const download = terminal.folder.download(description.artefactId);
  const {
    release: _,
    acceptedAtSeconds: __,
    ...former
  } = (await loadState(download.record, downloadRecordFile)) as never as Record<
    "release" | "acceptedAtSeconds" | "licence" | "keptKey" | "link",
    never
  >;
  await saveState(download.record, downloadRecordFile, { ...former, version: 1 });
  await assert.rejects(install(terminal), code("TERMINAL_RELEASE_MISSING"));
  assert.equal((await fetchSoftware(terminal)).wasComplete, false);
  await install(terminal);

  const slot = terminal.folder.module("hmi").slot(1);
  const { acceptedAtSeconds: ___, ...record } = (await loadState(slot.record, slotFile)) as never as Record<string, never>;
  await saveState(slot.record, slotFile, { ...record, version: 1 } as never);
  await rm(slot.release);
  assert.equal(await run(world), 42);
  const [module] = (await status(terminal)).modules;
  assert.deepEqual([module?.current?.publisher, module?.current?.problem], [null, null]);

  const kept = terminal.folder.keptRecord(description.artefactId);
  await saveState(kept, downloadRecordFile, { ...former, version: 1 });
  clock.now = keyExpiresAtSeconds;
  await terminal.clock.restart(clock.now); // what is over by the machine's clock alone stays
  await fetchSoftware(terminal).catch((error: unknown) => assert.ok(hasCode(error, "TERMINAL_NOTHING_NEW")));
  assert.equal(await loadState(kept, downloadRecordFile), null);
});
