import { type BigIntStats, constants, type Dirent } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { giveBack, systemReason, type VerifiedLicence } from "@sealane/software";
import { type ArchiveEntry, type FolderNode, readArchive, type TreeNode } from "@sealane/software/archive";
import { permissionDenied, SealaneError } from "@sealane/wire";
import { readLayout } from "./archive-layout.ts";
import { chunksOf } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import type { OnEvent } from "./events.ts";
import { HashedFiles } from "./hashed-files.ts";
import { LicensedHasher } from "./licensed-hasher.ts";
import type { SlotFolder } from "./state-folder.ts";
import { formerInstalledMode, installedMode, programFile, singleFileMode } from "./unpack.ts";

/**
 * Computes the software's hash from what is installed and compares it with the licence (PERMIT).
 *
 * An archive is put together again from its layout and the installed files and read as at its installation: each file's content must
 * have come from the path, and the file must have the mode, that the archive itself says; links must lead where it says; and
 * nothing may be there that it does not name. When all is hashed every file is looked at once more: one that was changed behind its
 * hash, while the others were read, is found too. Changes nothing; gives the files that were hashed, so that what is started can be
 * compared with them. Errors: TERMINAL_SOFTWARE_CHANGED, FILE_READ_FAILED.
 */
export async function verifyInstalled(slot: SlotFolder, licence: VerifiedLicence, onEvent: OnEvent): Promise<HashedFiles> {
  // An `install` that removes its staged name of the same file counts as a change too: once.
  const files = (await hashInstalled(slot, licence, onEvent)) ?? (await hashInstalled(slot, licence, onEvent));
  if (files === null) throw changed(slot, "while it was checked");
  return files;
}

/** Null when everything was right at its turn and something has changed since. */
async function hashInstalled(slot: SlotFolder, licence: VerifiedLicence, onEvent: OnEvent): Promise<HashedFiles | null> {
  const work: Work = { slot, licence, hasher: new LicensedHasher(licence, onEvent), files: new HashedFiles() };
  let changedPath: string | null;
  try {
    await (licence.format === "tar" ? readInstalledArchive(work) : readInstalledFile(work));
    changedPath = await work.files.findChanged(slot.software);
  } catch (error) {
    const reason = systemReason(error);
    if (reason === null && !isOther(error)) throw error;
    throw changed(slot, reason ?? "archive", error);
  }
  if (!work.hasher.isLicensed()) throw changed(slot, "content");
  return changedPath === null ? work.files : null;
}

interface Work {
  readonly slot: SlotFolder;
  readonly licence: VerifiedLicence;
  readonly hasher: LicensedHasher;
  readonly files: HashedFiles;
}

/** What a changed layout leads to: another archive, which may be none at all. */
function isOther(error: unknown): boolean {
  return error instanceof SealaneError && error.code.startsWith("ARCHIVE_");
}

async function readInstalledFile({ slot, licence, hasher, files }: Work): Promise<void> {
  const names = await readdir(slot.software);
  if (names.length !== 1 || names[0] !== licence.module) throw changed(slot, "other files");
  await using file = await openInstalled(slot, licence.module);
  const stats = await file.stat({ bigint: true });
  files.note(licence.module, stats);
  if (permissionsOf(stats) !== singleFileMode(licence)) throw changed(slot, "mode");
  for await (const chunk of chunksOf(file)) {
    take(slot, hasher, chunk);
    giveBack(chunk);
  }
}

/** Permission bits of a file: which ones are right is known at the end only, for the program may be another name of it. */
interface FileModes {
  readonly archived: number;
  readonly installed: number;
}

/** A file's content that was put into the archive. */
interface Supplied {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

async function readInstalledArchive(work: Work): Promise<void> {
  const { slot, licence } = work;
  const supplied: Supplied[] = [];
  const modes = new Map<string, FileModes>();
  const tree = await readArchive(archiveOf(work, supplied), async (entry) => {
    for await (const _ of entry.kind === "file" ? entry.content : []);
    if (!(await isInstalled(work, entry, modes))) throw changed(slot, "entry");
    if (entry.kind !== "file" || entry.bytes === 0) return;
    const source = supplied.shift();
    const isOwn = source?.path === entry.path && source.offset === entry.offset && source.bytes === entry.bytes;
    if (!isOwn) throw changed(slot, "layout");
  });
  if (supplied.length > 0) throw changed(slot, "layout");
  const program = programFile(tree, licence.entry);
  for (const [path, { archived, installed }] of modes) {
    const isProgram = path === program;
    const right = [installedMode(archived, isProgram), formerInstalledMode(archived, isProgram)];
    if (!right.includes(installed)) throw changed(slot, "mode");
  }
  await requireOnly(slot, tree.root);
}

async function* archiveOf({ slot, hasher, files }: Work, supplied: Supplied[]): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of readLayout(slot.layout)) {
    if (piece.kind === "bytes") {
      take(slot, hasher, piece.bytes);
      yield piece.bytes;
      continue;
    }
    supplied.push({ path: piece.path, offset: hasher.bytes, bytes: piece.bytes });
    await using file = await openInstalled(slot, piece.path);
    const stats = await file.stat({ bigint: true });
    files.note(piece.path, stats);
    if (stats.size !== BigInt(piece.bytes)) throw changed(slot, "size");
    for await (const chunk of chunksOf(file)) {
      take(slot, hasher, chunk);
      yield chunk;
    }
  }
}

async function isInstalled({ slot, files }: Work, entry: ArchiveEntry, modes: Map<string, FileModes>): Promise<boolean> {
  const path = join(slot.software, entry.path);
  const stats = await lstat(path, { bigint: true }); // some file systems number their files beyond 2^53
  if (entry.kind !== "folder") files.note(entry.path, stats);
  switch (entry.kind) {
    case "folder":
      return stats.isDirectory();
    case "link":
      return stats.isSymbolicLink() && (await readlink(path)) === entry.target;
    case "hard link": {
      const first = await lstat(join(slot.software, entry.target), { bigint: true });
      return stats.isFile() && stats.ino === first.ino && stats.dev === first.dev;
    }
    case "file":
      modes.set(entry.path, { archived: entry.mode, installed: permissionsOf(stats) });
      return stats.isFile() && stats.size === BigInt(entry.bytes);
  }
}

function permissionsOf({ mode }: BigIntStats): number {
  return Number(mode) & 0o7777;
}

/** Walks the installed tree without following links: every node must be one that the archive names, and of that kind. */
async function requireOnly(slot: SlotFolder, root: FolderNode): Promise<void> {
  const waiting: (readonly [string, FolderNode])[] = [[slot.software, root]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [path, { children }] = next;
    const found = await readdir(path, { withFileTypes: true });
    for (const each of found) {
      const node = children.get(each.name);
      if (node === undefined || !isOfKind(each, node)) throw changed(slot, "other files");
      if (node.kind === "folder") waiting.push([join(path, each.name), node]);
    }
    if (found.length !== children.size) throw changed(slot, "missing files");
  }
}

function isOfKind(found: Dirent, { kind }: TreeNode): boolean {
  if (kind === "folder") return found.isDirectory();
  return kind === "link" ? found.isSymbolicLink() : found.isFile();
}

/** Opens a file and nothing else: no link, device or pipe. */
async function openInstalled(slot: SlotFolder, path: string): Promise<FileHandle> {
  if (path.split("/").includes("..") || path.startsWith("/")) throw changed(slot, "layout");
  const file = await open(join(slot.software, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw changed(slot, "kind");
}

function take(slot: SlotFolder, hasher: LicensedHasher, chunk: Uint8Array): void {
  if (!hasher.take(chunk)) throw changed(slot, "size");
}

function changed(slot: SlotFolder, what: string, cause?: unknown): SealaneError {
  return permissionDenied(cause, slot.path) ?? terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { slot: slot.path, what }, cause);
}
