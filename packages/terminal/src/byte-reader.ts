import { giveBack } from "@sealane/software";

/**
 * Takes exact numbers of bytes from chunks of any size, without joining them. Chunks are used up: their memory is given back at once,
 * for at some hundred megabytes a second the collector comes too late.
 */
export class ByteReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #used = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fills `target` and gives how many bytes there were: fewer only at the end. */
  async fill(target: Uint8Array): Promise<number> {
    for (let done = 0; ; ) {
      const part = this.#chunk.subarray(this.#used, this.#used + target.length - done);
      target.set(part, done);
      done += part.length;
      this.#used += part.length;
      if (done === target.length) return done;
      giveBack(this.#chunk);
      const next = await this.#chunks.next();
      if (next.done === true) return done;
      this.#chunk = next.value;
      this.#used = 0;
    }
  }

  /** Ends the stream that the chunks come from. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }
}
