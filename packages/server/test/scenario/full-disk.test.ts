import assert from "node:assert/strict";
import { readdir, rename } from "node:fs/promises";
import { StatementSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { routes } from "@sealane/api";
import { equalBytes } from "@sealane/wire";
import { serverFolder } from "../../src/layout.ts";
import { post, type Reply, replyOf } from "./device.ts";
import { onPostgres, TestServer } from "./test-server.ts";

const offers = { kind: "offers", module: null, installed: [] } as const;

/** Lets SQLite find no room, as it says it (SQLITE_FULL), in what begins with one of these words. */
function fillDisk(t: TestContext, statements: RegExp): { readonly free: () => void } {
  const run = StatementSync.prototype.run;
  const full = t.mock.method(StatementSync.prototype, "run", function (this: StatementSync, ...values: Parameters<typeof run>) {
    if (statements.test(this.sourceSQL)) throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    return run.apply(this, values);
  });
  return { free: () => full.mock.restore() };
}

const moments = [
  ["a change", /^(?:insert|update|delete)/i],
  ["a commit", /^commit/i],
] as const;

for (const [what, statements] of onPostgres ? [] : moments) {
  test(`a full disk at ${what}: later, and nothing has happened yet`, async (t) => {
    const server = await TestServer.start(t);
    const { artefactId } = await server.publish("the software");
    const device = await server.device("gate-1");
    const fresh = await server.newDevice("gate-2");
    const withFullDisk = async (send: () => Promise<Reply>): Promise<void> => {
      const disk = fillDisk(t, statements);
      const { status, code } = await send();
      disk.free();
      assert.deepEqual([status, code], [500, "API_SERVER_FAILED"]);
      assert.equal(server.codes.at(-1), "STORE_FULL");
    };

    const { message, awaited } = await device.originate();
    await withFullDisk(() => post(device.url + routes.links, message));
    const answer = await post(device.url + routes.links, message);
    assert.equal(answer.status, 200);
    using link = await device.receive(awaited, answer.body);

    const record = device.seal(link, { kind: "authorise", artefactId });
    await withFullDisk(() => post(device.recordsOf(link), record));
    const response = await post(device.recordsOf(link), record);
    assert.equal(device.open(link, response.body).kind, "authorised");

    const request = await fresh.request();
    await withFullDisk(() => post(fresh.url + routes.enrolments, request));
    const enrolled = await fresh.deviceOf((await post(fresh.url + routes.enrolments, request)).body);
    const proof = await fresh.proof(enrolled);
    await withFullDisk(() => post(fresh.url + routes.enrolProof, proof));
    assert.equal((await post(fresh.url + routes.enrolProof, proof)).status, 204);

    const body = JSON.stringify({ terminals: ["gate-1"], module: "app" });
    const disk = fillDisk(t, statements);
    const offered = await replyOf(await server.operator.send("POST", routes.offers, { type: "application/json", body }));
    disk.free();
    assert.deepEqual([offered.status, offered.code], [507, "STORE_FULL"]);
    assert.deepEqual(await device.inbox(), []);
    await server.offer(["gate-1"]);
    const [waiting] = await device.inbox();
    const accepted = await device.accept(waiting?.message ?? new Uint8Array(0));
    await withFullDisk(() => post(device.url + routes.links, accepted.reply));
    const first = await post(device.url + routes.links, accepted.reply);
    const again = await post(device.url + routes.links, accepted.reply);
    assert.deepEqual([first.status, equalBytes(first.body, again.body)], [200, true]);
    assert.equal((await device.ask(link, offers)).kind, "offers");
  });
}

for (const [what, failure, statements] of onPostgres
  ? []
  : ([
      ["full", { errcode: 13 }, /^insert/i],
      ["full at the commit", { errcode: 13 }, /^commit/i],
      ["read-only", { errcode: 8 }, /^insert/i],
    ] as const)) {
  test(`a server whose database is ${what} is not ready, and is again when that is over`, async (t) => {
    const server = await TestServer.start(t);
    const run = StatementSync.prototype.run;
    const broken = t.mock.method(StatementSync.prototype, "run", function (this: StatementSync, ...values: Parameters<typeof run>) {
      if (statements.test(this.sourceSQL)) throw Object.assign(new Error("no write"), failure);
      return run.apply(this, values);
    });
    const refused = await replyOf(await fetch(server.url + routes.ready));
    broken.mock.restore();
    assert.deepEqual([refused.status >= 500, refused.code], [true, failure.errcode === 13 ? "STORE_FULL" : "STORE_FAILED"]);
    assert.equal((await fetch(server.url + routes.ready)).status, 200);
  });
}

test("a server whose folder of artefacts takes no file is not ready, and leaves no file where it does", async (t) => {
  const server = await TestServer.start(t);
  const { artefacts } = serverFolder(server.options().folder);
  assert.equal((await fetch(server.url + routes.ready)).status, 200);
  assert.deepEqual(await readdir(artefacts), []);
  await rename(artefacts, `${artefacts}-away`); // what root cannot write to either
  const refused = await replyOf(await fetch(server.url + routes.ready));
  assert.deepEqual([refused.status >= 500, refused.code], [true, "STORE_FAILED"]);
  await rename(`${artefacts}-away`, artefacts);
  assert.equal((await fetch(server.url + routes.ready)).status, 200);
});
