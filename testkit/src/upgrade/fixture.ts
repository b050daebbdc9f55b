import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Folders and databases as earlier versions left them (make-fixture.ts). */

/** Where the server of every fixture is, as its terminals remember it. */
export const fixtureUrl = "http://127.0.0.1:17449";

/** The schema of every fixture on PostgreSQL. */
export const fixtureSchema = "sealane_fixture";

const fixtures = resolve(import.meta.dirname, "../../fixtures");

/** What one version left. */
export interface Fixture {
  /** The first digits of its commit. */
  readonly commit: string;
  readonly folder: string;
  /** When it was made: its certificates are valid for a year from then on. */
  readonly madeAtSeconds: number;
}

/** The fixture of a version. */
export function fixtureFolder(commit: string): string {
  return join(fixtures, commit.slice(0, 12));
}

/** Every fixture that is kept, the oldest first. */
export function allFixtures(): readonly Fixture[] {
  const found = globSync("*/made-at", { cwd: fixtures }).map((path) => {
    const folder = join(fixtures, path, "..");
    const madeAtSeconds = Number(readFileSync(join(folder, "made-at"), "utf8"));
    return { commit: path.split("/")[0] ?? "", folder, madeAtSeconds };
  });
  return found.toSorted((a, b) => a.madeAtSeconds - b.madeAtSeconds);
}

/** Unpacks one of a fixture's installations into a folder that exists. */
export function unpackFixture({ folder }: Fixture, database: "sqlite" | "postgres", into: string): void {
  execFileSync("tar", ["--extract", "--gzip", "--file", join(folder, `${database}.tar.gz`), "--directory", into]);
}

/**
 * Puts the sources of an earlier commit into a folder, with the packages of this working copy; false where the history is missing.
 * The folder must not exist.
 */
export function checkOutEarlier(root: string, commit: string, into: string): boolean {
  if (!existsSync(join(root, ".git"))) return false;
  const git = (args: readonly string[]): Buffer =>
    execFileSync("git", args, { cwd: root, maxBuffer: 256 * 1024 * 1024, stdio: ["ignore", "pipe", "ignore"] });
  try {
    git(["cat-file", "-e", `${commit}^{commit}`]);
  } catch {
    return false;
  }
  execFileSync("mkdir", ["-p", into]);
  execFileSync("tar", ["--extract", "--directory", into], { input: git(["archive", commit]) });
  linkPackages(root, into);
  return true;
}

function linkPackages(root: string, into: string): void {
  const modules = join(into, "node_modules");
  execFileSync("mkdir", ["-p", join(modules, "@sealane")]);
  const own = globSync("{packages/*,apps/*,testkit,bench}/package.json", { cwd: into }).map((path) => {
    const { name } = JSON.parse(readFileSync(join(into, path), "utf8")) as { readonly name: string };
    return { name, folder: join(into, path, "..") };
  });
  for (const { name, folder } of own) execFileSync("ln", ["-s", folder, join(modules, name)]);
  const others = globSync("*", { cwd: join(root, "node_modules") }).filter((name) => !existsSync(join(modules, name)));
  for (const name of others) execFileSync("ln", ["-s", join(root, "node_modules", name), join(modules, name)]);
}
