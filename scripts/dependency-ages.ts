/**
 * How old the third-party packages are that the published packages depend on: `npm run ages [-- --update]`.
 *
 * The days on which their versions were published stand in dependencies.json, beside the lock, so that nothing is asked of the network.
 * After a change of versions `--update` asks npm for those that are not there yet. Exit code 1 when the file and the workspaces differ.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readManifest, readWorkspaces, root } from "./workspaces.ts";

/** A version, and the day on which it was published (YYYY-MM-DD). */
export interface Publication {
  readonly version: string;
  readonly published: string;
}

export type Publications = Readonly<Record<string, Publication>>;

const path = resolve(root, "dependencies.json");
const dayMilliseconds = 86_400_000;

/** The declared versions of all third-party packages that a published package needs or may use, by name. */
export function publishedDependencies(): Readonly<Record<string, string>> {
  const manifests = readWorkspaces().flatMap(({ folder, manifest }) => (/^(?:apps|packages)\//.test(folder) ? [manifest] : []));
  const declared = manifests.flatMap((manifest) => Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies }));
  const node = Object.entries(readManifest(root).optionalDependencies ?? {});
  const thirdParty = [...declared, ...node].filter(([name]) => !name.startsWith("@sealane/") && !name.startsWith("sealane"));
  return Object.fromEntries(thirdParty.map(([name, range]) => [name, range.replace(/^\^/, "")] as const).sort());
}

export function readPublications(): Publications {
  return JSON.parse(readFileSync(path, "utf8")) as Publications;
}

/** The names whose version has no day in the file, and those in the file that are used no more. */
export function differences(declared: Readonly<Record<string, string>>, known: Publications): readonly string[] {
  const missing = Object.entries(declared).filter(([name, version]) => known[name]?.version !== version);
  return [...missing.map(([name]) => name), ...Object.keys(known).filter((name) => !(name in declared))];
}

/** One row for each, oldest first: name, version, days since it was published. */
export function ages(known: Publications, nowMilliseconds: number): readonly (readonly [string, string, number])[] {
  const rows = Object.entries(known).map(
    ([name, { version, published }]) => [name, version, Math.floor((nowMilliseconds - Date.parse(published)) / dayMilliseconds)] as const,
  );
  return rows.sort(([, , one], [, , other]) => other - one);
}

/** The line for the summary of the gate. */
export function summaryOfAges(known: Publications, nowMilliseconds: number): string {
  const rows = ages(known, nowMilliseconds);
  const [oldest] = rows;
  const median = rows[Math.floor(rows.length / 2)];
  if (oldest === undefined || median === undefined) return "none";
  return `${rows.length} published with the packages; median ${median[2]} days old; oldest ${oldest[0]} ${oldest[1]}, ${oldest[2]} days`;
}

function publishedOn(name: string, version: string): string {
  const { stdout, stderr } = spawnSync("npm", ["view", name, "time", "--json"], { encoding: "utf8", shell: process.platform === "win32" });
  const times = stdout === "" ? {} : (JSON.parse(stdout) as Record<string, string>);
  const time = times[version];
  if (time === undefined) throw new Error(`npm does not know when ${name} ${version} was published. ${stderr}`);
  return time.slice(0, 10);
}

function update(): void {
  const known = readPublications();
  const entries = Object.entries(publishedDependencies()).map(([name, version]) => {
    const entry = known[name];
    return [name, entry?.version === version ? entry : { version, published: publishedOn(name, version) }] as const;
  });
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { update: { type: "boolean", default: false } } });
  if (values.update) update();
  const known = readPublications();
  for (const [name, version, days] of ages(known, Date.now()))
    process.stdout.write(`${name.padEnd(24)} ${version.padEnd(12)} ${String(days).padStart(5)} days\n`);
  const wrong = differences(publishedDependencies(), known);
  if (wrong.length > 0) {
    process.stderr.write(`dependencies.json is not up to date (${wrong.join(", ")}): run \`npm run ages -- --update\`.\n`);
    process.exitCode = 1;
  }
}
