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

test("WHO: releases of before they travelled are kept and not offered, and their broadcasts end", async (t) => {
  const file = await newFile(t);
  await migrateDatabase({ kind: "sqlite", file });
  {
    using former = new DatabaseSync(file);
    former.exec("drop table order_recipients");
    former.exec("drop table orders");
    former.exec("alter table releases drop column sealed_key");
    former.exec("delete from kysely_migration where name >= '0003-sealed-keys'");
    former.exec("insert into releases values (x'01', 'app', '1.0', 1, x'02', x'03', 'publisher', 1, 1)");
    former.exec("insert into broadcasts values (x'01', x'01', 'open-broadcast', 'hybrid', null, 1, 9, 1, x'01', x'01', 1, 9, 2)");
  }
  await assert.rejects(openDatabase({ kind: "sqlite", file }), (error) => hasCode(error, "SERVER_SCHEMA_OLD"));
  await migrateDatabase({ kind: "sqlite", file });
  await using db = await openDatabase({ kind: "sqlite", file });
  const rows = await db.selectFrom("releases").select(["module", "sealed_key"]).execute();
  assert.deepEqual(
    rows.map(({ module, sealed_key }) => [module, sealed_key]),
    [["app", null]],
  );
  assert.deepEqual(await db.selectFrom("broadcasts").selectAll().execute(), []);
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
