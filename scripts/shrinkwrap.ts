/**
 * The npm-shrinkwrap.json of a published command: every package that is installed with it, in the version and with the digest that were
 * tested here. `npm sbom --package-lock-only` reads it, too.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { root } from "./workspaces.ts";

/** What is read of an entry of package-lock.json; the rest is taken over as it stands. */
export interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly peer?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type LockedPackages = Readonly<Record<string, LockedPackage>>;

/** A package.json that is published; what is not read here stands in it, too. */
export interface Published extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly version: string | undefined;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

export function readLock(): LockedPackages {
  return (JSON.parse(readFileSync(resolve(root, "package-lock.json"), "utf8")) as { packages: LockedPackages }).packages;
}

/** The file for a package.json that is published, made of the lock of this repository. Throws a sentence when the lock lacks a package. */
export function shrinkwrapOf(published: Published, lock: LockedPackages): object {
  const required = new Set<string>();
  const optional = new Set<string>();
  collect(lock, "", { dependencies: published.dependencies }, required);
  collect(lock, "", published, optional);
  const packages = [...optional].sort().map((place) => {
    const { dev: _, devOptional: __, optional: ___, peer: ____, ...entry } = lock[place] ?? {};
    return [place, required.has(place) ? entry : { ...entry, optional: true }];
  });
  const { name, version } = published;
  return { name, version, lockfileVersion: 3, requires: true, packages: { "": published, ...Object.fromEntries(packages) } };
}

/** Adds the places of all that a package depends on. */
function collect(lock: LockedPackages, from: string, entry: LockedPackage, places: Set<string>): void {
  for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
    const place = placeOf(lock, from, name);
    if (places.has(place)) continue;
    places.add(place);
    collect(lock, place, lock[place] ?? {}, places);
  }
}

/** Where Node finds a package that one at `from` imports: in its own node_modules, else in those of the folders above. */
function placeOf(lock: LockedPackages, from: string, name: string): string {
  const place = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
  if (place in lock) return place;
  if (from === "") throw new Error(`package-lock.json has no ${name}.`);
  const above = from.lastIndexOf("/node_modules/");
  return placeOf(lock, above === -1 ? "" : from.slice(0, above), name);
}
