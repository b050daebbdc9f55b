import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Secret, systemRandom } from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { migrateDatabase, openDatabase, purgeExpired } from "../../../src/storage/database.ts";
import { RowKeys } from "../../../src/storage/row-keys.ts";
import { RowSeal } from "../../../src/storage/row-seal.ts";
import { bytes, now } from "./samples.ts";

const place = { table: "links", row: bytes("row") };
const secret = Secret.take("saved link", bytes("secret"));
const day = 86_400;

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-row-keys-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function openSeal(path: string, nowSeconds: number = now): Promise<RowSeal> {
  const keys = await RowKeys.open(path, { nowSeconds, random: systemRandom });
  return new RowSeal(Secret.take("storage key", bytes("storage key")), keys, systemRandom);
}

function opens(seal: RowSeal, sealed: Uint8Array): boolean {
  return seal.open(place, sealed, "saved link")?.use((value) => equalBytes(value, bytes("secret"))) === true;
}

test("KREP: what a killed process wrote beside the row key is erased when a server starts, and with each period", async (t) => {
  const folder = await emptyFolder(t);
  const path = join(folder, "row.key");
  const seal = await openSeal(path);
  assert.deepEqual(await readdir(folder), ["row.key"]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await copyFile(path, `${path}.00112233aabbccdd`);
  await openSeal(path);
  assert.deepEqual(await readdir(folder), ["row.key"]);
  await copyFile(path, `${path}.00112233aabbccdd`);
  await seal.forget(now + 600);
  assert.deepEqual(await readdir(folder), ["row.key"]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("KREP MULTI: processes that forget at once, also to different times, have one file and open what the others seal", async (t) => {
  const path = join(await emptyFolder(t), "row.key");
  const seals = await Promise.all(Array.from({ length: 16 }, async () => await openSeal(path)));
  const sealed = seals.map((seal) => seal.seal(place, secret, now + day));
  for (let round = 1; round <= 12; round++) {
    await Promise.all(seals.map((seal, at) => seal.forget(now + 1_200 * round + (at % 2) * 600)));
    for (const seal of seals) assert.ok(sealed.every((each) => opens(seal, each)));
  }
  await Promise.all(seals.map(async (seal) => await seal.forget(now + day + 600)));
  for (const seal of [...seals, await openSeal(path)]) assert.ok(sealed.every((each) => seal.open(place, each, "saved link") === null));
  assert.deepEqual(await readdir(join(path, "..")), ["row.key"]);
});

test("KREP: the keys of what is over are erased also while the database does not answer", async (t) => {
  const folder = await emptyFolder(t);
  const location = { kind: "sqlite", file: join(folder, "data.sqlite") } as const;
  await migrateDatabase(location);
  const db = await openDatabase(location);
  await db.destroy();
  const seal = await openSeal(join(folder, "row.key"));
  const sealed = seal.seal(place, secret, now + 100);
  await assert.rejects(purgeExpired(db, { kind: "sqlite", seal, nowSeconds: now + 700 }));
  assert.equal(seal.open(place, sealed, "saved link"), null);
});

test("KREP: after a clock that leapt ahead and was set right secrets are sealed and opened, and erased by the time that it had said", async (t) => {
  const seal = await openSeal(join(await emptyFolder(t), "row.key"));
  const before = seal.seal(place, secret, now + day);
  await seal.forget(now + 40 * day);
  assert.equal(seal.open(place, before, "saved link"), null);
  const after = seal.seal(place, secret, now + 3_600);
  await seal.forget(now + 7_200);
  assert.ok(opens(seal, after));
  await seal.forget(now + 40 * day + 600);
  assert.equal(seal.open(place, after, "saved link"), null);
});
