import { type CborValue, decode, Tagged } from "@sealane/wire";
import { type Bounds, boundsOf, groupOf, type Rules, rangeOf, ruleOf, type Scope, scopeOf, sizeOf } from "./resolve.ts";
import { CddlError, type Entry, type Group, type Row, type Rule, type Type } from "./syntax.ts";

/** One step into a value: an array's item, a map's value, what a tag or a byte string holds. */
export type Step = { readonly item: number } | { readonly key: number | string } | "tagged" | "cbor";

/** Where a part of a value stands. */
export type Path = readonly Step[];

/** A part of a value and the type that it was found to be of. */
export interface Place {
  readonly path: Path;
  readonly type: Type;
  /** Of numbers for a range, of bytes for `.size`, of items for an array. */
  readonly bounds: Bounds | null;
  /** Another type holds for the same part too (`.and`). */
  readonly isPartial: boolean;
}

/** What was used of the document to match a value, or why nothing did. */
export type Outcome =
  | { readonly matches: true; readonly places: readonly Place[]; readonly used: ReadonlySet<Type | Group | Row> }
  | { readonly matches: false; readonly reason: string };

/** Compares a value with a rule without parameters. Error: CddlError where the document makes no sense, such as a number of bytes in text. */
export function matchValue(rules: Rules, rule: Rule, value: CborValue): Outcome {
  const matching = new Matching(rules);
  const matches = matching.rule(rule, value, { path: [], scope: new Map(), isPartial: false });
  if (!matches) return { matches, reason: matching.reason };
  return { matches, places: matching.trail.filter((each) => "path" in each), used: new Set(matching.trail.map(usedOf)) };
}

/** The types of the prelude (RFC 8610, appendix D) that are supported. */
export const prelude: ReadonlyMap<string, (value: CborValue) => boolean> = new Map<string, (value: CborValue) => boolean>([
  ["bstr", (value) => value instanceof Uint8Array],
  ["tstr", (value) => typeof value === "string"],
  ["null", (value) => value === null],
  ["true", (value) => value === true],
  ["false", (value) => value === false],
]);

interface Where {
  readonly path: Path;
  readonly scope: Scope;
  readonly isPartial: boolean;
}

/** What became of a row of entries behind the items so far; the rest of the array is tried with it. */
type Then = (from: number) => boolean;

class Matching {
  /** What matched, in the order in which it did; cut back where an alternative fails. */
  readonly trail: (Place | Group | Row)[] = [];
  readonly #rules: Rules;
  #deepest = { depth: -1, reason: "" };

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  get reason(): string {
    return this.#deepest.reason;
  }

  rule({ name, bodies }: Rule, value: CborValue, where: Where): boolean {
    return bodies.some((body) => {
      if (body.kind === "group") throw new CddlError(`the group ${name} stands for a type`);
      return this.type(body, value, where);
    });
  }

  type(type: Type, value: CborValue, where: Where): boolean {
    const { path, isPartial } = where;
    const matched = this.#trying(() => {
      if (!this.#holds(type, value, where)) return false;
      this.trail.push({ path, type, bounds: boundsOf(this.#rules, type, where.scope), isPartial });
      return true;
    });
    if (!matched && path.length >= this.#deepest.depth) {
      this.#deepest = { depth: path.length, reason: `at ${textOf(path)}: no ${type.text}` };
    }
    return matched;
  }

  #holds(type: Type, value: CborValue, where: Where): boolean {
    switch (type.kind) {
      case "choice":
        return type.alternatives.some((alternative) => this.type(alternative, value, where));
      case "literal":
        return value === type.value;
      case "range": {
        const { min, max } = rangeOf(this.#rules, type, where.scope);
        return typeof value === "number" && value >= min && value <= max;
      }
      case "name":
        return this.#holdsName(type, value, where);
      case "array":
        return Array.isArray(value) && this.#holdsArray(type.group, value as readonly CborValue[], where);
      case "map":
        return value instanceof Map && this.#holdsMap(type.group, value as ReadonlyMap<unknown, CborValue>, where);
      case "tag":
        return value instanceof Tagged && value.tag === type.tag && this.type(type.content, value.value, inside(where, "tagged"));
      case "control":
        return this.#holdsControl(type, value, where);
    }
  }

  #holdsName(type: Extract<Type, { kind: "name" }>, value: CborValue, where: Where): boolean {
    const bound = where.scope.get(type.name);
    if (bound !== undefined) return this.type(bound.type, value, { ...where, scope: bound.scope });
    const basic = prelude.get(type.name);
    if (basic !== undefined) return basic(value);
    const rule = ruleOf(this.#rules, type.name);
    return this.rule(rule, value, { ...where, scope: scopeOf(rule, type.args, where.scope) });
  }

  #holdsControl(type: Extract<Type, { kind: "control" }>, value: CborValue, where: Where): boolean {
    const { operator, target, argument } = type;
    const isPartial = where.isPartial || operator === ".and";
    if (!this.type(target, value, { ...where, isPartial })) return false;
    switch (operator) {
      case ".and":
        return this.type(argument, value, { ...where, isPartial });
      case ".size": {
        const { min, max } = sizeOf(this.#rules, argument, where.scope);
        const bytes = lengthOf(value, type.text);
        return bytes >= min && bytes <= max;
      }
      case ".regexp":
        if (argument.kind !== "literal" || typeof value !== "string") throw new CddlError(`${type.text} is no pattern of text`);
        return new RegExp(`^(?:${argument.value})$`, "u").test(value);
      case ".cbor": {
        const inner = value instanceof Uint8Array ? decoded(value) : undefined;
        return inner !== undefined && this.type(argument, inner, inside(where, "cbor"));
      }
    }
  }

  #holdsArray(group: Group, items: readonly CborValue[], where: Where): boolean {
    return this.#group(group, { items, where }, 0, (from) => from === items.length);
  }

  #group(group: Group, array: ArrayPart, from: number, then: Then): boolean {
    this.trail.push(group);
    return group.alternatives.some((row) =>
      this.#trying(() => {
        this.trail.push(row);
        return this.#row(row.entries, array, from, then);
      }),
    );
  }

  /** Matches the entries in their order, each as often as it can be, and with fewer where what is behind it fails. */
  #row(entries: readonly Entry[], array: ArrayPart, from: number, then: Then): boolean {
    const [entry, ...others] = entries;
    if (entry === undefined) return then(from);
    const repeat = (count: number, at: number): boolean => {
      const again = count < entry.max && this.#trying(() => this.#one(entry, array, at, (next) => next > at && repeat(count + 1, next)));
      return again || (count >= entry.min && this.#row(others, array, at, then));
    };
    return repeat(0, from);
  }

  #one(entry: Entry, array: ArrayPart, from: number, then: Then): boolean {
    const { items, where } = array;
    const group = groupOf(this.#rules, entry.type);
    if (group !== null) return this.#group(group, { items, where: { ...where, scope: new Map() } }, from, then);
    const item = items[from];
    return item !== undefined && this.type(entry.type, item, inside(where, { item: from })) && then(from + 1);
  }

  #holdsMap(group: Group, map: ReadonlyMap<unknown, CborValue>, where: Where): boolean {
    this.trail.push(group);
    return group.alternatives.some((row) =>
      this.#trying(() => {
        this.trail.push(row);
        const known = row.entries.map(({ key }) => key);
        const isComplete = row.entries.every(({ key, min, max, type }) => {
          if (key === null || max !== 1) throw new CddlError(`{ ${row.text} } has an entry that is no key with a value`);
          const value = map.get(key);
          return value === undefined ? min === 0 : this.type(type, value, inside(where, { key }));
        });
        return isComplete && [...map.keys()].every((key) => known.some((each) => each === key));
      }),
    );
  }

  /** Runs an attempt; what it left on the trail goes when it fails. */
  #trying(attempt: () => boolean): boolean {
    const mark = this.trail.length;
    if (attempt()) return true;
    this.trail.length = mark;
    return false;
  }
}

interface ArrayPart {
  readonly items: readonly CborValue[];
  readonly where: Where;
}

/** The path as a person reads it. */
export function textOf(path: Path): string {
  const steps = path.map((step) => (typeof step === "string" ? step : "item" in step ? `[${step.item}]` : `{${step.key}}`));
  return steps.length === 0 ? "the top" : steps.join(" ");
}

function inside(where: Where, step: Step): Where {
  return { path: [...where.path, step], scope: where.scope, isPartial: false };
}

function usedOf(each: Place | Group | Row): Type | Group | Row {
  return "path" in each ? each.type : each;
}

function lengthOf(value: CborValue, what: string): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  throw new CddlError(`${what} is no size of bytes or text`);
}

function decoded(bytes: Uint8Array): CborValue | undefined {
  try {
    return decode(bytes, bytes.length);
  } catch {
    return undefined;
  }
}
