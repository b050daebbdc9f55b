import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { resolve } from "node:path";
import { codeOnly, importsOf, packageName } from "./source-text.ts";
import { root, type Workspace } from "./workspaces.ts";

/** The layers, lowest first: a package may use those of lower lines only. Packages of one line never use each other. */
const layers: readonly (readonly string[])[] = [
  ["wire"],
  ["crypto"],
  ["cose"],
  ["pki"],
  ["link"],
  ["software"],
  ["api"],
  ["http"],
  ["keystore"],
  ["cli"],
  ["server", "terminal", "library"],
];

/** Private workspaces that may use everything and that no package or app may use. */
const privateTools = ["@sealane/testkit", "@sealane/bench"];

/** Must name no Node module, so that they also run in a browser. */
const withoutNode = ["packages/wire", "packages/link"];

/** `link` is given clock, randomness and memory; these would be ways round it. */
const ambient: readonly (readonly [string, RegExp])[] = [
  ["the clock", /(?<![\w.])(?:Date\.now|performance\.now|new\s+Date\s*\(\s*\)|new\s+Date\b(?!\s*\())/],
  ["ambient randomness", /\b(?:Math\.random|getRandomValues|randomUUID)\b/],
  ["a timer", /(?<![\w.])(?:setTimeout|setInterval|setImmediate)\b/],
  ["the process", /(?<![\w.])process\s*[.[]/],
];

/** A workspace with the texts of its sources by their paths. */
export interface SourceTree extends Workspace {
  readonly sources: ReadonlyMap<string, string>;
}

/** Reads the sources under src/ of a workspace. */
export function readSources(workspace: Workspace): SourceTree {
  const paths = globSync(`${workspace.folder}/src/**/*.{ts,tsx}`, { cwd: root });
  return { ...workspace, sources: new Map(paths.map((path) => [path, readFileSync(resolve(root, path), "utf8")])) };
}

/** Everything in the workspaces that breaks the order of the layers, as sentences. */
export function layerProblems(trees: readonly SourceTree[]): string[] {
  const names = new Set(trees.map((tree) => tree.manifest.name));
  return trees.flatMap((tree) => [...orderProblems(tree, names), ...importProblems(tree), ...ambientProblems(tree)]);
}

function orderProblems({ folder, manifest }: SourceTree, names: ReadonlySet<string>): string[] {
  if (privateTools.includes(manifest.name)) return [];
  const own = rankOf(folder);
  if (own === undefined) return [`${folder} has no place in the order of the layers: give it one in scripts/layers.ts.`];
  const used = declared(manifest).filter((name) => names.has(name));
  return used.flatMap((name) => {
    if (folder === "apps/sealane-terminal" && name === "@sealane/server")
      return [`${folder} depends on ${name}: a device gets no server code.`];
    const rank = rankOf(name.replace(/^@sealane\//, "packages/"));
    return rank !== undefined && rank < own ? [] : [`${folder} depends on ${name}, which is not below it.`];
  });
}

function rankOf(folder: string): number | undefined {
  if (folder.startsWith("apps/")) return layers.length;
  const rank = layers.findIndex((layer) => layer.some((name) => folder === `packages/${name}`));
  return rank === -1 ? undefined : rank;
}

function importProblems({ folder, manifest, sources }: SourceTree): string[] {
  const allowed = new Set([manifest.name, ...declared(manifest)]);
  const bare = (text: string): string[] => importsOf(text).filter((specifier) => !specifier.startsWith("."));
  return [...sources].flatMap(([path, text]) =>
    bare(text).flatMap((specifier) => {
      if (isBuiltin(specifier)) {
        if (!specifier.startsWith("node:")) return [`${path} imports ${specifier}: write node:${specifier}.`];
        return withoutNode.includes(folder) ? [`${path} imports ${specifier}: ${folder} names no Node module.`] : [];
      }
      const name = packageName(specifier);
      if (!allowed.has(name)) return [`${path} imports ${name}, which ${folder}/package.json does not declare.`];
      return folder === "packages/link" && !name.startsWith("@sealane/")
        ? [`${path} imports ${name}: link uses @sealane packages only.`]
        : [];
    }),
  );
}

function ambientProblems({ folder, sources }: SourceTree): string[] {
  if (folder !== "packages/link") return [];
  return [...sources].flatMap(([path, text]) => {
    const code = codeOnly(text);
    return ambient.flatMap(([what, pattern]) => {
      const found = pattern.exec(code);
      return found === null ? [] : [`${path} uses ${what} (${found[0]}): link is given it as an argument.`];
    });
  });
}

function declared(manifest: Workspace["manifest"]): string[] {
  return Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
}
