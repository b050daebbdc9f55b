import assert from "node:assert/strict";
import { cp, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { hasCode } from "@sealane/wire";
import { loadEnrolment, loadTrust } from "../../src/identity.ts";
import { InboxJournal } from "../../src/inbox-journal.ts";
import { enroll, fetchSoftware, install, rollback, type Terminal, terminalAt } from "../../src/index.ts";
import { verifyInstalled } from "../../src/installed-check.ts";
import { proveSlot } from "../../src/slot.ts";
import { tarOf } from "../double/archives.ts";
import { DyingProcess } from "../double/dying-process.ts";
import { enrolledWorld, newWorld, type World } from "../double/enrolled.ts";
import type { FakeServer } from "../double/fake-server.ts";
import { temporaryFolder } from "../double/temporary-folder.ts";

const dying = new DyingProcess();
await dying.install();

const content: Uint8Array = new Uint8Array(2 * 65_536 + 1_000).map((_, i) => (i * 7) ^ (i >> 8));

/** A terminal on a copy of a state folder. */
async function copyOf(t: TestContext, { terminal, clock }: World): Promise<Terminal> {
  const stateFolder = join(await temporaryFolder(t), "state");
  await cp(terminal.folder.path, stateFolder, { recursive: true, verbatimSymlinks: true });
  return terminalAt({ stateFolder, clock, environment: {} });
}

/** The software that is in use must be whole and permitted; gives its sequence. */
async function inUse(terminal: Terminal): Promise<number> {
  const folder = terminal.folder.module("hmi");
  const sequence = Number((await readlink(folder.current)).replace("slots/", ""));
  const slot = await proveSlot(folder.slot(sequence), { terminal, trust: await loadTrust(terminal), module: "hmi", sequence });
  await verifyInstalled(slot.folder, slot.licence, () => {});
  return sequence;
}

/** Nothing half-made may be left anywhere. */
async function requireTidy(terminal: Terminal, slots: readonly string[]): Promise<void> {
  const module = terminal.folder.module("hmi");
  assert.deepEqual((await readdir(module.slots)).sort(), slots);
  assert.deepEqual((await readdir(module.path)).sort(), ["current", "module.cbor", "slots"]);
  const everywhere = await readdir(terminal.folder.path, { recursive: true });
  assert.deepEqual(
    everywhere.filter((name) => name.includes(".tmp")),
    [],
  );
}

/** Kills a command at its first, second, ... effect, each time on a fresh copy, until one attempt lives to its end. */
async function killEverywhere(
  t: TestContext,
  world: World,
  work: { readonly command: (terminal: Terminal) => Promise<unknown>; readonly after: (terminal: Terminal) => Promise<void> },
): Promise<number> {
  for (let dieAt = 1; ; dieAt++) {
    const terminal = await copyOf(t, world);
    const died = await dying.run(dieAt, () => work.command(terminal));
    await work.after(terminal);
    if (!died) return dieAt - 1;
  }
}

/** The network is an effect too: the process dies before the server sees a request, or before it sees the reply itself. */
function dieOnTheNetworkToo({ faults }: FakeServer): void {
  const network = (): "drop" | undefined => {
    try {
      dying.effect();
      return undefined;
    } catch {
      return "drop";
    }
  };
  faults.before = network;
  faults.after = network;
}

for (const format of ["file", "tar"] as const) {
  test(`a killed installation of a ${format} leaves the version before or the new one whole, and can be repeated`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    for (const sequence of [1, 2]) {
      server.publish({ sequence, content: new Uint8Array([sequence]) });
      await fetchSoftware(terminal);
      await install(terminal);
    }
    const archive = await tarOf([
      { name: "bin/hmi", mode: 0o755, content: "#!/bin/sh\n" },
      { name: "data", content: "data" },
    ]);
    server.publish({ sequence: 3, format, entry: "bin/hmi", content: format === "tar" ? archive : content });
    await fetchSoftware(terminal);
    const seen = new Set<number>();
    const effects = await killEverywhere(t, world, {
      command: install,
      after: async (copy) => {
        const before = await inUse(copy);
        seen.add(before);
        const again = await install(copy).catch((error: unknown) => error);
        assert.ok(before === 3 || !(again instanceof Error), String(again));
        assert.ok(!(again instanceof Error) || hasCode(again, "TERMINAL_NOTHING_FETCHED"), String(again));
        assert.equal(await inUse(copy), 3);
        if (again instanceof Error) await assert.rejects(fetchSoftware(copy), (error) => hasCode(error, "TERMINAL_NOTHING_NEW"));
        assert.deepEqual(await readdir(copy.folder.downloads), []);
        assert.equal((await rollback(copy, { module: "hmi" })).software.sequence, 2);
      },
    });
    assert.deepEqual([...seen].sort(), [2, 3]);
    assert.ok(effects > 20, `${effects} effects were tried`);
  });
}

for (const originator of ["terminal", "server"] as const) {
  test(`a fetch that is killed anywhere can be repeated when the ${originator} originates; what is installed stays`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    server.publish({ sequence: 1, content: new Uint8Array([1]) });
    await fetchSoftware(terminal);
    await install(terminal);
    const published = server.publish({ sequence: 2, content });
    const input = { originator, waitSeconds: 0 } as const;
    dieOnTheNetworkToo(server);
    let licences = 0;
    const effects = await killEverywhere(t, world, {
      command: async (copy) => {
        server.emptyInbox();
        if (originator === "server") await server.offer(published);
        await fetchSoftware(copy, input);
      },
      after: async (copy) => {
        assert.equal(await inUse(copy), 1);
        server.asked.length = 0;
        const fetched = await fetchSoftware(copy, input);
        licences += server.asked.filter(({ kind }) => kind === "authorise").length;
        assert.equal(fetched.software.sequence, 2);
        await install(copy);
        assert.equal(await inUse(copy), 2);
        assert.deepEqual(await readFile(join(copy.folder.module("hmi").current, "software", "hmi")), Buffer.from(content));
        await requireTidy(copy, ["1", "2"]);
      },
    });
    assert.ok(effects > 20, `${effects} effects were tried`);
    assert.ok(licences < effects, "once a licence is written down no other one is needed");
  });
}

for (const mechanism of ["mutual-nonce", "mutual-certified", "mutual-agreement"] as const) {
  test(`DIR: a fetch that is killed anywhere can be repeated when the server begins the link by ${mechanism}`, async (t) => {
    const world = await enrolledWorld(t);
    const { server } = world;
    const published = server.publish({ content: new Uint8Array([1]) });
    const input = { originator: "server", waitSeconds: 0 } as const;
    dieOnTheNetworkToo(server);
    const resumed = new Set<string>();
    const effects = await killEverywhere(t, world, {
      command: async (copy) => {
        server.emptyInbox();
        await server.offer(published, { mechanism });
        await fetchSoftware(copy, input);
      },
      after: async (copy) => {
        const { pending } = await InboxJournal.load(copy, await loadEnrolment(copy));
        resumed.add(pending?.kind ?? "nothing");
        const { software, link } = await fetchSoftware(copy, input);
        assert.deepEqual([software.sequence, link.originator, link.mechanism], [1, "server", mechanism]);
        assert.equal((await InboxJournal.load(copy, await loadEnrolment(copy))).pending, null);
        assert.deepEqual((await readdir(copy.folder.downloads)).length, 1);
      },
    });
    assert.ok(effects > 20, `${effects} effects were tried`);
    assert.deepEqual(
      [...resumed].sort(),
      mechanism === "mutual-certified" ? ["answer", "nothing", "request"] : ["nothing", "offers", "request", "second"],
    );
  });
}

test("a rollback that is killed anywhere leaves one of both versions whole, and can be repeated", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  for (const sequence of [1, 2]) {
    server.publish({ sequence, content: new Uint8Array([sequence]) });
    await fetchSoftware(terminal);
    await install(terminal);
  }
  await killEverywhere(t, world, {
    command: (copy) => rollback(copy, { module: "hmi" }),
    after: async (copy) => {
      const before = await inUse(copy);
      assert.equal((await rollback(copy, { module: "hmi" })).software.sequence, before === 1 ? 2 : 1);
    },
  });
});

test("an enrolment that is killed anywhere can be repeated with the same token", async (t) => {
  const world = await newWorld(t);
  const { server, clock } = world;
  const token = server.token();
  dieOnTheNetworkToo(server);
  for (let dieAt = 1; ; dieAt++) {
    const stateFolder = join(await temporaryFolder(t), "state");
    server.forgetTerminal();
    const died = await dying.run(dieAt, () => enroll(terminalAt({ stateFolder, clock, environment: {} }), { token }));
    const again = terminalAt({ stateFolder, clock, environment: {} });
    const enrolled = await enroll(again, { token }).catch((error: unknown) => error);
    assert.ok(!(enrolled instanceof Error) || hasCode(enrolled, "TERMINAL_ALREADY_ENROLLED"), String(enrolled));
    await assert.rejects(fetchSoftware(again), (error) => hasCode(error, "TERMINAL_NOTHING_NEW"));
    const left = (await readdir(stateFolder, { recursive: true })).filter((name) => name.endsWith(".tmp"));
    assert.deepEqual(left, enrolled instanceof Error ? left.filter((name) => !name.startsWith("keys")) : []);
    if (!died) {
      assert.ok(dieAt > 15, `${dieAt} effects were tried`);
      return;
    }
  }
});
