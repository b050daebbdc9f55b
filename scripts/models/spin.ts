import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { root } from "../workspaces.ts";
import type { Check } from "./checks.ts";
import { parseSearch, parseTrail } from "./pan-output.ts";
import { judge, type Verdict } from "./verdict.ts";

/** Where the models stand. */
export const modelsFolder: string = resolve(root, "models");

/** No search takes a tenth of these; a search that reaches one is incomplete, and says so. */
const maxDepth = 100_000;
const maxMebibytes = 2048;
const maxMilliseconds = 300_000;

/** The programs that a check needs and this machine lacks. spin itself uses gcc, as preprocessor. */
export async function missingPrograms(): Promise<string[]> {
  const needed = [
    { program: "spin", option: "-V" },
    { program: "gcc", option: "--version" },
  ];
  const asked = await Promise.allSettled(needed.map(({ program, option }) => said(modelsFolder, program, [option])));
  return needed.filter((_, index) => asked[index]?.status === "rejected").map(({ program }) => program);
}

/**
 * A folder for temporary files with the models in it, removed at the end of its scope or when the process is interrupted.
 *
 * spin writes pan.c and the trail where it runs, and names the model in both.
 */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "sealane-models-"));
  cpSync(modelsFolder, path, { recursive: true });
  const remove = (): void => rmSync(path, { recursive: true, force: true });
  process.once("exit", remove);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  return { path, [Symbol.dispose]: remove };
}

/**
 * Makes the checker of one form of a model and runs it. An attack is searched breadth first, so that the shortest is found; nothing is looked
 * for depth first and without partial order reduction, in all states. Throws what spin or gcc say against the model.
 */
export async function runCheck(check: Check, folder: string): Promise<Verdict> {
  const began = performance.now();
  const { model, defines, properties, expected } = check;
  const file = `${model}.pml`;
  const options = [...defines, ...(properties.length === 0 ? [] : [`PROPERTY=${properties.join("+")}`])].map((define) => `-D${define}`);
  const order = expected === "nothing" ? "-DNOREDUCE" : "-DBFS";
  const run = (program: string, ...rest: string[]): Promise<string> => said(folder, program, rest);
  rmSync(join(folder, `${file}.trail`), { force: true });
  await run("spin", "-a", ...options, file);
  await run("gcc", "-w", "-O0", "-DSAFETY", order, `-DMEMLIM=${maxMebibytes}`, "-o", "pan", "pan.c");
  const search = parseSearch(await run("./pan", "-E", `-m${maxDepth}`, "-w20")); // -E: a session may wait for ever
  const trail = search.found ? parseTrail(await run("./pan", "-S", "-r", `${file}.trail`)) : null;
  return judge(check, { search, trail, seconds: (performance.now() - began) / 1000 });
}

/** What a program says. Throws the same, with the command, when it fails or takes too long. */
function said(folder: string, program: string, options: readonly string[]): Promise<string> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<string>();
  execFile(program, options, { cwd: folder, timeout: maxMilliseconds, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
    const output = `${stderr}${stdout}`;
    if (error === null) return settle(output);
    const command = [program, ...options].join(" ");
    reject(new Error(`${command} ${error.killed === true ? "took too long" : "failed"}:\n${output}`, { cause: error }));
  });
  return promise;
}
