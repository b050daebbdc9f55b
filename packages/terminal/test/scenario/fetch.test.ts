import assert from "node:assert/strict";
import { access, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { standardSuites } from "@sealane/crypto";
import { eventually } from "@sealane/testkit/eventually";
import { hasCode, parseName, SealaneError } from "@sealane/wire";
import { fetchSoftware, install, rollback, status } from "../../src/index.ts";
import { StateLock } from "../../src/state-lock.ts";
import { tarOf } from "../double/archives.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, everythingIn, restarted, type World } from "../double/enrolled.ts";
import { serverName, terminalName } from "../double/test-terminal.ts";

/** Five segments, the last of them short. */
const content: Uint8Array = new Uint8Array(4 * 65_536 + 1_000).map((_, i) => (i * 7) ^ (i >> 8));

const exitOf = (exit: number) => (error: unknown) => error instanceof SealaneError && error.entry.exit === exit;

for (const suite of standardSuites) {
  test(`EQ5 DIR UNI LIC: on ${suite.name} a terminal asks its server and gets software that it can install and read`, async (t) => {
    const { server, terminal } = await enrolledWorld(t);
    const published = server.publish({ content });
    const fetched = await fetchSoftware(terminal, { suite: suite.name });
    assert.deepEqual(
      [fetched.bytes, fetched.totalBytes, fetched.segments, fetched.resumedAtSegment],
      [content.length, content.length, 5, 0],
    );
    assert.deepEqual([fetched.link.mechanism, fetched.link.suite, fetched.link.originator], ["signed-transport", suite.name, "terminal"]);
    assert.ok(fetched.link.promise.includes(terminalName) && fetched.link.promise.includes(serverName));
    assert.ok(fetched.link.readers.includes(serverName));
    const { path } = await install(terminal);
    assert.deepEqual(await readFile(join(path, "hmi")), Buffer.from(content));
    assert.equal((await status(terminal)).modules[0]?.current?.artefactId, published.artefactId.toHex());
  });

  test(`EQ1 DIR: on ${suite.name} a server originates, the terminal finds its message in the inbox and fetches`, async (t) => {
    const { server, terminal } = await enrolledWorld(t);
    await server.offer(server.publish({ content }), { suite });
    const fetched = await fetchSoftware(terminal, { originator: "server", waitSeconds: 0, suite: suite.name });
    assert.deepEqual([fetched.link.originator, fetched.link.suite], ["server", suite.name]);
    assert.equal(fetched.bytes, content.length);
    assert.equal(server.waiting, 0);
    assert.equal((await install(terminal)).software.sequence, 1);
  });
}

test("EQ5: the suite is hybrid unless another is asked for, and one that nobody knows is refused before anything is sent", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ content });
  await assert.rejects(fetchSoftware(terminal, { suite: "rot13" }), code("CRYPTO_SUITE_UNKNOWN"));
  assert.deepEqual(server.requests, []);
  assert.equal((await fetchSoftware(terminal)).link.suite, "hybrid");
});

test("ANY: an archive is fetched by the same way and unpacked", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ format: "tar", entry: null, content: await tarOf([{ name: "a/b", content: "c" }]) });
  await fetchSoftware(terminal);
  const { path } = await install(terminal);
  assert.equal(await readFile(join(path, "a/b"), "utf8"), "c");
});

test("ANY: empty software, and software that ends with a segment, arrive whole", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ module: "a", entry: null, content: new Uint8Array(0) });
  server.publish({ module: "b", entry: null, content: content.subarray(0, 2 * 65_536) });
  for (const module of ["a", "b"]) {
    await fetchSoftware(terminal, { module });
    await install(terminal, { module });
  }
  const { modules } = await status(terminal);
  assert.deepEqual(
    modules.map(({ module, current }) => [module, current?.problem]),
    [
      ["a", null],
      ["b", null],
    ],
  );
});

test("nothing newer is exit code 8, by either originator; versions that are not newer or for another model are not taken", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_NOTHING_NEW"));
  await assert.rejects(fetchSoftware(terminal, { originator: "server", waitSeconds: 0 }), code("TERMINAL_NOTHING_WAITING"));
  server.publish({ sequence: 5 });
  await fetchSoftware(terminal);
  await install(terminal);
  const older = server.publish({ sequence: 4, content: new Uint8Array(1) });
  server.publish({ sequence: 6, models: ["hmi-3"], content: new Uint8Array(2) });
  await assert.rejects(fetchSoftware(terminal), exitOf(8));
  await server.offer(older);
  await assert.rejects(fetchSoftware(terminal, { originator: "server", waitSeconds: 0 }), code("TERMINAL_NOTHING_NEW"));
});

test("of several modules one is fetched and the others are named; one can be asked for", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  for (const module of ["b", "a", "c"]) server.publish({ module, entry: null, content: new TextEncoder().encode(module) });
  const first = await fetchSoftware(terminal);
  assert.equal(first.software.module, "a");
  assert.deepEqual(
    first.alsoOffered.map(({ module }) => module),
    ["b", "c"],
  );
  assert.equal((await fetchSoftware(terminal, { module: "c" })).software.module, "c");
});

test("what was fetched already is not fetched again, and a newer version takes its place", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ sequence: 1, content });
  await fetchSoftware(terminal);
  server.requests.length = 0;
  const again = await fetchSoftware(terminal);
  assert.deepEqual([again.wasComplete, again.bytes], [true, 0]);
  assert.equal(
    server.requests.some((each) => each.includes("/v1/artefacts/")),
    false,
  );
  server.publish({ sequence: 2, content: content.subarray(0, 10) });
  await fetchSoftware(terminal);
  assert.equal((await readdir(terminal.folder.downloads)).length, 1);
  assert.equal((await install(terminal)).software.sequence, 2);
});

test("STREAM: a connection that breaks in any segment goes on at that segment, in the same command", async (t) => {
  for (let segment = 0; segment < 5; segment++) {
    const { server, terminal, clock, events } = await enrolledWorld(t);
    const { artefact } = server.publish({ content });
    server.faults.beforeCut = async () => {
      const arrived = (): boolean => events.filter(({ kind }) => kind === "download").length >= segment;
      await eventually(arrived, "The segments before the cut do not arrive.");
    };
    const headerBytes = artefact.length - content.length - 5 * 16;
    const cut = headerBytes + segment * (65_536 + 16) + 500;
    server.faults.artefact = (bytes, start) => (start === 0 ? bytes.subarray(0, cut) : bytes);
    const fetched = await fetchSoftware(terminal);
    assert.deepEqual([fetched.bytes, fetched.resumedAtSegment], [content.length, 0]);
    const ranges = server.requests.filter((each) => each.includes("/v1/artefacts/")).map((each) => each.split(" ")[2]);
    assert.deepEqual(ranges.slice(1), segment === 0 ? [ranges[1]] : [`bytes=${headerBytes + segment * (65_536 + 16)}-`]);
    assert.equal(clock.pauses.length, 1);
    await install(terminal);
  }
});

test("STREAM: a download that was given up goes on at the missing segment after a restart, without another licence", async (t) => {
  for (let segment = 1; segment < 5; segment++) {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    const { artefact } = server.publish({ content });
    const cut = artefact.length - content.length - 5 * 16 + segment * (65_536 + 16) + 7;
    server.faults.artefact = (bytes, start) => bytes.subarray(0, Math.max(0, cut - start));
    await assert.rejects(fetchSoftware(terminal), code("API_SERVER_UNREACHABLE"));
    const { downloads } = await status(terminal);
    assert.deepEqual([downloads[0]?.complete, downloads[0]?.stagedBytes], [false, segment * 65_536]);
    server.faults.artefact = undefined;
    server.requests.length = 0;
    const fetched = await fetchSoftware(restarted(world));
    assert.equal(fetched.resumedAtSegment, segment);
    assert.equal(fetched.bytes, content.length - segment * 65_536);
    assert.deepEqual(
      server.asked.map(({ kind }) => kind),
      ["offers", "authorise", "offers"],
    );
    await install(terminal);
  }
});

test("STREAM: staged segments that the disk lost or changed are fetched again, also when all of them were there", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const { artefactId } = server.publish({ content });
  await fetchSoftware(terminal);
  const folder = terminal.folder.download(artefactId);
  const staged = await readFile(folder.software);
  staged[2 * 65_536 + 9] = (staged[2 * 65_536 + 9] ?? 0) ^ 1;
  await writeFile(folder.software, staged);
  await assert.rejects(install(terminal), code("TERMINAL_STAGED_CHANGED"));
  assert.equal((await fetchSoftware(terminal)).resumedAtSegment, 2);
  await install(terminal);
});

test("KLIFE LIC: a download whose licence has ended takes another licence, over a new link", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  server.publish({ content });
  server.faults.artefact = (bytes, start) => bytes.subarray(0, Math.max(0, 100_000 - start));
  await assert.rejects(fetchSoftware(terminal), exitOf(4));
  server.faults.artefact = undefined;
  clock.now += 86_400 + 61;
  server.asked.length = 0;
  assert.equal((await fetchSoftware(terminal)).totalBytes, content.length);
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ["offers", "authorise"],
  );
});

test("STREAM: a changed, moved, cut or foreign artefact is refused at its first wrong segment, and what was right is kept", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const { artefact } = server.publish({ content });
  const other = server.publish({ module: "other", content: content.toReversed() });
  const header = artefact.length - content.length - 5 * 16;
  const flip = (at: number) => (bytes: Uint8Array, start: number) => {
    const copy = Uint8Array.from(bytes);
    if (at >= start) copy[at - start] = (copy[at - start] ?? 0) ^ 1;
    return copy;
  };
  const swap = (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes);
    copy.copyWithin(header, header + 65_552, header + 2 * 65_552);
    return copy;
  };
  for (const [fault, expected] of [
    [flip(3), "ARTEFACT_FORMAT_WRONG"],
    [flip(30), "ARTEFACT_ID_WRONG"],
    [flip(header - 1), "ARTEFACT_ID_WRONG"],
    [() => other.artefact, "ARTEFACT_ID_WRONG"],
    [swap, "ARTEFACT_SEGMENT_WRONG"],
    [flip(header + 2 * 65_552), "ARTEFACT_SEGMENT_WRONG"],
    [flip(artefact.length - 1), "ARTEFACT_SEGMENT_WRONG"],
  ] as const) {
    server.faults.artefact = fault;
    await assert.rejects(fetchSoftware(terminal, { module: "hmi" }), code(expected));
  }
  server.faults.artefact = undefined;
  assert.equal((await fetchSoftware(terminal, { module: "hmi" })).resumedAtSegment, 4);
});

test("LIC: a licence that is another's, for another artefact, changed or over gives nothing", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ content });
  const { now } = server.clock;
  const begun = { issuedAtSeconds: now - 1_000, notBeforeSeconds: now - 1_000 };
  for (const [terms, expected] of [
    [{ recipient: parseName("gateway-8") }, "LICENCE_RECIPIENT_WRONG"],
    [{ models: ["hmi-3"] }, "LICENCE_MODEL_WRONG"],
    [{ sequence: 9 }, "RELEASE_LICENCE_WRONG"],
    [{ entry: "other" }, "RELEASE_LICENCE_WRONG"],
    [{ ...begun, expiresAtSeconds: now - 61 }, "LICENCE_EXPIRED"],
    [{ notBeforeSeconds: now + 61 }, "LICENCE_NOT_YET_VALID"],
    [{ ...begun, keyExpiresAtSeconds: now - 61 }, "LICENCE_EXPIRED"],
  ] as const) {
    server.faults.terms = terms;
    await assert.rejects(fetchSoftware(terminal), code(expected));
  }
  server.faults.terms = undefined;
  server.faults.reply = (reply) => {
    if (reply.kind !== "authorised") return reply;
    const licence = Uint8Array.from(reply.licence);
    licence[licence.length - 1] = (licence[licence.length - 1] ?? 0) ^ 1;
    return { ...reply, licence };
  };
  await assert.rejects(fetchSoftware(terminal), code("LICENCE_SIGNATURE_WRONG"));
  assert.deepEqual((await status(terminal)).downloads, []);
});

test("NEWEST WHO: what is offered as something else than its release and licence say gives no key", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ content });
  for (const lie of [{ sequence: 9 }, { version: "9" }, { softwareClass: "content" }, { entry: null }] as const) {
    server.faults.reply = (reply) =>
      reply.kind === "offers" ? { ...reply, offers: reply.offers.map((offer) => ({ ...offer, ...lie })) } : reply;
    await assert.rejects(fetchSoftware(terminal), code("TERMINAL_LICENCE_CONTRADICTS"));
    assert.deepEqual((await status(terminal)).downloads, []);
  }
  server.faults.reply = undefined;
  assert.equal((await fetchSoftware(terminal)).bytes, content.length);
});

test("UNI: another link's wrap, another licence's wrap or a changed one gives no key", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ content });
  const wraps: Uint8Array[] = [];
  server.faults.reply = (reply) => {
    if (reply.kind === "authorised") wraps.push(reply.wrap);
    return reply;
  };
  server.faults.artefact = () => new Uint8Array(0);
  await assert.rejects(fetchSoftware(terminal), exitOf(4));
  server.faults.reply = (reply) => (reply.kind === "authorised" && wraps[0] !== undefined ? { ...reply, wrap: wraps[0] } : reply);
  server.clock.now += 86_461; // the kept key is over, so that another link is made
  await assert.rejects(fetchSoftware(terminal), code("CRYPTO_OPEN_FAILED"));
  server.faults.reply = (reply) =>
    reply.kind === "authorised" ? { ...reply, wrap: reply.wrap.with(-1, (reply.wrap.at(-1) ?? 0) ^ 1) } : reply;
  await assert.rejects(fetchSoftware(terminal), code("CRYPTO_OPEN_FAILED"));
  assert.deepEqual((await status(terminal)).downloads, []);
});

test("what the server refuses inside a link comes out with its code and the reference of the request", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ content });
  for (const refused of ["RELEASE_UNKNOWN", "API_SERVER_FAILED"] as const) {
    server.faults.reply = (reply) => (reply.kind === "authorised" ? { kind: "refused", code: refused } : reply);
    await assert.rejects(fetchSoftware(terminal), (error: unknown) => {
      assert.ok(hasCode(error, refused));
      assert.equal(error.details["reference"], "0123456789abcdef");
      return true;
    });
  }
  server.faults.reply = () => ({ kind: "refused", code: "NO_SUCH_CODE" });
  await assert.rejects(fetchSoftware(terminal), code("API_REPLY_WRONG"));
});

test("a lost reply on a link is asked for with the same bytes again", async (t) => {
  for (const lost of ["/v1/links", "/v1/links/"]) {
    const { server, terminal } = await enrolledWorld(t);
    server.publish({ content });
    let left = 2;
    server.faults.after = ({ url = "" }) =>
      (lost === "/v1/links" ? url === lost : url.startsWith(lost)) && left-- > 0 ? "drop" : undefined;
    assert.equal((await fetchSoftware(terminal)).bytes, content.length);
  }
});

test("an unreachable server is exit code 4 after a few attempts with growing pauses, and nothing is left", async (t) => {
  const { server, terminal, clock } = await enrolledWorld(t);
  server.faults.before = () => "drop";
  await assert.rejects(fetchSoftware(terminal), exitOf(4));
  assert.equal(clock.pauses.length, 5);
  clock.pauses.forEach((pause, i) => {
    assert.ok(pause >= 500 * 2 ** i && pause <= 750 * 2 ** i);
  });
  assert.deepEqual((await status(terminal)).downloads, []);
});

test("a sealed file comes from a local file or from a store that knows no ranges as well", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const { artefact, artefactId } = server.publish({ content });
  const path = join(terminal.folder.path, "..", "stick.sealed");
  await writeFile(path, artefact);
  const fetched = await fetchSoftware(terminal, { source: path });
  assert.equal(fetched.bytes, content.length);
  assert.equal(
    server.requests.some((each) => each.includes(artefactId.toHex())),
    false,
  );
  for (const [wrong, expected] of [
    [artefact.subarray(0, -1), "ARTEFACT_TRUNCATED"],
    [Buffer.concat([artefact, new Uint8Array(1)]), "ARTEFACT_TRAILING_BYTES"],
  ] as const) {
    const other = await enrolledWorld(t);
    other.server.publish({ content });
    await writeFile(path, wrong);
    await assert.rejects(
      fetchSoftware(other.terminal, { source: path }),
      (error) => error instanceof SealaneError && error.code.startsWith("ARTEFACT_"),
      expected,
    );
  }
  await assert.rejects(fetchSoftware((await withOffer(t)).terminal, { source: join(path, "missing") }), code("FILE_READ_FAILED"));
});

async function withOffer(t: Parameters<typeof enrolledWorld>[0]): Promise<World> {
  const world = await enrolledWorld(t);
  world.server.publish({ content });
  return world;
}

test("a full disk is exit code 4; what was fetched is gone on with", { skip: !(await hasFullDevice()) }, async (t) => {
  const { symlink, rm } = await import("node:fs/promises");
  const { server, terminal } = await enrolledWorld(t);
  const { artefactId } = server.publish({ content });
  server.faults.artefact = (bytes) => bytes.subarray(0, 100);
  await assert.rejects(fetchSoftware(terminal), exitOf(4));
  server.faults.artefact = undefined;
  const { part } = terminal.folder.download(artefactId);
  await rm(part);
  await symlink("/dev/full", part);
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_DISK_FULL"));
  await rm(part);
  await fetchSoftware(terminal);
  await install(terminal);
});

async function hasFullDevice(): Promise<boolean> {
  return await access("/dev/full").then(
    () => true,
    () => false,
  );
}

test("two commands never change downloads at once; neither a rollback nor an installation waits for a download", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  for (const sequence of [1, 2]) {
    server.publish({ sequence, content: new Uint8Array([sequence]) });
    await fetchSoftware(terminal);
    if (sequence === 1) await install(terminal);
  }
  {
    using _other = await StateLock.take(terminal.folder, { module: "hmi" }); // as a fetch holds it while it uses the network
    assert.equal((await install(terminal)).software.sequence, 2);
    await assert.rejects(install(terminal), code("TERMINAL_NOTHING_FETCHED"));
    await assert.rejects(fetchSoftware(terminal, { module: "hmi" }), code("TERMINAL_STATE_LOCKED"));
    assert.equal((await rollback(terminal, { module: "hmi" })).software.sequence, 1);
    assert.equal((await status(terminal)).modules.length, 1);
  }
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_NOTHING_NEW"));
});

test("what another command installs is not removed, and the installation does not stop a fetch", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  const { artefactId } = server.publish({ sequence: 1, content: new Uint8Array([1]) });
  await fetchSoftware(terminal);
  server.publish({ sequence: 2, content: new Uint8Array([2]) });
  {
    using _installing = await StateLock.take(terminal.folder, "modules");
    assert.equal((await fetchSoftware(terminal)).software.sequence, 2);
    await assert.rejects(install(terminal), code("TERMINAL_STATE_LOCKED"));
    await access(terminal.folder.download(artefactId).path);
  }
  await install(terminal);
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_NOTHING_NEW"));
  await assert.rejects(access(terminal.folder.download(artefactId).path), { code: "ENOENT" });
});

test("KREP: the content key is in no file of the state in the clear, and in none at all after the installation", async (t) => {
  const { server, terminal, events } = await enrolledWorld(t);
  const published = server.publish({ content });
  await fetchSoftware(terminal);
  const key = server.contentKeyOf(published.artefactId);
  assert.equal((await everythingIn(terminal.folder.path)).includes(key), false);
  assert.equal(JSON.stringify(events).includes(Buffer.from(key).toString("hex")), false);
  await install(terminal);
  await assert.rejects(access(terminal.folder.download(published.artefactId).path), { code: "ENOENT" });
});
