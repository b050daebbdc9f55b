import type { CborValue } from "@sealane/wire";
import { matchValue, type Outcome, prelude } from "./match.ts";
import { parseCddl } from "./parse.ts";
import { groupOf, type Rules } from "./resolve.ts";
import { CddlError, type Group, type Row, type Rule, type Type } from "./syntax.ts";

/** A part of a document that a value can use: a rule, or one alternative of a choice. */
export interface Part {
  readonly label: string;
  readonly node: Type | Group | Row;
}

/** A CDDL document whose every name leads somewhere. */
export class Cddl {
  readonly #rules: Rules;
  /** Every rule and every alternative, in the order of the document. */
  readonly parts: readonly Part[];

  /** Error: CddlError for what is not supported, not defined, or given the wrong number of arguments. */
  constructor(document: string) {
    this.#rules = parseCddl(document);
    for (const rule of this.#rules.values()) for (const body of rule.bodies) this.#requireNames(rule, body);
    this.parts = [...this.#rules.values()].flatMap((rule) => rule.bodies.flatMap((body) => partsOf(rule.name, body)));
  }

  /** Compares a value with a rule. Error: CddlError when there is no such rule. */
  match(name: string, value: CborValue): Outcome {
    const rule = this.#rules.get(name);
    if (rule === undefined || rule.parameters.length > 0) throw new CddlError(`there is no rule ${name} that stands by itself`);
    return matchValue(this.#rules, rule, value);
  }

  /** Whether an array has one length: nothing in it may be missing or repeated. */
  hasFixedLength(group: Group): boolean {
    return group.alternatives.every((row) =>
      row.entries.every(({ min, max, type }) => {
        const inner = groupOf(this.#rules, type);
        return min === 1 && max === 1 && (inner === null || this.hasFixedLength(inner));
      }),
    );
  }

  /** What takes values of any size: bytes or text without a control operator, lists without an end. */
  get unbounded(): readonly string[] {
    return [...this.#rules.values()].flatMap((rule) =>
      rule.bodies.flatMap((body) => unboundedIn(body).map((text) => `${rule.name}: ${text}`)),
    );
  }

  #requireNames(rule: Rule, node: Type | Group): void {
    const hidden = rule.parameters.find((parameter) => this.#rules.get(parameter)?.bodies.some(({ kind }) => kind === "group"));
    if (hidden !== undefined) throw new CddlError(`a parameter of ${rule.name} hides the group ${hidden}`);
    if (node.kind !== "group" && node.kind !== "name") {
      for (const child of childrenOf(node)) this.#requireNames(rule, child);
      return;
    }
    if (node.kind === "group") {
      for (const { type } of node.alternatives.flatMap(({ entries }) => entries)) this.#requireNames(rule, type);
      return;
    }
    for (const argument of node.args) this.#requireNames(rule, argument);
    const isParameter = rule.parameters.includes(node.name);
    const parameters = isParameter || prelude.has(node.name) ? [] : this.#rules.get(node.name)?.parameters;
    if (parameters === undefined) throw new CddlError(`${rule.name} names ${node.name}, which is not defined`);
    if (parameters.length !== node.args.length) throw new CddlError(`${rule.name} gives ${node.name} ${node.args.length} arguments`);
  }
}

function partsOf(rule: string, node: Type | Group): readonly Part[] {
  const own: Part = { label: `${rule}: ${node.text}`, node };
  return [own, ...alternativesIn(rule, node)];
}

function alternativesIn(rule: string, node: Type | Group): readonly Part[] {
  const deeper = childrenOf(node).flatMap((child) => alternativesIn(rule, child));
  const alternatives = node.kind === "choice" || node.kind === "group" ? node.alternatives : [];
  const parted = alternatives.length < 2 ? [] : alternatives.map((each): Part => ({ label: `${rule}: ${each.text}`, node: each }));
  return [...parted, ...deeper];
}

function unboundedIn(node: Type | Group): readonly string[] {
  if (node.kind === "name" && (node.name === "bstr" || node.name === "tstr")) return [node.text];
  const isEndless =
    node.kind === "group" && node.alternatives.some(({ entries }) => entries.some(({ max }) => max === Number.POSITIVE_INFINITY));
  const children = node.kind === "control" && node.operator !== ".and" ? [node.argument] : childrenOf(node);
  return [...(isEndless ? [node.text] : []), ...children.flatMap(unboundedIn)];
}

function childrenOf(node: Type | Group): readonly (Type | Group)[] {
  switch (node.kind) {
    case "choice":
      return node.alternatives;
    case "group":
      return node.alternatives.flatMap(({ entries }) => entries.map(({ type }) => type));
    case "array":
    case "map":
      return [node.group];
    case "tag":
      return [node.content];
    case "control":
      return [node.target, node.argument];
    case "range":
      return [node.from, node.to];
    case "name":
      return node.args;
    case "literal":
      return [];
  }
}
