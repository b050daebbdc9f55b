import type { SealaneError } from "@sealane/wire";
import { softwareErrors } from "../errors.ts";
import { maxArchiveEntries, maxHardLinks, maxLinksFollowed, maxPathBytes, maxPathDepth, maxPathPartBytes } from "../limits.ts";

/** A plain file, which may have other names. */
export interface FileNode {
  readonly kind: "file";
  readonly path: string;
}

/** Another name of a file that the archive has named before. */
interface HardLinkNode {
  readonly kind: "hard link";
  readonly file: FileNode;
}

interface LinkNode {
  readonly kind: "link";
  readonly target: string;
}

/** A folder with what is directly in it. */
export interface FolderNode {
  readonly kind: "folder";
  readonly children: ReadonlyMap<string, TreeNode>;
}

/** What a path of an archive is. */
export type TreeNode = FileNode | HardLinkNode | LinkNode | FolderNode;

/** A folder that is being filled; implied while only something inside it was named. */
interface GrowingFolder extends FolderNode {
  readonly children: Map<string, GrowingNode>;
  isImplied: boolean;
}

interface GrowingFile extends FileNode {
  hardLinks: number;
}

interface GrowingHardLink extends HardLinkNode {
  readonly file: GrowingFile;
}

type GrowingNode = GrowingFile | GrowingHardLink | LinkNode | GrowingFolder;

/**
 * The paths of one archive, each once, none outside the folder it is unpacked in. Every path costs work in proportion to its length.
 *
 * Refuses with ARCHIVE_UNSAFE: absolute paths, `..`, empty parts, backslashes, control characters, names that are no UTF-8, paths or
 * parts that are too long, more than {@link maxPathDepth} parts, doubles, anything below a file or link, more entries than
 * {@link maxArchiveEntries}, links that lead outside, hard links to anything but a file that came before, more than
 * {@link maxHardLinks} to one file.
 */
export class ArchiveTree {
  readonly #root: GrowingFolder = { kind: "folder", children: new Map(), isImplied: false };
  #size = 0;

  /** The folder that the archive is unpacked in. */
  get root(): FolderNode {
    return this.#root;
  }

  /** How many paths there are; the root is none. */
  get size(): number {
    return this.#size;
  }

  /** Adds a file and gives its path without `./` at the beginning. */
  addFile(name: string): string {
    const parts = parsePath(name);
    const path = parts.join("/");
    this.#insert(parts, { kind: "file", path, hardLinks: 0 });
    return path;
  }

  /** Adds a folder, whose name may end with a slash; null for the root itself. */
  addFolder(name: string): string | null {
    if (name === "." || name === "./") return null;
    const parts = parsePath(name.replace(/\/$/, ""));
    const [parent, last] = this.#parentOf(parts);
    const known = parent.children.get(last);
    if (known?.kind === "folder" && known.isImplied) known.isImplied = false;
    else this.#put({ parent, last, parts }, { kind: "folder", children: new Map(), isImplied: false });
    return parts.join("/");
  }

  /** Adds a link. `..` may stand at the beginning of its target only: behind a part that is itself a link it would lead elsewhere. */
  addLink(name: string, target: string): string {
    const parts = parsePath(name);
    const steps = target.split("/");
    const ups = steps.findIndex((step) => step !== "..");
    const down = ups === -1 ? [] : steps.slice(ups);
    const upCount = ups === -1 ? steps.length : ups;
    const isInside = target !== "" && upCount < parts.length && down.every((step, i) => isPart(step) || (step === "." && i === 0));
    if (!isInside || tooLong(target)) throw unsafe(name, "link");
    this.#insert(parts, { kind: "link", target });
    return parts.join("/");
  }

  /** Adds another name of a file, and gives both paths. Its target is a path of the archive, as `tar` writes it. */
  addHardLink(name: string, target: string): { readonly path: string; readonly target: string } {
    const parts = parsePath(name);
    const known = this.#nodeAt(parsePath(target));
    const file = known?.kind === "hard link" ? known.file : known;
    if (file?.kind !== "file") throw unsafe(name, "hard link");
    if (++file.hardLinks > maxHardLinks) throw softwareErrors.error("ARCHIVE_UNSAFE", { hardLinks: maxHardLinks });
    this.#insert(parts, { kind: "hard link", file });
    return { path: parts.join("/"), target: file.path };
  }

  /** What a path is; null when the archive does not name it. Follows no link. */
  find(path: string): TreeNode | null {
    return this.#nodeAt(path.split("/"));
  }

  /**
   * The file that a path leads to, through links inside the archive as a system follows them; null when it leads to none, or through
   * more than {@link maxLinksFollowed}.
   */
  resolve(path: string): FileNode | null {
    const folders: FolderNode[] = [this.#root];
    const left = path.split("/").toReversed();
    for (let followed = 0; ; ) {
      const step = left.pop();
      const here = folders.at(-1);
      if (step === undefined || here === undefined) return null;
      if (step === "." || step === "..") {
        if (step === "..") folders.pop();
        continue;
      }
      const node = here.children.get(step);
      if (node?.kind === "folder") folders.push(node);
      else if (node?.kind === "link" && ++followed <= maxLinksFollowed) left.push(...node.target.split("/").toReversed());
      else if (node?.kind === "file" && left.length === 0) return node;
      else return node?.kind === "hard link" && left.length === 0 ? node.file : null;
    }
  }

  /** The folders, each behind those inside it; the root, "", is the last. */
  *foldersInsideOut(): Generator<string, void, undefined> {
    const found: string[] = [];
    const waiting: (readonly [string, FolderNode])[] = [["", this.#root]];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [path, folder] = next;
      found.push(path);
      for (const [name, node] of folder.children) if (node.kind === "folder") waiting.push([path === "" ? name : `${path}/${name}`, node]);
    }
    yield* found.reverse();
  }

  #insert(parts: readonly string[], node: GrowingNode): void {
    const [parent, last] = this.#parentOf(parts);
    this.#put({ parent, last, parts }, node);
  }

  #put(
    { parent, last, parts }: { readonly parent: GrowingFolder; readonly last: string; readonly parts: readonly string[] },
    node: GrowingNode,
  ): void {
    if (parent.children.has(last)) throw unsafe(parts.join("/"), "twice");
    parent.children.set(last, node);
    if (++this.#size > maxArchiveEntries) throw softwareErrors.error("ARCHIVE_UNSAFE", { entries: maxArchiveEntries });
  }

  /** The folder that a path is in, made where it was not named yet, and the path's last part. */
  #parentOf(parts: readonly string[]): readonly [GrowingFolder, string] {
    let folder = this.#root;
    for (const [i, part] of parts.slice(0, -1).entries()) {
      const known = folder.children.get(part);
      if (known !== undefined && known.kind !== "folder") throw unsafe(parts.join("/"), "below a file");
      const inner: GrowingFolder = known ?? { kind: "folder", children: new Map(), isImplied: true };
      if (known === undefined) this.#put({ parent: folder, last: part, parts: parts.slice(0, i + 1) }, inner);
      folder = inner;
    }
    return [folder, parts.at(-1) ?? ""];
  }

  #nodeAt(parts: readonly string[]): GrowingNode | null {
    let node: GrowingNode = this.#root;
    for (const part of parts) {
      const next: GrowingNode | undefined = node.kind === "folder" ? node.children.get(part) : undefined;
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }
}

/** Splits a path into its parts; `./` at the beginning is what many archives have. */
function parsePath(name: string): readonly string[] {
  const path = name.replace(/^(?:\.\/)+/, "");
  const parts = path.split("/");
  if (tooLong(path) || !parts.every(isPart)) throw unsafe(name, "path");
  if (parts.length > maxPathDepth) throw unsafe(name, "depth");
  return parts;
}

function isPart(part: string): boolean {
  const isNamed = part !== "" && part !== "." && part !== "..";
  return isNamed && !/[\\\p{Cc}\p{Cs}\ufeff\ufffd]/u.test(part) && byteLength(part) <= maxPathPartBytes;
}

function tooLong(path: string): boolean {
  return byteLength(path) > maxPathBytes;
}

function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** The name is the publisher's text: it is shown without what a screen might obey. */
export function unsafe(name: string, why: string): SealaneError {
  const shown = name.replaceAll(/[^ -~]/g, "?").slice(0, 128);
  return softwareErrors.error("ARCHIVE_UNSAFE", { entry: shown, why });
}
