/** A message that the code made, and the rule of docs/sealane.cddl that it must be of. */
export interface Sample {
  readonly rule: string;
  readonly bytes: Uint8Array;
  /** The code's own reading of it, where the code checks all bounds of the rule and not only when it opens or verifies something. */
  readonly read?: (bytes: Uint8Array) => unknown;
}

/** Collects samples; gives back the bytes, so that it can stand around what makes them. */
export class Samples {
  readonly #all = new Map<string, Sample>();

  /** Every sample once, in the order in which they came. */
  get all(): readonly Sample[] {
    return [...this.#all.values()];
  }

  /** Sees what is sent by itself, or is a file or its beginning. */
  seeSent(rule: string, bytes: Uint8Array, read?: (bytes: Uint8Array) => unknown): Uint8Array {
    this.see("sealane", bytes);
    return this.see(rule, bytes, read);
  }

  see(rule: string, bytes: Uint8Array, read?: (bytes: Uint8Array) => unknown): Uint8Array {
    const copy = Uint8Array.from(bytes); // secrets are wiped after use
    this.#all.set(`${rule} ${copy.toHex()}`, { rule, bytes: copy, ...(read === undefined ? {} : { read }) });
    return bytes;
  }
}
