import { CddlError, type Entry, type Group, type Operator, type Row, type Rule, type Type } from "./syntax.ts";
import { lineOf, type Token, tokensOf } from "./tokens.ts";

/**
 * Reads a CDDL document (RFC 8610, appendix B): rules with generic parameters, choices, ranges, arrays, maps, groups, tags, the
 * control operators of {@link Operator}, and type sockets. Error: CddlError for everything else.
 */
export function parseCddl(document: string): ReadonlyMap<string, Rule> {
  return new Parser(document).rules();
}

class Parser {
  readonly #document: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(document: string) {
    this.#document = document;
    this.#tokens = tokensOf(document);
  }

  rules(): ReadonlyMap<string, Rule> {
    const rules = new Map<string, Rule>();
    while (this.#peek().kind !== "end") {
      const name = this.#expectKind("name");
      const parameters = this.#next("<") ? this.#listed(">", () => this.#expectKind("name")) : [];
      const isSocket = name.startsWith("$") && !name.startsWith("$$");
      if (isSocket ? parameters.length > 0 : name.startsWith("$")) this.#fail(name);
      this.#expect(isSocket ? "/=" : "=");
      const body = this.#isGroup() ? this.#groupInParentheses() : this.#type();
      const before = rules.get(name)?.bodies ?? [];
      if (before.length > 0 && !isSocket) throw new CddlError(`the rule ${name} stands twice`);
      rules.set(name, { name, parameters, bodies: [...before, body] });
    }
    return rules;
  }

  #type(): Type {
    const start = this.#peek().start;
    const alternatives = [this.#controlled()];
    while (this.#next("/")) alternatives.push(this.#controlled());
    const [only, ...others] = alternatives;
    return only !== undefined && others.length === 0 ? only : { kind: "choice", text: this.#since(start), alternatives };
  }

  /** type1 of RFC 8610: a type, a range, or a type with one control operator. */
  #controlled(): Type {
    const start = this.#peek().start;
    const target = this.#single();
    if (this.#next("..")) return { kind: "range", from: target, to: this.#single(), text: this.#since(start) };
    if (this.#peek().kind !== "control") return target;
    const operator = this.#operator();
    return { kind: "control", operator, target, argument: this.#single(), text: this.#since(start) };
  }

  #operator(): Operator {
    const { text } = this.#peek();
    if (text !== ".size" && text !== ".regexp" && text !== ".cbor" && text !== ".and") this.#fail(text);
    this.#at++;
    return text;
  }

  /** type2 of RFC 8610. */
  #single(): Type {
    const { kind, text, start } = this.#take();
    if (kind === "number" || kind === "text") return { kind: "literal", value: literalOf(text), text };
    if (kind === "name") {
      const args = this.#next("<") ? this.#listed(">", () => this.#controlled()) : [];
      return { kind: "name", name: text, args, text: this.#since(start) };
    }
    if (kind === "tag") {
      this.#expect("(");
      const content = this.#type();
      this.#expect(")");
      return { kind: "tag", tag: Number(text.slice("#6.".length)), content, text: this.#since(start) };
    }
    if (text === "(") {
      const type = this.#type();
      this.#expect(")");
      return type;
    }
    if (text === "[") return { kind: "array", group: this.#group("]"), text: this.#since(start) };
    if (text === "{") return { kind: "map", group: this.#group("}"), text: this.#since(start) };
    return this.#fail(text);
  }

  #groupInParentheses(): Group {
    this.#expect("(");
    return this.#group(")");
  }

  #group(close: string): Group {
    const { start } = this.#peek();
    const alternatives = [this.#row(close)];
    while (this.#next("//")) alternatives.push(this.#row(close));
    const text = this.#since(start);
    this.#expect(close);
    return { kind: "group", text, alternatives };
  }

  #row(close: string): Row {
    const { start } = this.#peek();
    const entries: Entry[] = [];
    while (this.#peek().text !== close && this.#peek().text !== "//") {
      entries.push(this.#entry());
      if (!this.#next(",")) break;
    }
    return { text: this.#since(start), entries };
  }

  #entry(): Entry {
    const occurrence = this.#occurrence();
    const isKey = this.#peek(1).text === ":";
    if (!isKey) return { ...occurrence, key: null, type: this.#type() };
    const { kind, text } = this.#take();
    if (kind !== "name" && kind !== "number" && kind !== "text") this.#fail(text);
    this.#expect(":");
    return { ...occurrence, key: kind === "name" ? text : literalOf(text), type: this.#type() };
  }

  /** `?` or `min*max`, whose numbers stand close to the sign: `* 5` is any number of fives. */
  #occurrence(): Pick<Entry, "min" | "max"> {
    if (this.#next("?")) return { min: 0, max: 1 };
    const min = this.#peek(1).text === "*" ? this.#numberBeside(this.#peek(1).start) : null;
    const { end } = this.#peek();
    if (!this.#next("*")) return { min: 1, max: 1 };
    return { min: min ?? 0, max: this.#numberBeside(end) ?? Number.POSITIVE_INFINITY };
  }

  /** Takes a number that begins or ends at this offset. */
  #numberBeside(offset: number): number | null {
    const { kind, start, end } = this.#peek();
    return kind === "number" && (start === offset || end === offset) ? Number(this.#take().text) : null;
  }

  /** Whether what stands here in parentheses is a group and not a type. */
  #isGroup(): boolean {
    if (this.#peek().text !== "(") return false;
    for (let at = this.#at + 1, depth = 1; depth > 0 && at < this.#tokens.length; at++) {
      const { kind, text } = this.#tokens[at] ?? this.#peek();
      if (kind !== "sign") continue;
      if ("([{<".includes(text)) depth++;
      else if (")]}>".includes(text)) depth--;
      else if (depth === 1 && [",", ":", "//", "*", "?"].includes(text)) return true;
    }
    return false;
  }

  #listed<T>(close: string, one: () => T): readonly T[] {
    const all = [one()];
    while (this.#next(",")) all.push(one());
    this.#expect(close);
    return all;
  }

  #peek(ahead = 0): Token {
    const token = this.#tokens[this.#at + ahead] ?? this.#tokens.at(-1);
    if (token === undefined) throw new CddlError("the document has no tokens");
    return token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #next(sign: string): boolean {
    const isNext = this.#peek().kind === "sign" && this.#peek().text === sign;
    if (isNext) this.#at++;
    return isNext;
  }

  #expect(sign: string): void {
    if (!this.#next(sign)) this.#fail(this.#peek().text);
  }

  #expectKind(kind: Token["kind"]): string {
    if (this.#peek().kind !== kind) this.#fail(this.#peek().text);
    return this.#take().text;
  }

  /** What was read since then, on one line. */
  #since(start: number): string {
    const end = this.#tokens[this.#at - 1]?.end ?? start;
    return this.#document.slice(start, Math.max(start, end)).replaceAll(/\s*(?:;[^\n]*)?\n\s*/g, " ");
  }

  #fail(what: string): never {
    throw new CddlError(`line ${lineOf(this.#document, this.#peek().start)}: "${what}" is not expected here, or not supported`);
  }
}

function literalOf(text: string): number | string {
  return text.startsWith('"') ? text.slice(1, -1) : Number(text);
}
