/** The part of CDDL (RFC 8610) that docs/sealane.cddl is written in, as the parser gives it. `text` is how it stands in the document. */

/** What a value is compared with. */
export type Type =
  | { readonly kind: "choice"; readonly text: string; readonly alternatives: readonly Type[] }
  | { readonly kind: "literal"; readonly text: string; readonly value: number | string }
  | { readonly kind: "range"; readonly text: string; readonly from: Type; readonly to: Type }
  | { readonly kind: "name"; readonly text: string; readonly name: string; readonly args: readonly Type[] }
  | { readonly kind: "array"; readonly text: string; readonly group: Group }
  | { readonly kind: "map"; readonly text: string; readonly group: Group }
  | { readonly kind: "tag"; readonly text: string; readonly tag: number; readonly content: Type }
  | { readonly kind: "control"; readonly text: string; readonly operator: Operator; readonly target: Type; readonly argument: Type };

/** Control operators (RFC 8610, section 3.8). */
export type Operator = ".size" | ".regexp" | ".cbor" | ".and";

/** What stands between brackets: alternatives parted by `//`, each a row of entries. */
export interface Group {
  readonly kind: "group";
  readonly text: string;
  readonly alternatives: readonly Row[];
}

export interface Row {
  readonly text: string;
  readonly entries: readonly Entry[];
}

/** `min*max key: type`; in an array the key is a comment, in a map it is the key. */
export interface Entry {
  readonly min: number;
  readonly max: number;
  readonly key: number | string | null;
  readonly type: Type;
}

/** `name<parameters> = body`; a name with `$` collects a body of its own with every `/=`. */
export interface Rule {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly bodies: readonly (Type | Group)[];
}

/** The document is not in this part of CDDL, or contradicts itself. */
export class CddlError extends Error {
  override readonly name = "CddlError";
}
