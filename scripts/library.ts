/** The library that is published: its entry points, and their type declarations rolled up into files that name no unpublished package. */
import { isBuiltin } from "node:module";
import { resolve } from "node:path";
import { type Plugin, rolldown } from "rolldown";
import { dts } from "rolldown-plugin-dts";
import { type Manifest, root } from "./workspaces.ts";

/** Its workspace. */
export const libraryFolder = "packages/library";

/** The name that it is published under: the workspace of this name is one of its parts. */
export const libraryName = "@sealane/link";

/** The entry points: subpath of the package, and name of the module below src/ and dist/. */
export const libraryEntries: Readonly<Record<string, string>> = {
  ".": "index",
  "./identity": "identity",
  "./content": "content",
  "./authorise": "authorise",
};

/** Without it a user whose compiler loads no types by itself (`tsc --init` since TypeScript 6) has `any` in place of Node's types. */
const nodeTypes = '/// <reference types="node" />';

/** Third-party code has no place in the declarations: what of it is not a type is left away. */
const leaveThirdPartyAway: Plugin = {
  name: "third-party packages stay outside",
  resolveId: (source) =>
    source.startsWith(".") || source.startsWith("/") || source.startsWith("@sealane/") || source.startsWith(libraryFolder)
      ? null
      : { id: source, external: true, moduleSideEffects: false },
};

/**
 * Writes the declarations of all entry points to `folder`; what two of them share stands in chunks, so that a type is one type
 * whichever entry it comes from. What is marked `@internal` is left out. Throws a sentence when anything else is imported than Node's
 * own types.
 */
export async function writeDeclarations(folder: string): Promise<void> {
  const entries = Object.values(libraryEntries).map((name) => [name, resolve(root, libraryFolder, `src/${name}.ts`)]);
  const bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries(entries),
    platform: "node",
    plugins: [
      leaveThirdPartyAway,
      dts({ emitDtsOnly: true, generator: "oxc", oxc: { stripInternal: true }, tsconfig: false, sourcemap: false }),
    ],
  });
  const { output } = await bundle.write({ dir: folder, format: "esm", chunkFileNames: "[name]-[hash].js", banner: nodeTypes });
  await bundle.close();
  const outside = output.flatMap((file) => (file.type === "chunk" ? file.imports : []));
  const foreign = outside.find((name) => !isBuiltin(name) && !output.some(({ fileName }) => fileName === name));
  if (foreign !== undefined) throw new Error(`The declarations of the library import ${foreign}.`);
}

/** The package.json to publish. The declarations name types of Node, which TypeScript finds in @types/node. */
export function libraryManifest({ version, description, keywords, license }: Manifest, parts: Pick<Manifest, "dependencies">): object {
  const entries = Object.entries(libraryEntries).map(([subpath, name]) => [
    subpath,
    { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
  ]);
  return {
    name: libraryName,
    version,
    description,
    keywords,
    license,
    type: "module",
    exports: Object.fromEntries(entries),
    files: ["dist", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"],
    engines: { node: ">=26" },
    dependencies: parts.dependencies,
    peerDependencies: { "@types/node": ">=26" },
    peerDependenciesMeta: { "@types/node": { optional: true } },
  };
}
