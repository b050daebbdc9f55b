import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Secret, systemRandom } from "@sealane/crypto";
import { ConfidentialLink } from "@sealane/link";
import { type CborValue, decode } from "@sealane/wire";
import { serverFolder } from "../../src/layout.ts";
import { forwardSecretLifeSeconds, linkLifeSeconds, rowKeyPeriodSeconds } from "../../src/limits.ts";
import { parsePostgresUrl } from "../../src/storage/database-location.ts";
import { RowKeys } from "../../src/storage/row-keys.ts";
import { RowSeal } from "../../src/storage/row-seal.ts";
import { hasPostgres, newPostgresUrl, withClient } from "../postgres.ts";
import { everyMechanism, TestServer } from "./test-server.ts";

/** A thief of the whole machine: folder with all keys, database with everything that it had once, and the recorded traffic. */

const databases = [
  { name: "SQLite", url: () => ({}) },
  ...(hasPostgres ? [{ name: "PostgreSQL", url: () => ({ databaseUrl: newPostgresUrl() }) }] : []),
];

for (const database of databases) {
  describe(`EQ14 EQ5 KREP KLIFE: what is left of a link on ${database.name}`, () => {
    for (const [mechanism, lifeSeconds] of [
      ["mutual-agreement", forwardSecretLifeSeconds],
      ["signed-transport", linkLifeSeconds],
    ] as const) {
      test(`EQ14 EQ5 KREP: after its life (${lifeSeconds} s) nobody can open a link by ${mechanism}, with all that the machine has`, async (t) => {
        const server = await TestServer.init(t, database.url());
        await server.run({ policy: everyMechanism });
        const device = await server.device("gate-1");
        using link = await device.establish({ mechanism });
        const [row] = (await server.rows()).links;
        assert.ok(row !== undefined);
        // The next state takes the place of the one before, whose bytes stay in journals and dead rows.
        await device.ask(link, { kind: "offers", module: null, installed: [] });
        const before = await everything(server);
        assert.ok(before.some((bytes) => bytes.includes(row.state)));
        const place = { table: "links", row: row.id };
        const saved = (await stolenSeal(t, server)).open(place, row.state, "saved link");
        assert.ok(saved !== null);
        const secrets = saved.use((bytes) => secretsIn(decode(bytes, 8_192)));
        if (row.stage === "confirmed") ConfidentialLink.load(saved)[Symbol.dispose](); // the control: today a thief has the link
        assert.ok(secrets.length > 0);

        await server.stop();
        server.nowSeconds = row.created_at + lifeSeconds;
        await server.run({ policy: everyMechanism });
        assert.notEqual((await stolenSeal(t, server)).open(place, row.state, "saved link"), null);
        assert.equal((await server.rows()).links.length, 1);
        await server.stop();
        server.nowSeconds += rowKeyPeriodSeconds;
        await server.run({ policy: everyMechanism });
        assert.equal((await server.rows()).links.length, 0);
        assert.equal((await stolenSeal(t, server)).open(place, row.state, "saved link"), null);
        const left = await everything(server);
        for (const secret of secrets)
          assert.equal(
            left.some((bytes) => bytes.includes(secret)),
            false,
          );
      });
    }
  });
}

/** Opens with the keys that stand in the server's folder. */
async function stolenSeal(test: TestContext, server: TestServer): Promise<RowSeal> {
  const { storageKey, rowKey } = serverFolder(server.folder);
  const keys = await RowKeys.open(rowKey, { nowSeconds: 0, random: systemRandom });
  test.after(() => keys[Symbol.dispose]());
  return new RowSeal(Secret.take("storage key", new Uint8Array(await readFile(storageKey))), keys, systemRandom);
}

/** All files of the folder, the database's journal among them, and PostgreSQL's pages with their dead rows. */
async function everything(server: TestServer): Promise<readonly Buffer[]> {
  const entries = await readdir(server.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file)));
  const { databaseUrl } = server.database;
  return databaseUrl === undefined ? contents : [...contents, ...(await pagesOf(parsePostgresUrl(databaseUrl).schema))];
}

async function pagesOf(schema: string): Promise<readonly Buffer[]> {
  return await withClient(async (client) => {
    await client.query("create extension if not exists pageinspect");
    await client.query("checkpoint");
    const pages: Buffer[] = [];
    for (const table of ["links", "pending_links"]) {
      const name = `${schema}.${table}`;
      const { rows } = await client.query<{ pages: string }>("select pg_relation_size($1::regclass) / 8192 as pages", [name]);
      for (let page = 0; page < Number(rows[0]?.pages ?? 0); page++) {
        const raw = await client.query<{ page: Buffer }>("select get_raw_page($1, $2) as page", [name, page]);
        pages.push(...raw.rows.map((row) => row.page));
      }
    }
    return pages;
  });
}

/** Byte strings of the length of a secret: the link's key is one of them. */
function secretsIn(value: CborValue): readonly Uint8Array[] {
  if (value instanceof Uint8Array) return value.length === 32 ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(secretsIn);
  return value instanceof Map ? [...value.values()].flatMap(secretsIn) : [];
}
