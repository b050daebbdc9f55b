import type { Check } from "./checks.ts";
import type { Search, Trail } from "./pan-output.ts";

/** What came of a check. */
export interface Verdict {
  readonly check: Check;
  readonly search: Search;
  /** How the property was violated; null when nothing was found. */
  readonly trail: Trail | null;
  readonly seconds: number;
  /** Why this is not what was expected; null when it is. */
  readonly problem: string | null;
}

/** Compares what was found with what was expected. An incomplete search is never as expected. */
export function judge(check: Check, done: Pick<Verdict, "search" | "trail" | "seconds">): Verdict {
  return { check, ...done, problem: problemOf(check, done) };
}

function problemOf({ expected, properties }: Check, { search, trail }: Pick<Verdict, "search" | "trail">): string | null {
  if (search.gaps.length > 0) return search.gaps.join("; ");
  if (expected === "nothing") return search.found ? `${trail?.violated} is violated` : null;
  if (!search.found) return expected === "run" ? "no honest run is possible" : "the attack was not found";
  const violated = trail?.violated ?? "nothing";
  return properties.some((property) => property === violated) ? null : `${violated} is violated, not ${properties.join()}`;
}

/** The heading of the table; `widths` are those of the columns for model and form. */
export function heading(widths: Widths): string {
  return line(widths, ["model", "form", "looked at", "states", "seconds", "result"]);
}

/** The table's row of a verdict, and below it the messages that led to what was found. */
export function asRow(widths: Widths, { check, search, trail, seconds, problem }: Verdict): string {
  const found = { attack: "attack found", nothing: "nothing found, search complete", run: "honest run found" }[check.expected];
  const result = problem === null ? found : `NOT AS EXPECTED: ${problem}`;
  const looked = check.properties.length === 0 ? "all properties" : check.properties.join(", ");
  const row = line(widths, [check.model, check.form, looked, search.states.toLocaleString("en"), seconds.toFixed(1), result]);
  return [row, ...(trail?.messages ?? []).map((message) => `    ${message}`)].join("\n");
}

/** The last line of the output. */
export function summary(verdicts: readonly Verdict[], seconds: number): string {
  const failed = verdicts.filter(({ problem }) => problem !== null).length;
  const count = (expected: Check["expected"]): number =>
    verdicts.filter(({ check, problem }) => problem === null && check.expected === expected).length;
  const found = `${count("attack")} attacks found, ${count("run")} honest runs found, ${count("nothing")} times nothing found in a complete search`;
  return `${verdicts.length} checks in ${seconds.toFixed(0)} s: ${found}${failed === 0 ? "" : `, ${failed} NOT AS EXPECTED`}.`;
}

export interface Widths {
  readonly model: number;
  readonly form: number;
}

/** Columns as wide as these checks need. */
export function widthsOf(checks: readonly Check[]): Widths {
  return { model: Math.max(...checks.map(({ model }) => model.length)), form: Math.max(...checks.map(({ form }) => form.length)) };
}

function line(
  widths: Widths,
  [model, form, looked, states, seconds, result]: readonly [string, string, string, string, string, string],
): string {
  return [model.padEnd(widths.model), form.padEnd(widths.form), looked.padEnd(19), states.padStart(9), seconds.padStart(7), result].join(
    "  ",
  );
}
