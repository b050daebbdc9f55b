import assert from "node:assert/strict";
import { appendFile, copyFile, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { routes } from "@sealane/api";
import { hasCode } from "@sealane/wire";
import { backupServer, type DatabaseInput, restoreServer, startServer } from "../../src/index.ts";
import { dropSchema, hasPostgres, newPostgresUrl } from "../postgres.ts";
import { post } from "./device.ts";
import { TestServer } from "./test-server.ts";

const offers = { kind: "offers", module: null, installed: [] } as const;

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-backup-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

function newDatabase(t: TestContext, kind: "SQLite" | "PostgreSQL"): DatabaseInput {
  if (kind === "SQLite") return {};
  const databaseUrl = newPostgresUrl();
  t.after(async () => await dropSchema(databaseUrl));
  return { databaseUrl };
}

const kinds = hasPostgres ? (["SQLite", "PostgreSQL"] as const) : (["SQLite"] as const);

for (const from of kinds) {
  for (const to of kinds) {
    test(`FNONCE LIC KREP: a backup of a running server on ${from} becomes a server on ${to}, and nothing happens twice`, async (t) => {
      const folder = await emptyFolder(t);
      const server = await TestServer.init(t, newDatabase(t, from));
      await server.run();
      const prepared = await server.publish("the software");
      const device = await server.device("gate-1");
      const enrolment = await (await server.newDevice("gate-2")).request();
      using before = await device.establish();
      await device.ask(before, { kind: "authorise", artefactId: prepared.artefactId });
      const target = join(folder, "backup");
      await copyFile(join(server.folder, "row.key"), join(server.folder, "row.key.00112233aabbccdd")); // of a process that was killed
      const made = await backupServer({ ...server.database, folder: server.folder, target, withArtefacts: true });
      assert.deepEqual(
        (await readdir(target)).filter((name) => name.startsWith("row.key")),
        [],
      );
      assert.equal(made.artefacts, 1);
      assert.equal((await stat(target)).mode & 0o077, 0);
      assert.equal((await stat(join(target, "rows.jsonl"))).mode & 0o077, 0);
      await server.offer(["gate-1"]);
      const [given] = await device.inbox();
      const afterBackup = await device.originate();
      assert.equal((await post(server.url + routes.links, afterBackup.message)).status, 200);
      await server.stop();

      const restored = { ...newDatabase(t, to), folder: join(folder, "restored") };
      assert.equal((await restoreServer({ ...restored, source: target, nowSeconds: server.nowSeconds })).artefacts, 1);
      const { databaseUrl: _, ...options } = server.options();
      const running = await startServer({ ...options, ...restored });
      t.after(() => running.close());
      device.url = running.url;

      const replayed = await post(running.url + routes.links, afterBackup.message);
      assert.equal(replayed.code, "LINK_REFUSED", "a message that was accepted after the backup was accepted again");
      const old = await post(device.recordsOf(before), device.seal(before, offers));
      assert.equal(old.code, "LINK_REFUSED", "a link went on from an earlier state");
      const spent = await post(running.url + routes.enrolments, enrolment);
      assert.equal(spent.code, "ENROL_REFUSED", "an enrolment token survived");
      assert.equal((await post(running.url + routes.links, (await device.originate()).message)).code, "LINK_REFUSED");
      server.nowSeconds += 61;
      using link = await device.establish();
      assert.equal((await device.ask(link, offers)).kind, "offers");
      assert.equal((await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId })).kind, "authorised");
      assert.ok((given?.position ?? 0) < 10);
    });
  }
}

test("a backup that is there already, or a server, is left alone; a damaged backup is refused whole", async (t) => {
  const folder = await emptyFolder(t);
  const server = await TestServer.start(t);
  const target = join(folder, "backup");
  await backupServer({ ...server.database, folder: server.folder, target, withArtefacts: false });
  await assert.rejects(backupServer({ ...server.database, folder: server.folder, target, withArtefacts: false }), (error) =>
    hasCode(error, "SERVER_FOLDER_NOT_EMPTY"),
  );
  const restore = async (into: string): Promise<unknown> =>
    await restoreServer({ folder: into, source: target, nowSeconds: server.nowSeconds });
  await assert.rejects(restore(server.folder), (error) => hasCode(error, "SERVER_ALREADY_INITIALISED"));
  await appendFile(join(target, "rows.jsonl"), '{"table":"links","row":{}}\n');
  await assert.rejects(restore(join(folder, "other")), (error) => hasCode(error, "SERVER_BACKUP_WRONG"));
  await assert.rejects(restoreServer({ folder: join(folder, "other"), source: folder, nowSeconds: 1 }), (error) =>
    hasCode(error, "SERVER_BACKUP_WRONG"),
  );
  assert.deepEqual(await readdir(folder), ["backup"]);
  assert.match(await readFile(join(target, "rows.jsonl"), "utf8"), /^\{"format":"sealane backup","version":1\}\n/);
});
