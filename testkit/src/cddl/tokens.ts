import { CddlError } from "./syntax.ts";

export interface Token {
  readonly kind: "name" | "number" | "text" | "control" | "tag" | "sign" | "end";
  readonly text: string;
  /** Offsets in the document. */
  readonly start: number;
  readonly end: number;
}

const blank = /(?:\s|;[^\n]*)*/y;

/** Longer signs first; what is not here is not supported: floats, `...`, `=>`, `//=`, `+`, `&`, `~`, `^`, other tags, escapes in text. */
const patterns: readonly (readonly [Exclude<Token["kind"], "end">, RegExp])[] = [
  ["number", /-?(?:0|[1-9][0-9]*)(?![0-9A-Za-z_]|\.[0-9])/y],
  ["text", /"[^"\\\n]*"/y],
  ["control", /\.[a-z]+/y],
  ["tag", /#6\.[0-9]+(?=\()/y],
  ["name", /[A-Za-z_@$](?:[-.]*[0-9A-Za-z_@$])*/y],
  ["sign", /\/\/(?!=)|\/=|\.\.(?!\.)|=(?!>)|[/()[\]{}<>,:*?]/y],
];

/** The tokens of a CDDL document, with one of kind `end` behind them. Error: CddlError with the line. */
export function tokensOf(document: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = skip(document, 0); at < document.length; at = skip(document, tokens.at(-1)?.end ?? at)) {
    const token = tokenAt(document, at);
    if (token === null) throw new CddlError(`line ${lineOf(document, at)}: "${document.slice(at, at + 12)}" is not supported`);
    tokens.push(token);
  }
  return [...tokens, { kind: "end", text: "the end", start: document.length, end: document.length }];
}

export function lineOf(document: string, at: number): number {
  return document.slice(0, at).split("\n").length;
}

function tokenAt(document: string, at: number): Token | null {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const text = pattern.exec(document)?.[0];
    if (text !== undefined) return { kind, text, start: at, end: at + text.length };
  }
  return null;
}

function skip(document: string, at: number): number {
  blank.lastIndex = at;
  return at + (blank.exec(document)?.[0].length ?? 0);
}
