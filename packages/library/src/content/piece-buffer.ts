/** Collects the bytes of chunks of any size into pieces of one size or another, in one buffer that is filled again. */
export class PieceBuffer {
  readonly #buffer: Uint8Array;
  #filled = 0;

  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity);
  }

  /** Bytes that are held and not yet taken. */
  get held(): Uint8Array {
    return this.#buffer.subarray(0, this.#filled);
  }

  /** Takes bytes from `chunk` until `size` are held; gives how many it took. */
  fill(chunk: Uint8Array, size: number): number {
    const part = chunk.subarray(0, size - this.#filled);
    this.#buffer.set(part, this.#filled);
    this.#filled += part.length;
    return part.length;
  }

  /** Begins the next piece. */
  clear(): void {
    this.#filled = 0;
  }
}
