import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReleaseView, routes } from "@sealane/api";
import { suiteNamed } from "@sealane/crypto";
import {
  encodePublication,
  parsePublication,
  parseSealedContentKey,
  softwareDescriptionCodec,
  verifyAuthorisation,
} from "@sealane/software";
import { encodeAs, equalBytes, parseName } from "@sealane/wire";
import { locateDatabase } from "../../src/locate-database.ts";
import { openDatabase } from "../../src/storage/database.ts";
import { type Device, replyOf } from "./device.ts";
import { type Prepared, Publisher } from "./publisher.ts";
import { granted, opensTo, refusedCode } from "./server-replies.ts";
import { everyMechanism, TestServer } from "./test-server.ts";

async function release(server: TestServer, publication: Parameters<typeof encodePublication>[0]): Promise<string | number> {
  const reply = await replyOf(await server.release(encodePublication(publication)));
  return reply.code ?? reply.status;
}

/** What a device is given is proven by it, and opens to the content key. */
async function proveDelivery(server: TestServer, device: Device, prepared: Prepared): Promise<Uint8Array> {
  using link = await device.establish();
  const grant = granted(await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId }));
  const { nowSeconds } = server;
  assert.equal(opensTo(prepared, link, grant, nowSeconds), true);
  const expected = { anchors: [device.anchor], nowSeconds, recipients: [device.name], model: "m1", artefactId: prepared.artefactId };
  assert.equal(verifyAuthorisation(grant, expected).release.publisher, "publisher");
  return grant.release;
}

test("WHO LIC: a terminal is given the publisher's release with each licence, byte for byte, and never the sealed content key", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.publish("the software");
  const publication = parsePublication(prepared.publication);
  const given = await proveDelivery(server, await server.device("gate-1"), prepared);
  assert.deepEqual(given, publication.release);
  const { encrypted } = parseSealedContentKey(publication.sealedContentKey ?? assert.fail());
  assert.equal(Buffer.from(given).indexOf(encrypted), -1);
});

test("WHO: M3 brings the release, and the channel has it beside each broadcast", async (t) => {
  const server = await TestServer.start(t, { policy: everyMechanism });
  const prepared = await server.publish("the software", { grade: "public" });
  const statement = parsePublication(prepared.publication).release;
  const device = await server.device("gate-1");
  await server.offer(["gate-1"], "app", { mechanism: "mutual-agreement" });
  const [message] = await device.inbox();
  const { third } = await device.join((message ?? assert.fail()).message);
  assert.deepEqual(third?.release, statement);
});

test("WHO: a terminal of before, which asks for a licence alone, is told that it is too old; its link goes on", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.publish("the software");
  const device = await server.device("gate-1");
  using link = await device.establish();
  const { artefactId } = prepared;
  assert.equal(refusedCode(await device.ask(link, { kind: "licence", artefactId })), "API_TERMINAL_OLD");
  assert.equal((await device.ask(link, { kind: "authorise", artefactId })).kind, "authorised");
});

test("WHO: another publisher who sees a publication first can publish it neither as its own nor as public", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.prepare("a secret");
  await server.upload(prepared.artefact);
  const { sealedContentKey } = parsePublication(prepared.publication);
  const other = await Publisher.appoint(server.folder, server.nowSeconds, "publisher-2");
  for (const grade of ["public", "confidential"] as const) {
    const stolen = await other.sign({ ...prepared.release, publisher: parseName("publisher-2"), grade });
    assert.equal(await release(server, { release: stolen, sealedContentKey }), "RELEASE_KEY_WRONG");
    assert.equal(await release(server, { release: stolen, sealedContentKey: null }), "RELEASE_UNKNOWN");
  }
  const publisher = await server.publisher();
  const raised = await publisher.sign({ ...prepared.release, grade: "public" });
  assert.equal(await release(server, { release: raised, sealedContentKey }), "RELEASE_KEY_WRONG");
  assert.deepEqual(await server.operator.get(routes.releases), []);
  assert.equal((await server.release(prepared.publication)).status, 200, "its publisher is not kept away");
});

test("WHO: a release is signed anew by its publisher, unchanged and without its content key, and takes the place of the one before", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.publish("the software");
  const device = await server.device("gate-1");
  await proveDelivery(server, device, prepared);
  server.nowSeconds += 3_600;
  const publisher = await server.publisher();
  const anew = await publisher.sign({ ...prepared.release, publishedAtSeconds: server.nowSeconds, floorSequence: 1 });
  assert.equal(await release(server, { release: anew, sealedContentKey: null }), 200);
  assert.deepEqual(await proveDelivery(server, device, prepared), anew);
  const [view, ...others] = (await server.operator.get(routes.releases)) as readonly ReleaseView[];
  assert.deepEqual([view?.sequence, view?.publishedAtSeconds, view?.floorSequence, others.length], [1, server.nowSeconds, 1, 0]);
  for (const [changes, code] of [
    [{ version: "1.1" }, "SERVER_RELEASE_CONFLICT"],
    [{ softwareClass: "system" }, "SERVER_RELEASE_CONFLICT"],
    [{ sequence: 2 }, "RELEASE_KEY_WRONG"],
    [{ grade: "public" }, "RELEASE_KEY_WRONG"],
  ] as const) {
    const changed = await publisher.sign({ ...prepared.release, ...changes });
    assert.equal(await release(server, { release: changed, sealedContentKey: null }), code);
  }
  assert.deepEqual(await proveDelivery(server, device, prepared), anew);
});

test("WHO: who has the operator's token only cannot put a statement back in the place of the later one", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.publish("the software");
  const publisher = await server.publisher();
  const later = await publisher.sign({ ...prepared.release, publishedAtSeconds: server.nowSeconds + 1, floorSequence: 1 });
  assert.equal(await release(server, { release: later, sealedContentKey: null }), 200);
  const before = parsePublication(prepared.publication);
  for (const stolen of [before, { ...before, sealedContentKey: null }])
    assert.equal(await release(server, stolen), "SERVER_RELEASE_CONFLICT");
  assert.equal(await release(server, { release: later, sealedContentKey: null }), 200, "the same again is right again");
  assert.deepEqual(await proveDelivery(server, await server.device("gate-1"), prepared), later);
});

test("WHO POLICY: another description in the database alone brings software under no other policy, and gives no content key", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.publish("the software", { softwareClass: "system" });
  const device = await server.device("gate-1");
  await proveDelivery(server, device, prepared);
  {
    await using db = await openDatabase(await locateDatabase({ ...server.database, folder: server.folder }));
    const row = { description: encodeAs(softwareDescriptionCodec, { ...prepared.release, softwareClass: "content" }) };
    await db.updateTable("releases").set(row).where("artefact_id", "=", prepared.artefactId).execute();
  }
  using link = await device.establish();
  assert.equal(refusedCode(await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId })), "API_SERVER_FAILED");
  assert.equal(server.codes.at(-1), "RELEASE_LICENCE_WRONG");
});

test("WHO: a release whose publisher's certificate has ended is not taken", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.prepare("the software");
  await server.upload(prepared.artefact);
  server.nowSeconds += 366 * 86_400;
  assert.equal((await replyOf(await server.release(prepared.publication))).code, "RELEASE_PUBLISHER_EXPIRED");
});

test("UNI: at its start a server seals content keys anew to its first key, without the publisher; what it cannot open stays, and is told", async (t) => {
  const server = await TestServer.start(t);
  const [prepared] = [
    await server.publish("the software", {}, suiteNamed("x25519")),
    await server.publish("lost", { module: "lost" }, suiteNamed("x25519")),
  ];
  const device = await server.device("gate-1");
  const [first, second] = ["hybrid", "x25519"].map((name) =>
    device.serverDecryption.find(({ publicKey }) => publicKey.kind === suiteNamed(name as never).encryption.keyKind),
  );
  const keyRoles = async (): Promise<readonly (readonly [module: string, keyRole: Uint8Array])[]> => {
    await using db = await openDatabase(await locateDatabase({ ...server.database, folder: server.folder }));
    const rows = await db.selectFrom("releases").select(["module", "sealed_key"]).orderBy("module").execute();
    return rows.map(({ module, sealed_key }) => [module, parseSealedContentKey(sealed_key ?? assert.fail()).keyRole]);
  };
  const isSealedTo = (certificate: typeof first, keyRole: Uint8Array | undefined): boolean =>
    certificate !== undefined && keyRole !== undefined && equalBytes(certificate.thumbprint, keyRole);
  assert.ok((await keyRoles()).every(([, keyRole]) => isSealedTo(second, keyRole)));
  {
    await using db = await openDatabase(await locateDatabase({ ...server.database, folder: server.folder }));
    const { sealed_key: sealed } = await db
      .selectFrom("releases")
      .select("sealed_key")
      .where("module", "=", "lost")
      .executeTakeFirstOrThrow();
    const damaged = (sealed ?? assert.fail()).with(-1, (sealed?.at(-1) ?? 0) ^ 1);
    await db.updateTable("releases").set({ sealed_key: damaged }).where("module", "=", "lost").execute();
  }
  await server.restart();
  device.url = server.url;
  const [[, resealed] = [], [, kept] = []] = await keyRoles();
  assert.deepEqual([isSealedTo(first, resealed), isSealedTo(second, kept)], [true, true]);
  assert.equal(server.codes.filter((code) => code === "RELEASE_KEY_WRONG").length, 1);
  assert.deepEqual(await proveDelivery(server, device, prepared), parsePublication(prepared.publication).release);
});
