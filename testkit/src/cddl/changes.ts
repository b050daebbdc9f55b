import { type CborValue, concatBytes, decode, encode, Tagged } from "@sealane/wire";
import type { Cddl } from "./cddl.ts";
import { type Path, type Place, type Step, textOf } from "./match.ts";

/** A message with one thing changed. */
export interface Change {
  readonly what: string;
  readonly value: CborValue;
}

/** A message with one number, size or length at an end of what its rule allows, or one step beyond. */
export interface BoundaryChange extends Change {
  readonly isWithin: boolean;
}

/** No rule allows it anywhere. */
const stranger: CborValue = Number.MIN_SAFE_INTEGER;

/** What is longer is not made: it shows nothing that a shorter one does not. */
const maxMadeBytes = 1 << 20;

/**
 * The changes that every rule must refuse, at every place of a message that matches: another type, an additional element, a missing
 * one, a wrong number, length, text, tag or encoding.
 */
export function* changesOf(cddl: Cddl, value: CborValue, places: readonly Place[]): Generator<Change> {
  for (const place of places) {
    const { path, type } = place;
    for (const [what, part] of changesOfPart(cddl, place, partAt(value, path))) {
      yield { what: `${what} at ${textOf(path)} (${type.text})`, value: changedAt(value, path, part) };
    }
    for (const { isWithin, ...change } of boundaryChangesOf(value, [place])) if (!isWithin) yield change;
  }
}

/** The changes by which a rule's bounds can be compared with those of the code. */
export function* boundaryChangesOf(value: CborValue, places: readonly Place[]): Generator<BoundaryChange> {
  for (const { path, bounds, isPartial, type } of places) {
    if (bounds === null) continue;
    const { min, max } = bounds;
    for (const size of new Set([min - 1, min, max, max + 1])) {
      const isWithin = size >= min && size <= max;
      const part = ofSize(partAt(value, path), size);
      if (part === undefined || (isWithin && (isPartial || min === max))) continue;
      yield { what: `${size} at ${textOf(path)} (${type.text})`, value: changedAt(value, path, part), isWithin };
    }
  }
}

/** A message with the part at one place exchanged. */
export function changedAt(value: CborValue, path: Path, part: CborValue): CborValue {
  const [step, ...others] = path;
  if (step === undefined) return part;
  const changed = changedAt(partOf(value, step), others, part);
  if (step === "tagged") return new Tagged(taggedOf(value).tag, changed);
  if (step === "cbor") return encode(changed);
  if ("item" in step) return listOf(value).map((each, at) => (at === step.item ? changed : each));
  return new Map([...mapOf(value)].map(([key, each]) => [key, key === step.key ? changed : each]));
}

/** The part of a message at one place. */
export function partAt(value: CborValue, path: Path): CborValue {
  return path.reduce<CborValue>(partOf, value);
}

function changesOfPart(cddl: Cddl, { type }: Place, part: CborValue): readonly (readonly [what: string, part: CborValue])[] {
  const always = ["another type", stranger] as const;
  switch (type.kind) {
    case "array": {
      const longer = ["an additional element", [...listOf(part), stranger]] as const;
      const shorter = ["a missing element", listOf(part).slice(0, -1)] as const;
      return cddl.hasFixedLength(type.group) ? [always, longer, shorter] : [always, longer];
    }
    case "map": {
      const longer = ["an additional key", new Map([...mapOf(part), [99, stranger]])] as const;
      const shorter = [...mapOf(part).keys()].map((without) => {
        return [`key ${without} missing`, new Map([...mapOf(part)].filter(([key]) => key !== without))] as const;
      });
      return [always, longer, ...shorter];
    }
    case "literal":
      return typeof part === "string" ? [always, ["another text", `${part}x`]] : [always];
    case "tag":
      return [always, ["another tag", new Tagged(96, taggedOf(part).value)], ["no tag", partOf(part, "tagged")]];
    case "control":
      if (type.operator === ".regexp") return [always, ["another text", `${part}\n`]];
      return type.operator === ".cbor" ? [always, ["a trailing byte", concatBytes(bytesOf(part), Uint8Array.of(0))]] : [always];
    case "choice":
    case "range":
    case "name":
      return [always];
  }
}

/** The same kind of value with a size: a number's value, the bytes of a string, the items of a list. Undefined where that cannot be. */
function ofSize(part: CborValue, size: number): CborValue | undefined {
  if (typeof part === "number") return Number.isSafeInteger(size) ? size : undefined;
  if (size < 0 || size > maxMadeBytes) return undefined;
  if (typeof part === "string") return "a".repeat(size);
  if (part instanceof Uint8Array) return new Uint8Array(size).fill(7);
  const items = listOf(part);
  const filler = items.at(-1);
  return filler === undefined ? undefined : Array.from({ length: size }, (_, at) => items[at] ?? filler);
}

function partOf(value: CborValue, step: Step): CborValue {
  if (step === "tagged") return taggedOf(value).value;
  if (step === "cbor") return decode(bytesOf(value), bytesOf(value).length);
  const part = "item" in step ? listOf(value)[step.item] : mapOf(value).get(step.key);
  if (part === undefined) throw new Error(`there is nothing at ${textOf([step])}`);
  return part;
}

function listOf(value: CborValue): readonly CborValue[] {
  if (!Array.isArray(value)) throw new Error("this is no array");
  return value as readonly CborValue[];
}

function mapOf(value: CborValue): ReadonlyMap<number | string, CborValue> {
  if (!(value instanceof Map)) throw new Error("this is no map");
  return value;
}

function bytesOf(value: CborValue): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error("these are no bytes");
  return value;
}

function taggedOf(value: CborValue): Tagged {
  if (!(value instanceof Tagged)) throw new Error("this has no tag");
  return value;
}
