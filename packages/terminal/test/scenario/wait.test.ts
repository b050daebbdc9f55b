import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SealaneError } from "@sealane/wire";
import { fetchKey, fetchSoftware, install, status } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, restarted, type World } from "../double/enrolled.ts";
import { temporaryFolder } from "../double/temporary-folder.ts";

/** Two segments. */
const content: Uint8Array = new Uint8Array(65_536 + 1_000).map((_, i) => (i * 7) ^ (i >> 8));

/** From now on nobody answers. */
function goneServer({ server }: World): void {
  server.faults.before = () => "drop";
  server.requests.length = 0;
}

const expiry = (error: unknown): true => {
  assert.ok(error instanceof SealaneError);
  assert.deepEqual([error.code, error.entry.exit], ["LICENCE_EXPIRED", 5]);
  return true;
};

for (const originator of ["terminal", "server"] as const) {
  test(`WAIT: with key and licence of a link that the ${originator} began, software that comes later on a stick is installed without the server`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal, clock } = world;
    const published = server.publish({ content });
    if (originator === "server") await server.offer(published);
    const key = await fetchKey(terminal, { originator, waitSeconds: 0 });
    assert.deepEqual([key.software.artefactId.toHex(), key.wasComplete], [published.artefactId.toHex(), false]);
    assert.equal(
      server.requests.some((each) => each.includes("/v1/artefacts/")),
      false,
    );
    goneServer(world);
    clock.now += 3_600;
    const later = restarted(world);
    const [waiting] = (await status(later)).downloads;
    assert.deepEqual([waiting?.awaits, waiting?.complete, waiting?.stagedBytes], ["software", false, 0]);
    const stick = join(await temporaryFolder(t), "software.sealed");
    await writeFile(stick, published.artefact);
    const fetched = await fetchSoftware(later, { module: "hmi", source: stick });
    assert.equal(fetched.bytes, content.length);
    assert.equal((await status(later)).downloads[0]?.awaits, null);
    const { path } = await install(later);
    assert.deepEqual(await readFile(join(path, "hmi")), Buffer.from(content));
    assert.deepEqual(server.requests, []);
  });
}

test("WAIT: what is awaited is not asked for again, and another's artefact is not taken for it", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  server.publish({ content });
  const other = server.publish({ module: "other", entry: null, content: content.subarray(1) });
  const first = await fetchKey(terminal, { module: "hmi" });
  const again = await fetchKey(terminal, { module: "hmi" });
  assert.deepEqual(again.software.artefactId, first.software.artefactId);
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ["offers", "authorise", "offers"],
  );
  const stick = join(await temporaryFolder(t), "other.sealed");
  await writeFile(stick, other.artefact);
  await assert.rejects(fetchSoftware(terminal, { module: "hmi", source: stick }), code("ARTEFACT_ID_WRONG"));
  assert.equal((await status(terminal)).downloads[0]?.awaits, "software");
  goneServer(world);
  await assert.rejects(fetchSoftware(terminal, { module: "hmi", source: stick }), code("API_SERVER_UNREACHABLE"));
  await assert.rejects(fetchKey(terminal, { module: "hmi" }), code("API_SERVER_UNREACHABLE"));
});

for (const [what, terms] of [
  ["licence", (now: number) => ({ expiresAtSeconds: now + 3_600 })],
  ["content key", (now: number) => ({ keyExpiresAtSeconds: now + 3_600 })],
] as const) {
  test(`WAIT KLIFE: software that comes after the ${what} has expired is refused, and the key is gone once the time is proven`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal, clock } = world;
    server.faults.terms = terms(clock.now);
    const published = server.publish({ content });
    const key = await fetchKey(terminal);
    assert.equal(Math.min(key.licenceExpiresAtSeconds, key.keyExpiresAtSeconds ?? Number.POSITIVE_INFINITY), clock.now + 3_600);
    goneServer(world);
    clock.now += 3_600 + 60;
    const stick = join(await temporaryFolder(t), "software.sealed");
    await writeFile(stick, published.artefact);
    await assert.rejects(fetchSoftware(terminal, { module: "hmi", source: stick }), expiry);
    assert.equal((await readdir(terminal.folder.downloads)).length, 1, "this machine's clock alone may be ahead");
    await terminal.clock.restart(clock.now);
    await assert.rejects(fetchSoftware(terminal, { module: "hmi", source: stick }), expiry);
    assert.deepEqual(await readdir(terminal.folder.downloads), []);
  });
}

test("WAIT KLIFE: while the server is there, an expired licence is renewed and the software is taken", async (t) => {
  const { server, terminal, clock } = await enrolledWorld(t);
  server.faults.terms = { expiresAtSeconds: clock.now + 3_600 };
  const published = server.publish({ content });
  await fetchKey(terminal);
  server.faults.terms = undefined;
  clock.now += 3_600 + 60;
  const stick = join(await temporaryFolder(t), "software.sealed");
  await writeFile(stick, published.artefact);
  assert.equal((await fetchSoftware(terminal, { module: "hmi", source: stick })).bytes, content.length);
});
