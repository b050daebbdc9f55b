/**
 * What a screen may obey in place of showing it: control characters (C0 but for tab and line feed, DEL, C1: U+009B begins an escape
 * sequence in many terminals) and those that change the direction of text around them (Unicode Standard Annex 9).
 */
const obeyed = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Makes text fit to be printed, whoever wrote it: a character that a screen may obey becomes its escape, `\u009b`. Line feeds and tabs
 * stay. JSON stays the same JSON, because these characters stand in its strings only, where the escape means the same.
 */
export function safeText(text: string): string {
  return text.replace(obeyed, (found) => (found === "\n" || found === "\t" ? found : escapeOf(found)));
}

/** The same for what has to stay on one line: a line feed could begin a line that looks like ours. */
export function safeLine(text: string): string {
  return text.replace(obeyed, escapeOf);
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
