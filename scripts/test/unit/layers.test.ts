import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { layerProblems, readSources, type SourceTree } from "../../layers.ts";
import { readWorkspaces } from "../../workspaces.ts";

test("PARTS: every workspace uses only what is below it and declared", () => {
  const trees = readWorkspaces().map(readSources);
  assert.ok(trees.length >= 13, "the workspaces are found");
  assert.ok((trees.find((tree) => tree.folder === "packages/wire")?.sources.size ?? 0) > 0, "the sources are found");
  assert.deepEqual(layerProblems(trees), []);
});

interface Row {
  readonly title: string;
  readonly folder: string;
  readonly dependencies?: readonly string[];
  readonly source?: string;
  readonly problem: RegExp | null;
}

const rows: readonly Row[] = [
  { title: "lower layers may be used", folder: "packages/pki", dependencies: ["@sealane/cose", "@sealane/wire"], problem: null },
  { title: "a lower layer may not use a higher one", folder: "packages/crypto", dependencies: ["@sealane/cose"], problem: /not below/ },
  { title: "server never uses terminal", folder: "packages/server", dependencies: ["@sealane/terminal"], problem: /not below/ },
  { title: "terminal never uses server", folder: "packages/terminal", dependencies: ["@sealane/server"], problem: /not below/ },
  {
    title: "the device's app gets no server",
    folder: "apps/sealane-terminal",
    dependencies: ["@sealane/server"],
    problem: /no server code/,
  },
  { title: "the operator's app may", folder: "apps/sealane", dependencies: ["@sealane/server"], problem: null },
  { title: "a package may not use the testkit", folder: "packages/link", dependencies: ["@sealane/testkit"], problem: /not below/ },
  { title: "a new package needs a place", folder: "packages/misc", problem: /no place/ },
  { title: "an import must be declared", folder: "packages/api", source: 'import type { A } from "@sealane/wire";', problem: /declare/ },
  { title: "an import over lines is seen", folder: "packages/api", source: 'export {\n  a,\n  b,\n} from "fastify";', problem: /fastify/ },
  { title: "a dynamic import is seen", folder: "packages/api", source: 'const a = await import("pg");', problem: /pg/ },
  { title: "a bare import is seen", folder: "packages/api", source: 'import "reflect-metadata";', problem: /reflect-metadata/ },
  { title: "an example in a comment is none", folder: "packages/api", source: '/** import { a } from "pg"; */\nexport {};', problem: null },
  { title: "builtins go by node:", folder: "packages/server", source: 'import fs from "fs";', problem: /node:fs/ },
  { title: "server may use Node", folder: "packages/server", source: 'import fs from "node:fs";', problem: null },
  { title: "wire may not", folder: "packages/wire", source: 'import { isIP } from "node:net";', problem: /no Node module/ },
  { title: "link may not", folder: "packages/link", source: 'import { hkdf } from "node:crypto";', problem: /no Node module/ },
  {
    title: "link takes no third party",
    folder: "packages/link",
    dependencies: ["cborg"],
    source: 'import "cborg";',
    problem: /@sealane packages only/,
  },
  { title: "link has no clock", folder: "packages/link", source: "const now = Date.now();", problem: /the clock/ },
  { title: "link has no clock by new Date", folder: "packages/link", source: "const now = new Date();", problem: /the clock/ },
  { title: "link may hold a given date", folder: "packages/link", source: "const date = new Date(now);", problem: null },
  { title: "link has no randomness", folder: "packages/link", source: "const r = Math.random();", problem: /randomness/ },
  { title: "link has no timers", folder: "packages/link", source: "setTimeout(f, 1);", problem: /timer/ },
  { title: "link has no process", folder: "packages/link", source: 'process.env["X"];', problem: /process/ },
  { title: "words about it are allowed", folder: "packages/link", source: 'const a = "process.env"; // Date.now()', problem: null },
];

describe("the layer checker", () => {
  for (const row of rows) {
    test(row.title, () => {
      const problems = layerProblems([made(row), ...others]);
      assert.equal(problems.length, row.problem === null ? 0 : 1, problems.join("\n"));
      if (row.problem !== null) assert.match(problems[0] ?? "", row.problem);
    });
  }
});

/** The packages that the rows name, empty; those not under packages/ are private. */
const others: readonly SourceTree[] = ["wire", "cose", "server", "terminal", "testkit"].map((name) => ({
  folder: `packages/${name}`,
  manifest: { name: `@sealane/${name}` },
  sources: new Map(),
}));

function made({ folder, dependencies = [], source = "" }: Row): SourceTree {
  return {
    folder,
    manifest: { name: "made-up", dependencies: Object.fromEntries(dependencies.map((name) => [name, "1.0.0"])) },
    sources: new Map([[`${folder}/src/made-up.ts`, source]]),
  };
}
