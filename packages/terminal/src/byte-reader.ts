/** Takes exact numbers of bytes from chunks of any size, without joining them. */
export class ByteReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fills `target` and gives how many bytes there were: fewer only at the end. */
  async fill(target: Uint8Array): Promise<number> {
    for (let done = 0; ; ) {
      const part = this.#rest.subarray(0, target.length - done);
      target.set(part, done);
      done += part.length;
      this.#rest = this.#rest.subarray(part.length);
      if (done === target.length) return done;
      const next = await this.#chunks.next();
      if (next.done === true) return done;
      this.#rest = next.value;
    }
  }

  /** Ends the stream that the chunks come from. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }
}
