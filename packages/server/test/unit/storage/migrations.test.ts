import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { hasCode } from "@sealane/wire";
import { migrateDatabase, openDatabase } from "../../../src/storage/database.ts";

async function newFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-migrations-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "data.sqlite");
}

test("a database is opened after it was migrated, and migrating it again changes nothing", async (t) => {
  const file = await newFile(t);
  await assert.rejects(openDatabase({ kind: "sqlite", file }), (error) => hasCode(error, "SERVER_NOT_INITIALISED"));
  using empty = new DatabaseSync(file);
  empty.exec("create table something (x)");
  empty.close();
  await assert.rejects(openDatabase({ kind: "sqlite", file }), (error) => hasCode(error, "SERVER_SCHEMA_OLD"));
  await migrateDatabase({ kind: "sqlite", file });
  await migrateDatabase({ kind: "sqlite", file });
  await using db = await openDatabase({ kind: "sqlite", file });
  assert.deepEqual(await db.selectFrom("terminals").selectAll().execute(), []);
});

test("a database of a newer version is left alone", async (t) => {
  const file = await newFile(t);
  await migrateDatabase({ kind: "sqlite", file });
  using newer = new DatabaseSync(file);
  newer.exec("insert into kysely_migration values ('9999-future', '2100-01-01')");
  newer.close();
  await assert.rejects(openDatabase({ kind: "sqlite", file }), (error) => hasCode(error, "SERVER_SCHEMA_NEW"));
  await assert.rejects(migrateDatabase({ kind: "sqlite", file }), (error) => hasCode(error, "SERVER_SCHEMA_NEW"));
});

test("a migration that fails leaves nothing behind", async (t) => {
  const file = await newFile(t);
  using occupied = new DatabaseSync(file);
  occupied.exec("create table licences (x)"); // the last table that the migration makes
  await assert.rejects(migrateDatabase({ kind: "sqlite", file }), (error) => hasCode(error, "STORE_FAILED"));
  const tables = occupied.prepare("select name from sqlite_master where type = 'table' and name not like 'kysely%'").all();
  assert.deepEqual(
    tables.map(({ name }) => name),
    ["licences"],
  );
});
