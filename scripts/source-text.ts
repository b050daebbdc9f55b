/** Source of a pattern for a string or a template, its inside in one group for each kind of quote. */
const literal = /"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'|`((?:\\.|[^`\\])*)`/.source;
const comment = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/.source;

// A regular expression that holds a lone quote or `//` can mislead these patterns for a line; a backtick, for longer.
const literalOrComment = new RegExp(`(${literal})|${comment}`, "g");

/** The text of a TypeScript file without its comments and without what stands in its strings and templates. */
export function codeOnly(text: string): string {
  return text.replace(literalOrComment, (_, string: string | undefined) => (string === undefined ? " " : '""'));
}

/** A literal that follows something looked for: its inside and whether it is a template. */
export interface Found {
  readonly text: string;
  readonly template: boolean;
}

/** The literals that directly follow `before` in a TypeScript file, outside its comments and other literals. */
export function literalsAfter(before: RegExp, text: string): Found[] {
  const code = text.replace(literalOrComment, (_, string: string | undefined) => string ?? " ");
  // The second branch takes the other literals whole, so that nothing inside them is looked at.
  const pattern = new RegExp(`(?<found>${before.source})(?:${literal})|${literal}`, "g");
  return [...code.matchAll(pattern)].flatMap((match) => {
    if (match.groups?.["found"] === undefined) return [];
    const [double, single, template] = match.slice(2, 5);
    return [{ text: double ?? single ?? template ?? "", template: template !== undefined }];
  });
}

/** What a file imports, types included: every specifier of `import`, `export ... from` and `import("...")`. */
export function importsOf(text: string): string[] {
  return literalsAfter(/\b(?:import|export)\b[^;"'`]*?\bfrom\s*|\bimport\s*\(?\s*/, text).map((found) => found.text);
}

/** `@scope/name` or `name` of a specifier such as `@scope/name/sub/path`. */
export function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
