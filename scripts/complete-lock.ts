/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out: a registry that lacks one of them makes npm
 * drop all, and then `npm ci` refuses the lock (npm/cli issue 9846). And it removes what the packages say about Node: npm compares it with
 * the Node that runs npm, and warns, though all run under the Node 26 that is installed with them. To be run after `npm install` has
 * changed the lock.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { root } from "./workspaces.ts";

interface LockedPackage {
  readonly version?: string;
  readonly link?: boolean;
  engines?: unknown;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const platform = /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-(\w+))?$/;
const libc: Readonly<Record<string, string>> = { musl: "musl", gnu: "glibc" };

const path = resolve(root, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };
const missing = Object.entries(lock.packages)
  .filter(([place, { link }]) => link !== true && (place === "" || place.startsWith("node_modules/")))
  .flatMap(([, { optionalDependencies = {} }]) => Object.entries(optionalDependencies))
  .filter(([name]) => lock.packages[`node_modules/${name}`] === undefined);

for (const [name, version] of missing) {
  const [, os, cpu, flavour = ""] = platform.exec(name) ?? [];
  if (os === undefined) throw new Error(`${name} does not name its platform`);
  const family = os === "linux" ? libc[flavour] : undefined;
  const entry = { version, cpu: [cpu], ...(family === undefined ? {} : { libc: [family] }), dev: true, optional: true, os: [os] };
  lock.packages[`node_modules/${name}`] = entry;
}
for (const [place, entry] of Object.entries(lock.packages)) if (place.startsWith("node_modules/")) delete entry.engines;
const { "": own, ...others } = lock.packages;
const sorted = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = { ...(own === undefined ? {} : { "": own }), ...Object.fromEntries(sorted) };
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${missing.length} added\n`);
