import { malformed } from "./errors.ts";
import { maxOidBytes } from "./limits.ts";

/** Tags of ITU-T X.690 that certificates are made of. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * Reads the elements of one constructed DER value in order (ITU-T X.690, section 10), without recursion.
 *
 * Accepts definite lengths in their shortest form and tags of one byte only. Every method throws PKI_CERTIFICATE_MALFORMED with
 * `field` as detail; slices share memory with the input.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #field: string;
  #at = 0;

  constructor(bytes: Uint8Array, field: string) {
    this.#bytes = bytes;
    this.#field = field;
  }

  /** Whether all elements were read. */
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Whether an element with this tag comes next. */
  nextIs(tag: number): boolean {
    return this.#bytes[this.#at] === tag;
  }

  /** The content of the next element, whatever its tag. */
  any(): { readonly tag: number; readonly content: Uint8Array } {
    const { tag, contentAt, end } = this.#header();
    this.#at = end;
    return { tag, content: this.#bytes.subarray(contentAt, end) };
  }

  /** The content of the next element, which must have this tag. */
  content(tag: number): Uint8Array {
    if (!this.nextIs(tag)) throw this.#wrong();
    return this.any().content;
  }

  /** The next element with its tag and length, which must have this tag. */
  whole(tag: number): Uint8Array {
    const start = this.#at;
    this.content(tag);
    return this.#bytes.subarray(start, this.#at);
  }

  /** A reader of the elements inside the next one. */
  open(tag: number, field: string): DerReader {
    return new DerReader(this.content(tag), field);
  }

  /** Refuses anything behind the last expected element. */
  end(): void {
    if (!this.done) throw this.#wrong();
  }

  /** A BOOLEAN: 00 or FF. */
  boolean(): boolean {
    const content = this.content(derTag.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw this.#wrong();
    return content[0] === 0xff;
  }

  /** An INTEGER in its shortest form, as bytes in two's complement. */
  integer(): Uint8Array {
    const content = this.content(derTag.integer);
    const [first, second] = content;
    if (first === undefined) throw this.#wrong();
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) throw this.#wrong();
    return content;
  }

  /** An INTEGER of 0 to 127. */
  smallInteger(): number {
    const [value, ...more] = this.integer();
    if (value === undefined || value > 127 || more.length > 0) throw this.#wrong();
    return value;
  }

  /** An OBJECT IDENTIFIER, dotted. */
  oid(): string {
    const content = this.content(derTag.oid);
    if (content.length === 0 || content.length > maxOidBytes) throw this.#wrong();
    const arcs: bigint[] = [];
    let arc = 0n;
    let inside = false;
    for (const byte of content) {
      if (!inside && byte === 0x80) throw this.#wrong(); // a leading zero digit
      arc = (arc << 7n) | BigInt(byte & 0x7f);
      inside = byte >= 0x80;
      if (inside) continue;
      arcs.push(arc);
      arc = 0n;
    }
    if (inside) throw this.#wrong();
    const [joint = 0n, ...rest] = arcs;
    const top = joint < 40n ? 0n : joint < 80n ? 1n : 2n;
    return [top, joint - top * 40n, ...rest].join(".");
  }

  /** A BIT STRING of whole bytes. */
  bitStringBytes(): Uint8Array {
    const content = this.content(derTag.bitString);
    if (content[0] !== 0) throw this.#wrong();
    return content.subarray(1);
  }

  /** The numbers of the bits that are set in a named bit list, whose last bit is always set (X.690, section 11.2.2). */
  namedBits(): number[] {
    const [unused, ...bytes] = this.content(derTag.bitString);
    const last = bytes.at(-1);
    if (unused === undefined || unused > 7 || last === undefined || last === 0) throw this.#wrong();
    if (31 - Math.clz32(last & -last) !== unused) throw this.#wrong();
    return bytes.flatMap((byte, i) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (0x80 >> bit)) !== 0).map((bit) => i * 8 + bit));
  }

  #header(): { readonly tag: number; readonly contentAt: number; readonly end: number } {
    const tag = this.#bytes[this.#at];
    const first = this.#bytes[this.#at + 1];
    if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw this.#wrong();
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (first >= 0x80 && (lengthBytes === 0 || lengthBytes > 2)) throw this.#wrong(); // indefinite, or beyond every size bound
    let length = lengthBytes === 0 ? first : 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (this.#bytes[this.#at + 2 + i] ?? 0);
    if (lengthBytes > 0 && length < (lengthBytes === 1 ? 0x80 : 0x100)) throw this.#wrong();
    const contentAt = this.#at + 2 + lengthBytes;
    const end = contentAt + length;
    if (end > this.#bytes.length) throw this.#wrong();
    return { tag, contentAt, end };
  }

  #wrong(): Error {
    return malformed(this.#field);
  }
}
