import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { skipFor } from "@sealane/testkit/tools";
import pg from "pg";
import { parsePostgresUrl } from "../src/storage/database-location.ts";

/** A PostgreSQL on loopback that lets the user postgres in; SEALANE_TEST_POSTGRES names another. */
const base = process.env["SEALANE_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

/** Names a schema that does not exist yet; {@link dropSchema} removes it. */
export function newPostgresUrl(): string {
  return `${base}?schema=sealane_test_${randomBytes(6).toString("hex")}`;
}

export async function dropSchema(url: string): Promise<void> {
  const { schema } = parsePostgresUrl(url);
  await withClient(async (client) => await client.query(`drop schema if exists ${schema} cascade`));
}

/** Runs statements of the test's own. */
export async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: base });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Whether a PostgreSQL answers. Without one its tests are skipped and say so. */
export const hasPostgres: boolean = await withClient(async () => true).catch(() => false);
if (!hasPostgres) {
  const reason = skipFor(`It needs a PostgreSQL, and none answers at ${base} (Debian: postgresql; another: SEALANE_TEST_POSTGRES=...).`);
  test("on PostgreSQL", { skip: reason }, () => {});
}
