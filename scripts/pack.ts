/**
 * Builds the npm packages that are published: `npm run pack [-- --out FOLDER] [--json]`.
 *
 * Each app, and the library, is bundled with the @sealane packages it uses; third-party packages stay dependencies, in the versions that the
 * workspaces declare. FOLDER (dist/packages unless told) gets a folder and a tarball for each. The same commit gives the same bytes.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type BuildResult, build, type Metafile, type Plugin } from "esbuild";
import { libraryEntries, libraryFolder, libraryManifest, libraryName, writeDeclarations } from "./library.ts";
import { besideFiles } from "./pack-beside.ts";
import { type Published, readLock, shrinkwrapOf } from "./shrinkwrap.ts";
import { packageName } from "./source-text.ts";
import { type Manifest, readManifest, readWorkspaces, root, type Workspace } from "./workspaces.ts";

interface Product {
  readonly app: string;
  /** Modules below src/ that the package is entered by. */
  readonly entries: readonly string[];
  /** A folder of which nothing may be in the bundle. */
  readonly without?: string;
}

const products: readonly Product[] = [
  { app: "apps/sealane", entries: ["main"] },
  { app: "apps/sealane-terminal", entries: ["main"], without: "packages/server" },
  { app: libraryFolder, entries: Object.values(libraryEntries) },
];

interface Tarball {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly bytes: number;
}

/** Third-party packages by name with their versions, as a published package.json has them. Peers are installed by who wants them. */
export interface ThirdParty {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** What a bundle still imports, with the versions that the workspaces in it declare. Throws a sentence if one is declared nowhere or twice. */
export function thirdParty(metafile: Metafile, workspaces: readonly Workspace[]): ThirdParty {
  const inputs = Object.keys(metafile.inputs);
  const bundled = workspaces.filter(({ folder }) => inputs.some((path) => path.startsWith(`${folder}/`)));
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.filter((each) => each.external === true));
  const names = [...new Set(imports.filter((each) => !isBuiltin(each.path)).map((each) => packageName(each.path)))].sort();
  const dependencies: Record<string, string> = {};
  const peerDependencies: Record<string, string> = {};
  for (const name of names) {
    const required = versionsIn(bundled, "dependencies", name);
    const peer = versionsIn(bundled, "peerDependencies", name);
    const versions = [...new Set([...required, ...peer])];
    const [version] = versions;
    if (version === undefined) throw new Error(`The bundle imports ${name}, which no workspace in it declares as a dependency.`);
    if (versions.length > 1) throw new Error(`The workspaces declare ${name} in several versions: ${versions.join(", ")}.`);
    (required.length > 0 ? dependencies : peerDependencies)[name] = version;
  }
  return { dependencies, peerDependencies };
}

/** The modules of a bundle that come from `folder`. */
export function modulesFrom(metafile: Metafile, folder: string): string[] {
  return Object.keys(metafile.inputs).filter((path) => path.startsWith(`${folder}/`));
}

/** The package.json to publish. `node` are the packages that bring the Node which the launcher looks for. */
export function publishedManifest(app: Manifest, parts: ThirdParty & { readonly node: Readonly<Record<string, string>> }): Published {
  const { name, version, description, keywords, license, bin } = app;
  return {
    name,
    version,
    description,
    keywords,
    license,
    type: "module",
    bin,
    files: ["bin", "dist", "npm-shrinkwrap.json", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"],
    engines: { node: ">=18" }, // of the launcher
    dependencies: parts.dependencies,
    optionalDependencies: parts.node,
    peerDependencies: parts.peerDependencies,
    peerDependenciesMeta: Object.fromEntries(Object.keys(parts.peerDependencies).map((name) => [name, { optional: true }])),
  };
}

function versionsIn(workspaces: readonly Workspace[], kind: keyof ThirdParty, name: string): string[] {
  return workspaces.flatMap(({ manifest }) => manifest[kind]?.[name] ?? []);
}

const keepThirdPartyOutside: Plugin = {
  name: "third-party packages stay outside",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || path.startsWith("@sealane/") ? undefined : { path, external: true },
    );
  },
};

async function bundle({ app, entries }: Product, folder: string): Promise<Metafile> {
  const beside = new Set<string>();
  for (;;) {
    const known = beside.size;
    const result: BuildResult<{ metafile: true }> = await build({
      absWorkingDir: root,
      entryPoints: [...entries.map((name) => `${app}/src/${name}.ts`), ...beside],
      outdir: join(folder, "dist"),
      entryNames: "[name]",
      chunkNames: "[name]-[hash]",
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node26",
      metafile: true,
      write: true,
      logLevel: "silent",
      plugins: [keepThirdPartyOutside, besideFiles(beside)],
    });
    if (beside.size === known) return result.metafile;
  }
}

async function pack(product: Product, out: string): Promise<Tarball> {
  const { app, without } = product;
  const isLibrary = app === libraryFolder;
  const manifest = readManifest(resolve(root, app));
  const name = isLibrary ? libraryName : manifest.name;
  const folder = join(out, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const metafile = await bundle(product, folder);
  const [unwanted] = without === undefined ? [] : modulesFrom(metafile, without);
  if (unwanted !== undefined) throw new Error(`The bundle of ${app} contains ${unwanted}: nothing of ${without} may be in it.`);
  const node = readManifest(root).optionalDependencies ?? {};
  const parts = thirdParty(metafile, readWorkspaces());
  if (isLibrary) {
    await writeDeclarations(join(folder, "dist"));
    writeJson(join(folder, "package.json"), libraryManifest(manifest, parts));
  } else {
    const published = publishedManifest(manifest, { ...parts, node });
    writeJson(join(folder, "package.json"), published);
    writeJson(join(folder, "npm-shrinkwrap.json"), shrinkwrapOf(published, readLock()));
  }
  for (const part of ["bin", "LICENSE", "README.md"]) {
    const source = resolve(root, app, part);
    if (existsSync(source)) cpSync(source, join(folder, part), { recursive: true });
  }
  for (const part of ["CHANGELOG.md", "SECURITY.md"]) cpSync(join(root, part), join(folder, part));
  setModes(folder);
  const version = manifest.version ?? "0.0.0";
  const path = join(out, `${name.replace(/^@/, "").replace("/", "-")}-${version}.tgz`); // as npm names it
  const { status, stderr } = spawnSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", out], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`npm pack of ${folder} failed: ${stderr}`);
  return { name, version, path, bytes: statSync(path).size };
}

/** The same for every builder, whatever its umask: all can read, and run the launcher. npm sets times and owners. */
function setModes(folder: string): void {
  for (const path of globSync("**/*", { cwd: folder })) {
    const isRun = statSync(join(folder, path)).isDirectory() || /^bin[\\/]/.test(path);
    chmodSync(join(folder, path), isRun ? 0o755 : 0o644);
  }
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { out: { type: "string", default: "dist/packages" }, json: { type: "boolean", default: false } },
  });
  const tarballs: Tarball[] = [];
  for (const product of products) tarballs.push(await pack(product, resolve(values.out)));
  const lines = values.json
    ? [JSON.stringify(tarballs)]
    : tarballs.map(({ path, bytes }) => `${relative(".", path)}  ${Math.ceil(bytes / 1024)} KiB`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
