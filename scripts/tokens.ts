/**
 * Compiles pkcs11js, by which keys in tokens are used: `npm run tokens`. It needs a C++ compiler, make and Python; `npm ci` runs no script
 * of any package, so that a machine without them is set up without an error.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { root } from "./workspaces.ts";

/** The headers that came with this Node: with them node-gyp downloads none. */
const nodeFolder = resolve(dirname(process.execPath), "..");
const headers = existsSync(resolve(nodeFolder, "include/node/node_api.h")) ? [`--nodedir=${nodeFolder}`] : [];

const { status } = spawnSync("npm", ["rebuild", "pkcs11js", "--ignore-scripts=false", ...headers], {
  cwd: root,
  stdio: "inherit",
  shell: process.platform === "win32", // there npm is a batch file
});
if (status === 0) createRequire(import.meta.url)("pkcs11js");
else {
  process.stderr.write("pkcs11js was not compiled. Debian has what it needs in g++, make and python3.\n");
  process.exitCode = 1;
}
