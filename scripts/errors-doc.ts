/** `node scripts/errors-doc.ts`: writes docs/errors.md from the error tables of all packages; `--check` only compares. */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { errorsDocument } from "./error-tables.ts";
import { root } from "./workspaces.ts";

const path = resolve(root, "docs/errors.md");
const made = errorsDocument();
if (!process.argv.includes("--check")) writeFileSync(path, made);
else if (readFileSync(path, "utf8") !== made) {
  process.stderr.write("docs/errors.md is not what the error tables say: run `node scripts/errors-doc.ts`.\n");
  process.exitCode = 1;
}
