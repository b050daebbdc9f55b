import { CddlError, type Entry, type Group, type Rule, type Type } from "./syntax.ts";

/** What names and parameters of a document stand for. */

export type Rules = ReadonlyMap<string, Rule>;

/** What generic parameters stand for: types, with the parameters that these themselves may name. */
export type Scope = ReadonlyMap<string, { readonly type: Type; readonly scope: Scope }>;

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** The rule of a name. Error: CddlError when there is none. */
export function ruleOf(rules: Rules, name: string): Rule {
  const rule = rules.get(name);
  if (rule === undefined) throw new CddlError(`${name} is not defined`);
  return rule;
}

/** What a rule's parameters stand for where it is named with these arguments. */
export function scopeOf({ parameters }: Rule, args: readonly Type[], scope: Scope): Scope {
  return new Map(
    parameters.flatMap((parameter, at) => {
      const type = args[at];
      return type === undefined ? [] : [[parameter, { type, scope }]];
    }),
  );
}

/** The group that a name stands for; null for a type. */
export function groupOf(rules: Rules, type: Type): Group | null {
  const body = type.kind === "name" ? rules.get(type.name)?.bodies[0] : undefined;
  return body?.kind === "group" ? body : null;
}

/** Of numbers for a range, of bytes for `.size`, of items for a list; null for another type. */
export function boundsOf(rules: Rules, type: Type, scope: Scope): Bounds | null {
  if (type.kind === "range") return rangeOf(rules, type, scope);
  if (type.kind === "control" && type.operator === ".size") return sizeOf(rules, type.argument, scope);
  const entry = type.kind === "array" ? onlyEntryOf(type.group) : null;
  return entry !== null && groupOf(rules, entry.type) === null ? { min: entry.min, max: entry.max } : null;
}

/** What the argument of `.size` allows. Error: CddlError when it is no number or range. */
export function sizeOf(rules: Rules, argument: Type, scope: Scope): Bounds {
  if (argument.kind === "range") return rangeOf(rules, argument, scope);
  const bytes = numberOf(rules, argument, scope);
  return { min: bytes, max: bytes };
}

/** The ends of a range. Error: CddlError when they are no numbers. */
export function rangeOf(rules: Rules, { from, to }: Extract<Type, { kind: "range" }>, scope: Scope): Bounds {
  return { min: numberOf(rules, from, scope), max: numberOf(rules, to, scope) };
}

/** The number that a literal, a parameter or a rule is. */
function numberOf(rules: Rules, type: Type, scope: Scope): number {
  if (type.kind === "literal" && typeof type.value === "number") return type.value;
  if (type.kind !== "name") throw new CddlError(`${type.text} is no number`);
  const bound = scope.get(type.name);
  if (bound !== undefined) return numberOf(rules, bound.type, bound.scope);
  const rule = ruleOf(rules, type.name);
  const [body] = rule.bodies;
  if (body === undefined || body.kind === "group") throw new CddlError(`${type.text} is no number`);
  return numberOf(rules, body, scopeOf(rule, type.args, scope));
}

/** The entry of an array that holds nothing else and is a list. */
function onlyEntryOf(group: Group): Entry | null {
  const [row, ...others] = group.alternatives;
  const [entry, ...more] = row?.entries ?? [];
  return others.length === 0 && more.length === 0 && entry !== undefined && entry.max !== 1 ? entry : null;
}
