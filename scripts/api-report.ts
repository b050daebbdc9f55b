/**
 * The library's public interface as text, in git: `npm run api-report` writes it, `npm run api-report -- --check` compares it.
 *
 * One report for each entry point, in packages/library/api. Fails when an entry point mentions a type that it does not export, or
 * exports something without a word about it, and with `--check` when the interface is not the one of the report.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { libraryEntries, libraryFolder, writeDeclarations } from "./library.ts";
import { root } from "./workspaces.ts";

const reportFolder = resolve(root, libraryFolder, "api");

/** What the report says of a declaration without a comment; members may be understood by their names. */
const undocumented = /^\/\/ @\w+ \(undocumented\)\nexport .*$/m;

/** A value that an exported type is derived from need not be exported. */
const derivedFrom = /^The symbol "[a-z]\w*" needs to be exported/;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const folder = mkdtempSync(join(tmpdir(), "sealane-api-"));
  mkdirSync(reportFolder, { recursive: true });
  try {
    await writeDeclarations(folder);
    for (const entry of Object.values(libraryEntries)) report(entry, { folder, check: values.check });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(entry: string, { folder, check }: { readonly folder: string; readonly check: boolean }): void {
  const result = Extractor.invoke(configOf(entry, folder), {
    localBuild: !check,
    messageCallback: (message) => {
      if (derivedFrom.test(message.text)) message.logLevel = ExtractorLogLevel.None;
      const isProblem = message.logLevel === ExtractorLogLevel.Error || message.logLevel === ExtractorLogLevel.Warning;
      message.handled = !isProblem || message.messageId.startsWith("console-");
    },
  });
  if (check && result.apiReportChanged) {
    throw new Error(`The interface of ${entry} is not the one of its report: look at it, then run \`npm run api-report\` and commit.`);
  }
  if (!result.succeeded) throw new Error(`The interface of ${entry} has errors.`);
  const [, silent] = undocumented.exec(readFileSync(join(reportFolder, `${entry}.api.md`), "utf8"))?.[0].split("\n") ?? [];
  if (silent !== undefined) throw new Error(`${entry}: there is no comment on: ${silent}`);
}

function configOf(entry: string, folder: string): ExtractorConfig {
  const compilerOptions = { target: "esnext", lib: ["esnext"], module: "nodenext", types: ["node"], strict: true, skipLibCheck: true };
  const silent = { default: { logLevel: ExtractorLogLevel.None } };
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: resolve(root, libraryFolder, "package.json"),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(folder, `${entry}.d.ts`),
      compiler: { overrideTsconfig: { compilerOptions, files: [join(folder, `${entry}.d.ts`)] } },
      apiReport: { enabled: true, reportFolder, reportTempFolder: join(folder, "reports"), reportFileName: `${entry}.api.md` },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: "lf",
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: { ...silent, "ae-forgotten-export": { logLevel: ExtractorLogLevel.Error } },
        tsdocMessageReporting: silent,
      },
    },
  });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
