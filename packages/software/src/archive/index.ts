/** Software that is an archive: read and checked in the same way by who publishes it and by who installs it. */

export { maxPathBytes } from "../limits.ts";
export type { ArchiveTree, FolderNode, TreeNode } from "./archive-tree.ts";
export { checkArchiveFile } from "./check-archive.ts";
export { type ArchiveEntry, readArchive, requireProgram } from "./read-archive.ts";
