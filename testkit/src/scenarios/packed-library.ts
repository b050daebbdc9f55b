import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demand } from "./failure.ts";
import { type Installation, model, root, succeeded } from "./installation.ts";
import { type Processes, said } from "./processes.ts";

/** What the examples print; that of `enrol` is asked for with a server. */
const printed: Readonly<Record<string, string>> = {
  "anonymous.ts":
    "somebody: the manual, please\noffice: Press the green button.\n" +
    "Only office and the party that began hold the key of this link; office does not learn who that is\n",
  "authorise.ts": "studio released film 1.0\nshop lets gateway-1 play film 1.0\ngateway-2: The licence is for another recipient\n",
  "broadcast.ts":
    "office shows a trailer: Everybody can read it\n" +
    "to fleet: Only office and the members of the group's epoch hold the key, and office signed this for them\n",
  "content.ts": "5000000 bytes sealed and opened: the same\n",
  "deliver.ts": "gateway-1 shows: a film\n",
  "forward-secret.ts":
    "office, now proven: office vouches for firmware 2.4 by studio\ngateway-1: 2.4 is welcome\n" +
    "Nobody else can read it, today or later\n",
  "identity.ts": "gateway-1 may do: terminal-sign\n",
  "link.ts":
    "office: hello\ngateway-1: hello yourself\n" +
    "Nobody else can read it today; whoever obtains the decryption key of gateway-1 later can read what was recorded\n" +
    "Only gateway-1 and office hold the key of this link, and both signed that it is meant for the other; one way, gateway-1 alone\n",
  "series.ts": "0: one\n2: three\nafter a restart the next one is 3\nboth exported the same key\n",
};

const enrolExample = "enrol.ts";

/** The last TypeScript that is written in JavaScript; here under another name, so that both are installed. */
const formerTypeScript = "typescript-6@npm:typescript@6.0.3";

/** A folder with nothing in it but the installed library. */
export interface LibraryFolder {
  readonly folder: string;
  readonly tarball: string;
}

/**
 * Tries the packed library as its user has it: the examples are checked by TypeScript in both ways of finding modules, declarations
 * of dependencies included, and with what `tsc --init` sets, by TypeScript 6 too; they are run; the package itself by publint and by "are the types wrong".
 */
export async function tryLibrary(processes: Processes, { folder, tarball }: LibraryFolder): Promise<void> {
  const run = async (line: readonly string[]): Promise<string> => succeeded(await processes.run(line, { folder })).stdout;
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { devDependencies: Record<string, string> };
  const tools = [...["typescript", "@types/node"].map((name) => `${name}@${devDependencies[name]}`), formerTypeScript];
  await run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--save-dev", ...tools]);
  const examples = readdirSync(join(root, "examples"));
  demand([...Object.keys(printed), enrolExample].sort().join() === examples.sort().join(), "There are other examples than are tried.");
  cpSync(join(root, "examples"), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...packageIn(folder), type: "module" }));
  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...strictest, module, moduleResolution }, files: examples }),
    );
    await run([process.execPath, join(folder, "node_modules/typescript/bin/tsc"), "-p", "."]);
  }
  for (const compiler of ["typescript", "typescript-6"]) {
    const tsc = join(folder, "node_modules", compiler, "bin/tsc");
    rmSync(join(folder, "tsconfig.json"));
    await run([process.execPath, tsc, "--init"]); // its defaults: the DOM's types, and no other that is not asked for
    await run([process.execPath, tsc, "--noEmit", "-p", "."]);
  }
  for (const [name, expected] of Object.entries(printed)) {
    const stdout = await run([process.execPath, name]);
    demand(stdout === expected, `The example ${name} printed something else.`, stdout);
  }
  const program = (name: string): string => join(root, "node_modules/.bin", name);
  await run([process.execPath, program("publint"), "run", "--strict", join(folder, "node_modules/@sealane/link")]);
  await run([process.execPath, program("attw"), tarball, "--profile", "esm-only"]);
}

/** Enrols by the example with a real server. */
export async function enrolByLibrary(processes: Processes, installation: Installation, folder: string): Promise<void> {
  const tokenFile = join(folder, "enrol.token");
  succeeded(await installation.operator(["terminal", "token", "library-1", "--model", model, "--out", tokenFile]));
  const run = await processes.run([process.execPath, enrolExample, tokenFile, join(folder, "keys")], { folder });
  demand(succeeded(run).stdout === "library-1 is enrolled with scenario-server\n", "The library did not enrol.", said(run));
}

const strictest = {
  target: "esnext",
  lib: ["esnext"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  skipLibCheck: false,
  noEmit: true,
};

function packageIn(folder: string): object {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as object;
}
