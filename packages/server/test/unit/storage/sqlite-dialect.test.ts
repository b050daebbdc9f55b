import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { hasCode } from "@sealane/wire";
import { sql } from "kysely";
import { type Database, migrateDatabase, openDatabase } from "../../../src/storage/database.ts";
import { bytes, now } from "./samples.ts";

async function databaseFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-sqlite-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "data.sqlite");
  await migrateDatabase({ kind: "sqlite", file });
  return file;
}

async function addToken(db: Database, label: string): Promise<void> {
  await db
    .insertInto("operator_tokens")
    .values({ digest: bytes(label), label, created_at: now })
    .execute();
}

async function countTokens(db: Database): Promise<number> {
  return (await db.selectFrom("operator_tokens").select("label").execute()).length;
}

test("the database file is its owner's only, and durable at every commit", async (t) => {
  const file = await databaseFile(t);
  await using db = await openDatabase({ kind: "sqlite", file });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const pragma = async (name: string): Promise<unknown> =>
    Object.values((await sql.raw<object>(`pragma ${name}`).execute(db)).rows[0] ?? {})[0];
  assert.equal(await pragma("journal_mode"), "wal");
  assert.equal(await pragma("synchronous"), 2);
  assert.equal(await pragma("foreign_keys"), 1);
  assert.equal(await pragma("secure_delete"), 1);
});

test("a full disk is STORE_FULL, undoes the transaction and leaves the database usable", async (t) => {
  await using db = await openDatabase({ kind: "sqlite", file: await databaseFile(t) });
  await addToken(db, "before");
  await sql`vacuum`.execute(db);
  const pages = (await sql<{ page_count: number }>`pragma page_count`.execute(db)).rows[0]?.page_count ?? 0;
  await sql.raw(`pragma max_page_count = ${pages + 2}`).execute(db);
  const filling = db.transaction().execute(async (tx) => {
    for (let i = 0; i < 1_000; i++) {
      await tx
        .insertInto("operator_tokens")
        .values({ digest: bytes(`${i}`), label: "x".repeat(1_000), created_at: now })
        .execute();
    }
  });
  await assert.rejects(filling, (error) => hasCode(error, "STORE_FULL"));
  assert.equal(await countTokens(db), 1);
  await addToken(db, "after");
  assert.equal(await countTokens(db), 2);
});

test("a database that another process locks is STORE_BUSY", async (t) => {
  const file = await databaseFile(t);
  await using db = await openDatabase({ kind: "sqlite", file });
  await sql`pragma busy_timeout = 1`.execute(db);
  using other = new DatabaseSync(file);
  other.exec("begin immediate");
  await assert.rejects(
    db.transaction().execute((tx) => addToken(tx as Database, "x")),
    (error) => hasCode(error, "STORE_BUSY"),
  );
  other.exec("commit");
  await addToken(db, "x");
});

test("an error of SQLite is STORE_FAILED and does not quote values", async (t) => {
  await using db = await openDatabase({ kind: "sqlite", file: await databaseFile(t) });
  await addToken(db, "secret-label");
  await assert.rejects(
    addToken(db, "secret-label"),
    (error) => hasCode(error, "STORE_FAILED") && !JSON.stringify(error).includes("secret-label"),
  );
});

test("a file that is no database is refused", async (t) => {
  const file = await databaseFile(t);
  using other = new DatabaseSync(file);
  other.exec("pragma journal_mode = delete");
  other.close();
  await writeFile(file, "no database at all, but long enough to be one ".repeat(10));
  await assert.rejects(openDatabase({ kind: "sqlite", file }), (error) => hasCode(error, "STORE_FAILED"));
});
