/** What a Sealane structure is made of. Integers are safe integers; there are no floats and no undefined. */
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | Tagged;

/** A map with integer or text keys, as COSE headers have them. */
export type CborMap = ReadonlyMap<number | string, CborValue>;

/** A value behind a tag, which says what it is. */
export class Tagged {
  readonly tag: number;
  readonly value: CborValue;

  constructor(tag: number, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}
