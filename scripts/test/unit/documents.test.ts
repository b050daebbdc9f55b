import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { test } from "node:test";
import { root } from "../../workspaces.ts";

const documents = globSync(["*.md", "docs/**/*.md", "apps/*/*.md", "packages/*/*.md", "models/*.md"], { cwd: root });

test("every link of a document to a file or a heading of this repository leads there", () => {
  assert.ok(documents.includes("README.md") && documents.length > 20);
  const dead = documents.flatMap((document) =>
    linksOf(document)
      .filter((link) => !leads(document, link))
      .map((link) => `${document}: ${link}`),
  );
  assert.deepEqual(dead, []);
});

test("the README names a guide for each of its readers", () => {
  const named = linksOf("README.md");
  const guides = globSync("docs/guides/*.md", { cwd: root });
  assert.deepEqual(
    guides.filter((guide) => !named.includes(guide.replaceAll("\\", "/"))),
    [],
  );
});

function linksOf(document: string): string[] {
  const text = readFileSync(resolve(root, document), "utf8").replaceAll(/^```.*?^```/gms, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => (/^[a-z]+:/.test(link) ? [] : [link]));
}

function leads(document: string, link: string): boolean {
  const [file = "", heading] = link.split("#");
  const path = file === "" ? resolve(root, document) : resolve(root, dirname(document), file);
  if (!existsSync(path)) return false;
  return heading === undefined || anchorsOf(readFileSync(path, "utf8")).has(heading);
}

/** The anchors that GitHub gives to headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
