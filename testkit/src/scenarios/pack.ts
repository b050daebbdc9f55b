import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeTree } from "../remove-tree.ts";
import { onEnd } from "./clean-up.ts";
import { demand } from "./failure.ts";
import { type Commands, Installation, outsidePath, root, succeeded } from "./installation.ts";
import { enrolByLibrary, tryLibrary } from "./packed-library.ts";
import { Processes, said } from "./processes.ts";
import { deliver, writeScript } from "./software.ts";
import { table } from "./table.ts";

const libraryName = "@sealane/link";

interface Tarball {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * Packs both commands and the library, installs each from its tarball in an empty folder outside this repository, delivers software
 * with nothing but the commands, and tries the library by its examples. Two builds are the same bytes, and say what they are made of. The terminal's folder must hold nothing that only the server needs.
 */
export async function runPack(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-pack-"));
  const processes = new Processes(npmEnvironment());
  onEnd(async () => {
    await processes.stopAll();
    removeTree(folder);
  });
  const tarballs = await packAll(processes, folder);
  await demandReproducible(processes, { folder, tarballs });
  for (const name of ["sealane", "sealane-terminal"]) await demandBills(processes, { folder, name });
  const installed = new Map<string, readonly string[]>();
  for (const { name, path } of tarballs) installed.set(name, await installAlone(processes, { folder: folderOf(folder, name), path }));
  demandApart(installed);
  const library = { folder: folderOf(folder, libraryName), tarball: tarballs.find(({ name }) => name === libraryName)?.path ?? "" };
  await tryLibrary(processes, library);
  const commands = { operator: [binary(folder, "sealane")], terminal: [binary(folder, "sealane-terminal")] };
  await deliverWith(commands, (installation) => enrolByLibrary(processes, installation, library.folder));
  const rows = tarballs.map(({ name, version, bytes }) => [
    name,
    version,
    `${Math.ceil(bytes / 1024)} KiB`,
    String(installed.get(name)?.length),
  ]);
  process.stdout.write(`${table(["package", "version", "tarball", "packages installed"], rows)}\n`);
}

/** Packs once more, elsewhere and by a user who lets nobody read his files: the tarballs are the same bytes. */
async function demandReproducible(
  processes: Processes,
  first: { readonly folder: string; readonly tarballs: readonly Tarball[] },
): Promise<void> {
  const former = process.umask(0o077); // for the child that is started now
  const packing = packAll(processes, join(first.folder, "again"));
  process.umask(former);
  const again = await packing;
  const differing = first.tarballs.filter(({ path }, index) => !readFileSync(path).equals(readFileSync(again[index]?.path ?? "")));
  demand(differing.length === 0, `Two builds differ: ${differing.map(({ name }) => name).join(", ")}.`);
}

interface Bill {
  readonly metadata: { readonly component: BilledPackage };
  readonly components: readonly BilledPackage[];
}

interface BilledPackage {
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly { readonly license?: { readonly id?: string } }[];
}

/** `npm sbom` names the packed command, and every package that comes with it, with version and licence, in both formats, without network. */
async function demandBills(processes: Processes, { folder, name }: { readonly folder: string; readonly name: string }): Promise<void> {
  const line = ["npm", "sbom", "--package-lock-only", "--offline", "--sbom-type", "application", "--sbom-format"];
  const bill = async (format: string): Promise<unknown> =>
    JSON.parse(succeeded(await processes.run([...line, format], { folder: join(folder, name) })).stdout) as unknown;
  const { version } = JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")) as { readonly version: string };
  const { metadata, components } = (await bill("cyclonedx")) as Bill;
  const own = metadata.component;
  demand(own.name === name && own.version === version, `The bill of ${name} is one of ${own.name} ${own.version}.`);
  demand(own.licenses?.[0]?.license?.id === "Apache-2.0", `The bill of ${name} has another licence.`);
  const bare = components.filter((each) => each.version === "" || each.licenses === undefined);
  demand(
    components.length > 10 && bare.length === 0,
    `The bill of ${name} says too little of ${bare.map((each) => each.name).join(", ")}.`,
  );
  const spdx = (await bill("spdx")) as { readonly name: string; readonly packages: readonly { readonly licenseDeclared?: string }[] };
  demand(spdx.name === `${name}@${version}` && spdx.packages.length === components.length + 1, `The SPDX bill of ${name} differs.`);
}

async function packAll(processes: Processes, folder: string): Promise<readonly Tarball[]> {
  const run = succeeded(
    await processes.run([process.execPath, join(root, "scripts/pack.ts"), "--out", folder, "--json"], { folder: root }),
  );
  const tarballs: unknown = JSON.parse(run.stdout);
  demand(Array.isArray(tarballs) && tarballs.length === 3, "Three tarballs were to be packed.", said(run));
  return tarballs as readonly Tarball[];
}

/** Installs a tarball in an empty folder and gives the names of all packages that are then there. */
async function installAlone(processes: Processes, given: { readonly folder: string; readonly path: string }): Promise<readonly string[]> {
  const { folder } = given;
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n'); // else npm looks for one in the folders above
  const install = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", given.path];
  succeeded(await processes.run(install, { folder }));
  demandNoScripts(folder);
  const list = succeeded(await processes.run(["npm", "ls", "--all", "--json"], { folder }));
  return [...new Set(namesIn(JSON.parse(list.stdout)))].sort();
}

/** Nothing is compiled and nothing else is run where a package is installed: not even a machine without a compiler sees an error. */
function demandNoScripts(folder: string): void {
  const text = readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8");
  const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>> };
  const found = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  demand(found.length === 0, `Packages run scripts when they are installed: ${found.map(([place]) => place).join(", ")}.`);
}

interface Listed {
  readonly dependencies?: Readonly<Record<string, Listed>>;
}

function namesIn({ dependencies = {} }: Listed): string[] {
  return Object.entries(dependencies).flatMap(([name, listed]) => [name, ...namesIn(listed)]);
}

/** The terminal's folder has no package of the server, and neither has the other's command. */
function demandApart(installed: ReadonlyMap<string, readonly string[]>): void {
  const manifest = JSON.parse(readFileSync(join(root, "packages/server/package.json"), "utf8")) as { readonly dependencies: object };
  const ofServer = [...Object.keys(manifest.dependencies).filter((name) => !name.startsWith("@sealane/")), "sealane"];
  demand(ofServer.includes("fastify") && ofServer.includes("kysely"), "The server's own packages are not known.");
  const terminal = installed.get("sealane-terminal") ?? [];
  const found = terminal.filter((name) => ofServer.includes(name) || name.startsWith("@peculiar/") || name.startsWith("@sealane/"));
  demand(terminal.includes("sealane-terminal"), "The terminal's package is not installed.");
  demand(found.length === 0, `The terminal's folder has packages of the server: ${found.join(", ")}.`);
  demand(installed.get("sealane")?.includes("sealane-terminal") === false, "The operator's folder has the terminal's package.");
}

async function deliverWith(commands: Commands, also: (installation: Installation) => Promise<void>): Promise<void> {
  await using installation = await Installation.raise({ commands, terminals: ["terminal-1"] });
  const software = writeScript(installation.folder, { module: "app", version: "1.0" });
  await deliver(installation, software, ["terminal-1"]);
  succeeded(await installation.terminal("terminal-1", ["status"]));
  await also(installation);
  await installation.stopServer();
  installation.demandNoSecretPrinted();
}

function binary(folder: string, name: string): string {
  return join(folderOf(folder, name), "node_modules", ".bin", name);
}

function folderOf(folder: string, name: string): string {
  return join(folder, `${name.replace(/^@.*\//, "")}-installed`);
}

/** The environment as outside this repository: without what `npm run` adds, which would lead npm and `node` back into it. */
function npmEnvironment(): Record<string, string> {
  const isOurs = (name: string): boolean =>
    /^npm_(?:package|lifecycle|command|execpath|node_execpath|config_local_prefix)|^(?:INIT_CWD|NODE)$/.test(name);
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || isOurs(name) ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(kept), PATH: outsidePath() };
}
