import { copyFile, type FileHandle, link, mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SoftwareDescription } from "@sealane/software";
import { systemReason } from "@sealane/software";
import { type ArchiveEntry, type ArchiveTree, readArchive, requireProgram } from "@sealane/software/archive";
import { LayoutWriter } from "./archive-layout.ts";
import { changing, chunksOf, writeAll } from "./disk.ts";
import type { SlotFolder } from "./state-folder.ts";

/** Mode of installed folders and of the program: read-only, whatever the archive says. */
const folderMode = 0o555;
const fileMode = 0o444;

/**
 * Permission bits of an installed file: everybody may read it, since the user that `exec` gives the software is not the one that
 * installs; everybody may run what the archive lets anybody run, and the program. Nobody may write.
 */
export function installedMode(mode: number, isProgram: boolean): number {
  return isProgram || (mode & 0o111) !== 0 ? folderMode : fileMode;
}

/** What slots of the first versions have, which stays valid: the archive's own bits, without writing, readable for its owner. */
export function formerInstalledMode(mode: number, isProgram: boolean): number {
  return isProgram ? folderMode : (mode & folderMode) | 0o400;
}

/** Mode of software that is one file. */
export function singleFileMode(description: SoftwareDescription): number {
  return installedMode(fileMode, description.entry !== null);
}

/**
 * Puts software that is one file into a slot: under the module's name, as the same file on the disk where the file system can, so
 * that no second copy needs room. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function placeFile(staged: string, slot: SlotFolder, description: SoftwareDescription): Promise<void> {
  const target = join(slot.software, description.module);
  await changing(target, async () => {
    await mkdir(slot.software, { mode: 0o700 });
    try {
      await link(staged, target);
    } catch (error) {
      if (!cannotLink.has(systemReason(error) ?? "")) throw error;
      await copyFile(staged, target);
    }
  });
  await seal(target, singleFileMode(description));
  await seal(slot.software, folderMode);
}

/** Reasons for which a file system links no files. */
const cannotLink: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK"]);

/**
 * Unpacks an archive into a slot with its layout. Every file is new, no link is ever followed, nothing is owned by another, nothing
 * may be written to afterwards.
 *
 * Errors: ARCHIVE_MALFORMED, ARCHIVE_UNSAFE, ARCHIVE_ENTRY_MISSING; TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function unpackArchive(staged: string, slot: SlotFolder, description: SoftwareDescription): Promise<void> {
  const { plaintextBytes, entry: program } = description;
  await changing(slot.software, async () => await mkdir(slot.software, { mode: 0o700 }));
  await using archive = await open(staged, "r");
  await using layout = await LayoutWriter.create(slot.layout, archive);
  const made = new MadeTree(slot.software);
  const modes = new Map<string, number>();
  const tree = await readArchive(chunksOf(archive), async (entry) => {
    await made.put(entry);
    if (entry.kind !== "file") return;
    modes.set(entry.path, entry.mode);
    await layout.addFile(entry);
  });
  requireProgram(tree, program);
  await layout.finish(plaintextBytes);
  await sealTree(slot.software, { tree, modes, program: programFile(tree, program) });
}

/** The file, by its first name, that is made runnable for the program's sake; what a symbolic link leads to has the archive's mode. */
export function programFile(tree: ArchiveTree, program: string | null): string | null {
  const node = program === null ? null : tree.find(program);
  if (node?.kind === "hard link") return node.file.path;
  return node?.kind === "file" ? node.path : null;
}

/** What has been made so far below one folder. */
class MadeTree {
  readonly #root: string;
  readonly #folders = new Set<string>(["."]);

  constructor(root: string) {
    this.#root = root;
  }

  async put(entry: ArchiveEntry): Promise<void> {
    const path = join(this.#root, entry.path);
    await this.#makeFolder(entry.kind === "folder" ? entry.path : dirname(entry.path));
    if (entry.kind === "link") await changing(path, async () => await symlink(entry.target, path));
    if (entry.kind === "hard link") await changing(path, async () => await link(join(this.#root, entry.target), path));
    if (entry.kind === "file") await writeNew(path, entry.content);
  }

  /** Each folder by itself: a name that is there already, as anything but a folder made here, is refused by the system. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await this.#makeFolder(dirname(folder));
    await changing(folder, async () => await mkdir(join(this.#root, folder), { mode: 0o700 }));
    this.#folders.add(folder);
  }
}

async function writeNew(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await using file = await changing(path, async () => await open(path, "wx", 0o600));
  let at = 0;
  for await (const chunk of content) {
    await changing(path, async () => await writeAll(file, chunk, at));
    at += chunk.length;
  }
}

/** Files that are made lasting at the same time: their waits for the disk overlap. */
const sealingAtOnce = 16;

/** Gives everything its final mode and makes it lasting: files first, then folders from the inside out. */
async function sealTree(
  root: string,
  made: { readonly tree: ArchiveTree; readonly modes: ReadonlyMap<string, number>; readonly program: string | null },
): Promise<void> {
  const { tree, modes, program } = made;
  const files = modes.entries();
  const sealFiles = async (): Promise<void> => {
    for (const [path, mode] of files) await seal(join(root, path), installedMode(mode, path === program));
  };
  await Promise.all(Array.from({ length: sealingAtOnce }, sealFiles));
  for (const folder of tree.foldersInsideOut()) await seal(join(root, folder), folderMode);
}

/** Sets the mode of a file or folder and syncs it. */
async function seal(path: string, mode: number): Promise<void> {
  await changing(path, async () => {
    await using handle: FileHandle = await open(path, "r");
    await handle.chmod(mode);
    await handle.sync();
  });
}
