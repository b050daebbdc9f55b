/** What pan, the checker that spin makes of a model, says at its end. Its exit code says nothing: it is 0 whatever was found. */

/** What a search came to. Only `nothing` with no gaps says that the property holds. */
export interface Search {
  /** An assertion of the model was violated, and the trail shows how. */
  readonly found: boolean;
  readonly states: number;
  /** The longest path of steps. */
  readonly depth: number;
  /** Why this search proves nothing, in words: what it left out, or what went wrong in it. Empty for a search of all states, or up to a find. */
  readonly gaps: readonly string[];
}

/** Reads the output of a search. Throws if it has no summary: pan did not get that far. */
export function parseSearch(output: string): Search {
  const [, depth, errors] = /^State-vector \d+ byte, depth reached (\d+), errors: (\d+)$/m.exec(output) ?? [];
  const [, states] = /^ *([\d.e+]+) states, stored/m.exec(output) ?? [];
  if (depth === undefined || errors === undefined || states === undefined) throw new Error(`The search has no summary:\n${output}`);
  const found = errors === "1" && /^pan:\d+: assertion violated 0 \(at depth \d+\)$/m.test(output);
  return { found, states: Number(states), depth: Number(depth), gaps: gapsIn(output, { found, failed: errors !== "0" }) };
}

/** The messages of a replayed trail, in their order, as `A -> I(B)  M1 = ...`, and the property that ends it. */
export interface Trail {
  readonly messages: readonly string[];
  readonly violated: string;
}

/** Reads a replayed trail. Throws if it does not end with the violation of a property. */
export function parseTrail(output: string): Trail {
  const messages = [...output.matchAll(/^MSG (.+?) : (.+)$/gm)].map(
    ([, ends = "", text = ""]) => `${ends.replaceAll("I(I)", "I").padEnd(12)} ${text}`,
  );
  const [, violated] = /^VIOLATED ([A-Z_]+)$/m.exec(output) ?? [];
  if (violated === undefined) throw new Error(`The trail ends with no violation of a property:\n${output}`);
  return { messages, violated };
}

function gapsIn(output: string, { found, failed }: { readonly found: boolean; readonly failed: boolean }): string[] {
  const gaps: (string | false)[] = [
    !/^Full statespace search for:$/m.test(output) && "the search was an approximation, not of all states",
    !/^\tassertion violations\t\+/m.test(output) && "assertions were not looked at",
    /max search depth too small/.test(output) && "the search was cut off at its greatest depth",
    /out of memory|reached -DMEMLIM bound/.test(output) && "the search ran out of memory",
    !found && /^Warning: Search not completed$/m.test(output) && "the search was not completed",
    !found && failed && `the model has a fault: ${/^pan:\d+: (.+)$/m.exec(output)?.[1] ?? "pan counts an error"}`,
  ];
  return gaps.filter((gap) => gap !== false);
}
