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
 * with nothing but the commands, and tries the library by its examples. The terminal's folder must hold nothing that only the server needs.
 */
export async function runPack(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-pack-"));
  const processes = new Processes(npmEnvironment());
  onEnd(async () => {
    await processes.stopAll();
    removeTree(folder);
  });
  const tarballs = await packAll(processes, folder);
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
