import { globSync, readFileSync } from "node:fs";
import { resolve, sep } from "node:path";

/** The root of this monorepo. */
export const root: string = resolve(import.meta.dirname, "..");

/** What the scripts read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version?: string;
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly license?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly allowScripts?: Readonly<Record<string, boolean>>;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** One workspace: its folder relative to the root, with `/`, and its package.json. */
export interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(resolve(folder, "package.json"), "utf8")) as Manifest;
}

/** All workspaces, in the order of their folders. */
export function readWorkspaces(): Workspace[] {
  const patterns = (readManifest(root).workspaces ?? []).map((pattern) => `${pattern}/package.json`);
  const folders = globSync(patterns, { cwd: root }).map((path) => path.replaceAll(sep, "/").replace(/\/package\.json$/, ""));
  return folders.sort().map((folder) => ({ folder, manifest: readManifest(resolve(root, folder)) }));
}
