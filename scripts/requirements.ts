/**
 * Shows which tests prove which requirement: `npm run requirements [-- --json]`.
 *
 * The ids come from docs/requirements.md, the proofs from the titles of `test`, `it` and `describe` in the test files. Exit code
 * 1 when a title cites an id that is not in the document; an id without a test is listed and no error.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { literalsAfter } from "./source-text.ts";
import { findTests } from "./test-files.ts";
import { root } from "./workspaces.ts";

const document = "docs/requirements.md";

/** Two capitals or digits at least, so that `Secret: ...` is a sentence and `EQ14iii: ...` a citation. */
const id = "[A-Z][A-Z0-9]+[a-z]*";

/** A title in a test file; `computed` when it begins with an expression, so that its ids cannot be read. */
export interface Title {
  readonly file: string;
  readonly title: string;
  readonly computed: boolean;
}

export interface Coverage {
  readonly requirements: readonly { readonly id: string; readonly tests: number; readonly files: readonly string[] }[];
  readonly untested: readonly string[];
  readonly unknown: readonly (Title & { readonly ids: readonly string[] })[];
}

/** The ids in the first cells of a document's tables; a cell such as `UNI / MULTI` holds several. */
export function requirementIds(markdown: string): string[] {
  const cells = [...markdown.matchAll(/^\|([^|\n]*)\|/gm)].map((match) => (match[1] ?? "").split("/").map((part) => part.trim()));
  return cells.filter((parts) => parts.every((part) => new RegExp(`^${id}$`).test(part))).flat();
}

/** The ids that a title starts with: one or several, parted by spaces or commas, then a colon and a space. */
export function citedIds(title: string): string[] {
  const ids = new RegExp(`^(${id}(?:(?:, *| +)${id})*): `).exec(title)?.[1];
  return ids === undefined ? [] : ids.split(/[, ]+/);
}

/** The titles in a test file. What is skipped or still to do proves nothing and is left out. */
export function titlesOf(file: string, text: string): Title[] {
  const call = /(?<![.\w$])(?:t\.)?(?:test|it|describe|suite)(?:\.only)?\(\s*/;
  return literalsAfter(call, text).map((found) => ({ file, title: found.text, computed: found.template && found.text.startsWith("${") }));
}

/** Counts for each id the titles that cite it. */
export function coverageOf(ids: readonly string[], titles: readonly Title[]): Coverage {
  const cited = titles.map((title) => ({ ...title, ids: citedIds(title.title) }));
  const requirements = ids.map((each) => {
    const proofs = cited.filter((title) => title.ids.includes(each));
    return { id: each, tests: proofs.length, files: [...new Set(proofs.map((title) => title.file))] };
  });
  return {
    requirements,
    untested: requirements.filter((row) => row.tests === 0).map((row) => row.id),
    unknown: cited
      .map((title) => ({ ...title, ids: title.ids.filter((each) => !ids.includes(each)) }))
      .filter((title) => title.ids.length > 0),
  };
}

function main(): void {
  const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
  const ids = requirementIds(readFileSync(resolve(root, document), "utf8"));
  if (ids.length === 0) throw new Error(`${document} holds no table of requirement ids.`);
  const { fast, sweeps, slow } = findTests(root);
  const titles = [...fast, ...sweeps, ...slow].flatMap((file) => titlesOf(file, readFileSync(resolve(root, file), "utf8")));
  const coverage = coverageOf(ids, titles);
  const computed = titles.filter((title) => title.computed);
  process.stdout.write(values.json ? `${JSON.stringify({ ...coverage, computed })}\n` : asText(coverage, computed));
  process.exitCode = coverage.unknown.length > 0 ? 1 : 0;
}

function asText({ requirements, untested, unknown }: Coverage, computed: readonly Title[]): string {
  const rows = requirements
    .filter((row) => row.tests > 0)
    .map((row) => `${row.id.padEnd(8)} ${`${row.tests}`.padStart(5)}  ${row.files.join(", ")}`);
  const proven = requirements.length - untested.length;
  const lines = [`${"id".padEnd(8)} tests  files`, ...rows, "", `${proven} of ${requirements.length} requirements have a test.`];
  if (untested.length > 0) lines.push(`Without a test: ${untested.join(" ")}`);
  if (computed.length > 0) lines.push("", "Titles that begin with an expression, whose ids cannot be read:", ...computed.map(asLine));
  if (unknown.length > 0) {
    lines.push("", `Titles that cite an id which ${document} does not hold:`);
    lines.push(...unknown.map((title) => `${asLine(title)}  (${title.ids.join(" ")})`));
  }
  return `${lines.join("\n")}\n`;
}

function asLine({ file, title }: Title): string {
  return `  ${file}: ${title}`;
}

if (import.meta.main) main();
