/**
 * Makes what `npm run scenario -- upgrade` begins with: the folders and the database of a server and its terminals as a version left them.
 *
 *   node testkit/src/upgrade/make-fixture.ts CHECKOUT
 *
 * CHECKOUT is a working copy of that version with its node_modules. Writes to testkit/fixtures/<its commit>. The server's address has a port
 * below those that systems give out, since terminals remember it. Run once for each version that is left behind; what it wrote is kept.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fixtureFolder, fixtureSchema, fixtureUrl } from "./fixture.ts";

const [checkout] = process.argv.slice(2).map((path) => resolve(path));
if (checkout === undefined) throw new Error("Name the working copy of the version.");
const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: checkout, encoding: "utf8" }).trim();
const out = fixtureFolder(commit);
const base = process.env["SEALANE_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await makeOne("sqlite", null);
await makeOne("postgres", `${base}?schema=${fixtureSchema}`);
writeFileSync(join(out, "made-at"), `${Math.floor(Date.now() / 1000)}\n`);

async function makeOne(name: string, database: string | null): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-fixture-"));
  const state = join(folder, "server");
  const run = (app: string, args: readonly string[], where: string): void => {
    process.stdout.write(`${app} ${args.join(" ")}\n`);
    execFileSync(process.execPath, [join(checkout ?? "", `apps/${app}/bin/${app}.js`), ...args, "--state", where, "--json"], {
      cwd: folder,
    });
  };
  const operator = (...args: string[]): void => run("sealane", args, state);
  const terminal = (...args: string[]): void => run("sealane-terminal", args, join(folder, "gateway-1"));
  const script = (module: string, version: string): string => {
    const path = join(folder, `${module}-${version}.sh`);
    writeFileSync(path, `#!/bin/sh\necho "this is ${module} ${version}"\n`, { mode: 0o755 });
    return path;
  };
  const publish = (module: string, version: string, ...more: string[]): void =>
    operator("publish", script(module, version), "--name", module, "--version", version, "--format", "file", ...more);
  const databaseOptions = database === null ? [] : ["--database", database];
  operator("init", "--name", "fixture", "--url", fixtureUrl, "--allow", "open-broadcast", "group-broadcast", ...databaseOptions);
  const server = spawn(
    process.execPath,
    [join(checkout ?? "", "apps/sealane/bin/sealane.js"), "server", "run", "--state", state, "--json"],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  for await (const line of createInterface(server.stdout)) if (line.includes("listening")) break;
  for (const each of ["gateway-1", "gateway-2"])
    operator("terminal", "token", each, "--model", "fixture", "--out", join(folder, `${each}.token`));
  terminal("enroll", "--token-file", join(folder, "gateway-1.token"));
  publish("app", "1.0");
  terminal("fetch", "app");
  terminal("install", "app");
  publish("app", "2.0");
  terminal("fetch", "app", "--key-only"); // begun, and its software is not there yet
  publish("tool", "1.0");
  terminal("fetch", "tool"); // fetched, and not installed yet
  publish("film", "1.0", "--public", "--class", "content");
  operator("broadcast", "start", "film", "--life", "86400");
  operator("group", "create", "pumps");
  operator("group", "add", "pumps", "gateway-1");
  publish("pump", "1.0");
  operator("broadcast", "start", "pump", "--mechanism", "group-broadcast", "--group", "pumps", "--life", "86400");
  publish("offered", "1.0");
  operator("release", "offer", "offered", "--to", "gateway-1");
  const ended = new Promise((done) => server.once("close", done));
  server.kill("SIGTERM");
  await ended;
  if (database !== null) {
    const { host, username, pathname, port } = new URL(base);
    const options = [
      "--host",
      host.split(":")[0] ?? "",
      "--port",
      port || "5432",
      "--username",
      username,
      "--schema",
      fixtureSchema,
      "--inserts",
      "--no-owner",
    ];
    const dump = execFileSync("pg_dump", [...options, pathname.slice(1)], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    writeFileSync(
      join(folder, "database.sql"),
      dump
        .split("\n")
        .filter((line) => !line.startsWith("\\"))
        .join("\n"),
    );
    execFileSync("psql", [
      "--host",
      host.split(":")[0] ?? "",
      "--port",
      port || "5432",
      "--username",
      username,
      "--quiet",
      "--command",
      `drop schema ${fixtureSchema} cascade`,
      pathname.slice(1),
    ]);
  }
  execFileSync("tar", ["--create", "--gzip", "--sort=name", "--file", join(out, `${name}.tar.gz`), "--directory", folder, "."]);
  execFileSync("chmod", ["-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}
