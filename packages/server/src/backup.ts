import { constants, createReadStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { defaultToleranceSeconds, defaultWindowSeconds } from "@sealane/link";
import { syncFolder } from "@sealane/software";
import { sql } from "kysely";
import { serverErrors } from "./errors.ts";
import { accessing, exists } from "./files.ts";
import { type ServerFolder, serverFolder } from "./layout.ts";
import { restoredEpochGap, restoredInboxGap } from "./limits.ts";
import { type DatabaseInput, locateDatabase } from "./locate-database.ts";
import { migrateDatabase, openDatabase } from "./storage/database.ts";
import { type PortableRow, parseRow, readRows, writeRows } from "./storage/portable-rows.ts";
import { raiseReplayFloor } from "./storage/replay-cache.ts";
import type { Queries } from "./storage/schema.ts";

/** A backup is a folder: `rows.jsonl`, what the server's folder has beside its database, and the sealed artefacts if they are asked for. */

const formatLine = { format: "sealane backup", version: 1 };
const rowsName = "rows.jsonl";

export interface BackupInput extends DatabaseInput {
  /** The server's folder. */
  readonly folder: string;
  /** The folder to be made; must not exist. It holds private keys: 0700, files 0600. */
  readonly target: string;
  /** Copy the sealed artefacts too; they never change, so that they may as well be copied by other means. */
  readonly withArtefacts: boolean;
}

export interface Backup {
  readonly rows: number;
  readonly artefacts: number;
  /** Whether the private keys, but for that of enrolment, are in a token, of which the backup has the URI alone. */
  readonly keysInToken: boolean;
}

/**
 * Makes a backup of a server, which may run meanwhile: all rows as they were at one moment. It appears whole or not at all.
 * Errors: SERVER_FOLDER_NOT_EMPTY, SERVER_FILE_WRONG, those of `openDatabase`.
 */
export async function backupServer(input: BackupInput): Promise<Backup> {
  const target = resolve(input.target);
  if (await exists(target)) throw serverErrors.error("SERVER_FOLDER_NOT_EMPTY", { folder: target });
  const prepared = join(dirname(target), `.${basename(target)}.part`);
  await rm(prepared, { recursive: true, force: true });
  await makeOwnFolder(prepared);
  try {
    const rows = await writeBackupRows(input, join(prepared, rowsName));
    const from = serverFolder(input.folder);
    await copyTree(from.root, prepared, (path) => !isLeftOut(path, from));
    const artefacts = input.withArtefacts ? await copyFolder(from.artefacts, join(prepared, basename(from.artefacts)), isSealed) : 0;
    await accessing(target, () => rename(prepared, target));
    await syncFolder(dirname(target));
    return { rows, artefacts, keysInToken: await exists(from.token) };
  } catch (error) {
    await rm(prepared, { recursive: true, force: true });
    throw error;
  }
}

export interface RestoreInput extends DatabaseInput {
  /** The server's folder to be made; must not exist. */
  readonly folder: string;
  /** The backup. */
  readonly source: string;
  readonly nowSeconds: number;
}

/**
 * Makes a server of a backup: in a folder and a database, of either kind, that have none yet.
 *
 * What happened after the backup is not known any more, and must not happen twice: for about a minute every link message is
 * refused as a replay, terminals establish new links, unused enrolment tokens are void, inbox positions and epochs of groups begin beyond all
 * that may have been given, and nothing is broadcast until it is started anew.
 * Errors: SERVER_BACKUP_WRONG, SERVER_ALREADY_INITIALISED, SERVER_DATABASE_TAKEN, SERVER_FILE_WRONG, STORE_*.
 */
export async function restoreServer(input: RestoreInput): Promise<Backup> {
  const target = resolve(input.folder);
  if (await exists(target)) throw serverErrors.error("SERVER_ALREADY_INITIALISED", { folder: target });
  const rows = join(input.source, rowsName);
  if (!(await exists(rows))) throw serverErrors.error("SERVER_BACKUP_WRONG", { part: rowsName });
  const prepared = serverFolder(join(dirname(target), `.${basename(target)}.part`));
  await rm(prepared.root, { recursive: true, force: true });
  await makeOwnFolder(prepared.root);
  try {
    await copyTree(input.source, prepared.root, (path) => basename(path) !== rowsName);
    await accessing(prepared.artefacts, () => mkdir(prepared.artefacts, { recursive: true, mode: 0o755 }));
    const location = await locateDatabase({ ...input, folder: prepared.root });
    await migrateDatabase(location);
    await using db = await openDatabase(location);
    const count = await db.transaction().execute(async (tx) => await putRows(tx, rows, input.nowSeconds));
    const artefacts = (await readdir(prepared.artefacts)).length;
    if (location.kind === "sqlite") await sql`pragma wal_checkpoint(truncate)`.execute(db);
    await accessing(target, () => rename(prepared.root, target));
    await syncFolder(dirname(target));
    return { rows: count, artefacts, keysInToken: await exists(serverFolder(target).token) };
  } catch (error) {
    await rm(prepared.root, { recursive: true, force: true });
    throw error;
  }
}

async function putRows(tx: Queries, file: string, nowSeconds: number): Promise<number> {
  const taken = await tx.selectFrom("operator_tokens").select("label").limit(1).executeTakeFirst();
  if (taken !== undefined) throw serverErrors.error("SERVER_DATABASE_TAKEN");
  const count = await writeRows(tx, rowsIn(file));
  await tx
    .updateTable("terminals")
    .set((column) => ({ inbox_position: column("inbox_position", "+", restoredInboxGap) }))
    .execute();
  await tx
    .updateTable("groups")
    .set((column) => ({ last_epoch: column("last_epoch", "+", restoredEpochGap) }))
    .execute();
  // What was accepted until now was dated at most a tolerance ahead, and is remembered for this long.
  await raiseReplayFloor(tx, nowSeconds + defaultWindowSeconds + 4 * defaultToleranceSeconds);
  return count;
}

async function writeBackupRows(input: BackupInput, path: string): Promise<number> {
  await using db = await openDatabase(await locateDatabase(input));
  await using file = await open(path, "wx", 0o600);
  await file.write(`${JSON.stringify(formatLine)}\n`);
  const count = await db.transaction().execute(async (tx) => {
    let rows = 0;
    for await (const row of readRows(tx)) {
      await file.write(`${JSON.stringify(row)}\n`);
      rows++;
    }
    return rows;
  });
  await file.sync();
  return count;
}

async function* rowsIn(file: string): AsyncGenerator<PortableRow, void, undefined> {
  let isFirst = true;
  for await (const line of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (isFirst && line !== JSON.stringify(formatLine)) throw serverErrors.error("SERVER_BACKUP_WRONG", { part: "format" });
    if (!isFirst) yield parseRow(line);
    isFirst = false;
  }
  if (isFirst) throw serverErrors.error("SERVER_BACKUP_WRONG", { part: "format" });
}

/**
 * Makes a folder that nobody else made: one that is there by now, or a link, is refused. It is to hold private keys, and whoever owns a
 * folder reads or exchanges what is put into it.
 */
async function makeOwnFolder(path: string): Promise<void> {
  const parent = dirname(path);
  await accessing(parent, () => mkdir(parent, { recursive: true, mode: 0o700 }));
  await accessing(path, () => mkdir(path, { mode: 0o700 }));
}

/** Makes a folder and copies files into it as {@link copyTree} does. */
async function copyFolder(from: string, to: string, wanted: (path: string) => boolean): Promise<number> {
  await makeOwnFolder(to);
  return await copyTree(from, to, wanted);
}

/** Copies files with their modes, synced, none over one that is there; `wanted` says which. Gives how many. */
async function copyTree(from: string, to: string, wanted: (path: string) => boolean): Promise<number> {
  const entries = await accessing(from, () => readdir(from, { withFileTypes: true }));
  let count = 0;
  for (const entry of entries) {
    const [path, copy] = [join(from, entry.name), join(to, entry.name)];
    if (!wanted(path)) continue;
    if (entry.isDirectory()) count += await copyFolder(path, copy, wanted);
    if (!entry.isFile()) continue;
    await accessing(path, () => copyFile(path, copy, constants.COPYFILE_EXCL));
    await using file = await open(copy, "r+");
    await file.sync();
    count++;
  }
  await syncFolder(to);
  return count;
}

/** The database, whose rows are copied in another form; the artefacts, which are asked for; keys of rows, also those that a killed process left. */
function isLeftOut(path: string, { database, rowKey, artefacts }: ServerFolder): boolean {
  return path.startsWith(database) || path.startsWith(rowKey) || path === artefacts;
}

function isSealed(path: string): boolean {
  return path.endsWith(".sealed");
}
