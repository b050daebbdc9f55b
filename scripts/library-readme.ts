/**
 * The README of the library shows its examples: `npm run library-readme` puts the files of `examples` into it.
 *
 * A line `<!-- example NAME -->` is followed by a block with that file's text.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { libraryFolder } from "./library.ts";
import { root } from "./workspaces.ts";

const path = resolve(root, libraryFolder, "README.md");
const place = /^<!-- example ([\w-]+\.ts) -->\n(?:\n```ts\n.*?\n```\n)?/gms;

/** A README with the examples' present texts in it, and their names. */
export function withExamples(readme: string): { readonly text: string; readonly names: readonly string[] } {
  const names: string[] = [];
  const text = readme.replace(place, (_, name: string) => {
    names.push(name);
    const example = readFileSync(resolve(root, "examples", name), "utf8");
    return `<!-- example ${name} -->\n\n\`\`\`ts\n${example}\`\`\`\n`;
  });
  return { text, names };
}

if (import.meta.main) writeFileSync(path, withExamples(readFileSync(path, "utf8")).text);
