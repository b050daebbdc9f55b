import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import pg from "pg";
import { eventually } from "../../src/eventually.ts";
import { EffectFolder, type EffectPlan, hookEnvironment } from "../../src/scenarios/hooks.ts";
import { skipFor } from "../../src/tools.ts";

const url = process.env["SEALANE_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";
const schema = `sealane_effects_${randomBytes(6).toString("hex")}`;

async function query(text: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

const hasPostgres = await query("select 1").catch(() => null);
const skip = hasPostgres === null && skipFor(`It needs a PostgreSQL, and none answers at ${url} (Debian: postgresql).`);

test("UNI: a statement to PostgreSQL is an effect, before which a process is killed, or behind which it does not see the answer", {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealane-postgres-effects-"));
  after(async () => {
    rmSync(folder, { recursive: true });
    await query(`drop schema if exists ${schema} cascade`);
  });
  const program = join(folder, "program.mjs");
  writeFileSync(
    program,
    `
    import pg from ${JSON.stringify(import.meta.resolve("pg"))};
    const client = new pg.Client({ connectionString: ${JSON.stringify(url)} });
    await client.connect();
    await client.query("begin");
    await client.query({ name: "insert", text: "insert into ${schema}.numbers\\n values ($1)", values: [1] });
    await client.query("commit");
    await client.end();
  `,
  );
  const effects = new EffectFolder(join(folder, "plan"));
  const run = async (plan: EffectPlan): Promise<string | null> => {
    await query(`drop schema if exists ${schema} cascade; create schema ${schema}; create table ${schema}.numbers (number integer)`);
    effects.plan(plan);
    const env = { ...process.env, ...hookEnvironment({ effects, statements: true }) };
    const { signal, stderr } = spawnSync(process.execPath, [program], { env, encoding: "utf8" });
    assert.equal(stderr, "");
    return signal;
  };
  const rows = async (): Promise<number> => await query(`select * from ${schema}.numbers`);

  assert.equal(await run("count"), null);
  assert.deepEqual(
    effects.seen().map(({ name, target }) => [name, target]),
    ["begin", `insert into ${schema}.numbers values ($1)`, "commit"].map((target) => ["postgres", target]),
  );
  assert.equal(await rows(), 1);
  for (const plan of ["kill 1", "kill 2", "torn 2", "kill 3"] as const) {
    assert.deepEqual([await run(plan), await rows()], ["SIGKILL", 0], plan);
  }
  assert.equal(await run("torn 3"), "SIGKILL"); // the commit is there, whoever waits for it or not
  let found = 0;
  await eventually(async () => {
    found = await rows();
    return found === 1;
  }, "The commit that was sent has no effect.");
});
