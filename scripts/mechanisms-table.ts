/**
 * `npm run mechanisms`: puts the table of mechanisms into docs/protocol.md, between its two marks. What `sealane
 * mechanisms` prints comes from the same list.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { mechanisms } from "@sealane/link";
import { root } from "./workspaces.ts";

/** The documents that show the table. */
export const documentsWithTable: readonly string[] = ["docs/protocol.md"];

const begin = "<!-- mechanisms: made by `npm run mechanisms`, do not edit -->";
const end = "<!-- /mechanisms -->";

/** A document with the present table between its marks. Throws when it has none. */
export function withMechanisms(text: string): string {
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`the document lacks ${begin} or ${end}`);
  return `${before}${begin}\n\n${mechanismsTable()}\n\n${end}${after}`;
}

function mechanismsTable(): string {
  const heading = ["mechanism", "equations", "begun by", "messages", "grade", "who has no name", "broadcast", "forward secret"];
  const rows = Object.values(mechanisms).map((each) => [
    `\`${each.name}\``,
    [...new Set(Object.values(each.equations))].join(", "),
    Object.keys(each.equations).join(", "),
    each.messages,
    each.grade,
    each.anonymous === "no" ? "" : each.anonymous,
    each.broadcast ? "yes" : "",
    { no: "", yes: "yes", originator: "of the originator" }[each.forwardSecret],
  ]);
  return [heading, heading.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

if (import.meta.main) {
  for (const document of documentsWithTable) {
    const path = resolve(root, document);
    writeFileSync(path, withMechanisms(readFileSync(path, "utf8")));
  }
}
