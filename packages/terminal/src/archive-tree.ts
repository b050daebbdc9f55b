import type { SealaneError } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { maxArchiveEntries, maxPathBytes, maxPathPartBytes } from "./limits.ts";

/** What a path of an archive is. A folder is implied when only something inside it is named. */
export type TreeNode = "file" | "link" | "folder" | "implied folder";

/**
 * The paths of one archive, each once, none outside the folder it is unpacked in.
 *
 * Refuses with TERMINAL_ARCHIVE_UNSAFE: absolute paths, `..`, empty parts, backslashes, control characters, names that are no UTF-8,
 * paths or parts that are too long, doubles, anything below a file or link, more entries than {@link maxArchiveEntries}, links that
 * lead outside.
 */
export class ArchiveTree {
  readonly #nodes = new Map<string, TreeNode>();

  /** The paths with what they are; the root is not among them. */
  get nodes(): ReadonlyMap<string, TreeNode> {
    return this.#nodes;
  }

  /** Adds a file and gives its path without `./` at the beginning. */
  addFile(name: string): string {
    return this.#insert(parsePath(name, name), "file");
  }

  /** Adds a folder, whose name may end with a slash; null for the root itself. */
  addFolder(name: string): string | null {
    if (name === "." || name === "./") return null;
    return this.#insert(parsePath(name.replace(/\/$/, ""), name), "folder");
  }

  /** Adds a link. `..` may stand at the beginning of its target only: behind a part that is itself a link it would lead elsewhere. */
  addLink(name: string, target: string): string {
    const parts = parsePath(name, name);
    const steps = target.split("/");
    const ups = steps.findIndex((step) => step !== "..");
    const down = ups === -1 ? [] : steps.slice(ups);
    const upCount = ups === -1 ? steps.length : ups;
    const isInside = target !== "" && upCount < parts.length && down.every((step, i) => isPart(step) || (step === "." && i === 0));
    if (!isInside || tooLong(target)) throw unsafe(name, "link");
    return this.#insert(parts, "link");
  }

  #insert(parts: readonly string[], node: TreeNode): string {
    const path = parts.join("/");
    for (let length = 1; length < parts.length; length++) {
      const above = parts.slice(0, length).join("/");
      const known = this.#nodes.get(above);
      if (known === undefined) this.#set(above, "implied folder");
      else if (known !== "folder" && known !== "implied folder") throw unsafe(path, "below a file");
    }
    const known = this.#nodes.get(path);
    if (known !== undefined && !(known === "implied folder" && node === "folder")) throw unsafe(path, "twice");
    this.#set(path, node);
    return path;
  }

  #set(path: string, node: TreeNode): void {
    this.#nodes.set(path, node);
    if (this.#nodes.size > maxArchiveEntries) throw terminalErrors.error("TERMINAL_ARCHIVE_UNSAFE", { entries: maxArchiveEntries });
  }
}

/** Splits a path into its parts; `./` at the beginning is what many archives have. */
function parsePath(path: string, name: string): readonly string[] {
  const parts = path.replace(/^(?:\.\/)+/, "").split("/");
  if (tooLong(path) || !parts.every(isPart)) throw unsafe(name, "path");
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
  return terminalErrors.error("TERMINAL_ARCHIVE_UNSAFE", { entry: shown, why });
}
