import assert from "node:assert/strict";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { removeTree } from "../../src/remove-tree.ts";
import { Installation, root, succeeded } from "../../src/scenarios/installation.ts";
import { Processes } from "../../src/scenarios/processes.ts";
import { deliver, writeScript } from "../../src/scenarios/software.ts";
import { without } from "../../src/tools.ts";

/** Each package as npm would install it, alone, with what its package.json declares and no more; without a registry. */

const folder = mkdtempSync(join(tmpdir(), "sealane-parts-"));
const processes = new Processes({ PATH: process.env["PATH"] ?? "", HOME: folder });

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

const missing = without("tar");

before(async () => {
  if (missing !== false) return;
  const pack = [process.execPath, join(root, "scripts/pack.ts"), "--out", folder, "--json"];
  succeeded(await processes.run(pack, { folder: root }));
  for (const name of ["sealane", "sealane-terminal"]) await installAlone(name);
});

after(async () => {
  await processes.stopAll();
  removeTree(folder);
});

async function installAlone(name: string): Promise<void> {
  const place = packageFolder(name, name);
  mkdirSync(place, { recursive: true });
  const [tarball = ""] = globSync(join(folder, `${name}-[0-9]*.tgz`));
  succeeded(await processes.run(["tar", "xzf", tarball, "--strip-components=1", "-C", place]));
  for (const dependency of declaredBy(place)) addPackage(name, dependency);
}

function addPackage(into: string, name: string): void {
  const place = packageFolder(into, name);
  cpSync(join(root, "node_modules", name), place, { recursive: true });
  for (const dependency of declaredBy(place)) {
    const isThere = globSync("package.json", { cwd: packageFolder(into, dependency) }).length > 0;
    const isNested = globSync(`node_modules/${dependency}/package.json`, { cwd: place }).length > 0;
    if (!isThere && !isNested) addPackage(into, dependency);
  }
}

function packageFolder(command: string, name: string): string {
  return join(folder, `${command}-alone`, "node_modules", name);
}

function declaredBy(place: string): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as Manifest;
  return Object.keys(manifest.dependencies ?? {});
}

function packagesOf(command: string): readonly string[] {
  const manifests = globSync("**/package.json", { cwd: join(folder, `${command}-alone`) });
  return manifests.map((path) => dirname(path).replace(/^.*node_modules\//, ""));
}

test("PARTS: each half works with nothing but its own package: a delivery from one to the other", { skip: missing }, async () => {
  const command = (name: string): readonly string[] => [process.execPath, join(packageFolder(name, name), "bin", `${name}.js`)];
  const commands = { operator: command("sealane"), terminal: command("sealane-terminal") };
  await using installation = await Installation.raise({ commands, terminals: ["terminal-1"] });
  await deliver(installation, writeScript(installation.folder, { module: "app", version: "1.0" }), ["terminal-1"]);
  installation.demandNoSecretPrinted();
});

test("PARTS: the terminal's package brings nothing of the server, in its bundle or beside it", { skip: missing }, () => {
  const ofServer = declaredBy(join(root, "packages/server")).filter((name) => !name.startsWith("@sealane/"));
  assert.ok(ofServer.includes("fastify") && ofServer.includes("kysely"));
  const terminal = packagesOf("sealane-terminal");
  assert.ok(terminal.includes("commander"));
  assert.deepEqual(
    terminal.filter((name) => ofServer.includes(name) || name === "sealane" || name.startsWith("@sealane/")),
    [],
  );
  const bundle = globSync(join(packageFolder("sealane-terminal", "sealane-terminal"), "dist/*.js"));
  const texts = bundle.map((path) => readFileSync(path, "utf8"));
  assert.ok(texts.some((text) => text.includes("// packages/terminal/src/")));
  assert.ok(!texts.some((text) => text.includes("// packages/server/") || text.includes("// packages/pki/src/issue/")));
});
