/** Moves segments from one place to another while they are worked on, with two buffers and without waiting for the disk. */

/** What a run over segments does; all indexes are of segments, in order. */
export interface SegmentPump<T> {
  readonly segments: number;
  /** Bytes of the largest piece that `read` gives. */
  readonly bufferBytes: number;
  /** Reads a segment into the buffer and gives the part of it that was filled. */
  read(index: number, buffer: Uint8Array): Promise<Uint8Array>;
  /** Works on it; the piece is overwritten two segments later. */
  work(index: number, piece: Uint8Array): T;
  /** Puts the result away, and gives its memory back when that is done. */
  write(index: number, result: T): Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` over all segments. While one is worked on, the next is being read and the one before written. The first failure
 * ends the run after what is under way has ended; so does the signal, whose reason is thrown.
 */
export async function pumpSegments<T>(pump: SegmentPump<T>): Promise<void> {
  const buffers = [new Uint8Array(pump.bufferBytes), new Uint8Array(pump.segments > 1 ? pump.bufferBytes : 0)] as const;
  const read = (index: number): Promise<Uint8Array> => handled(pump.read(index, buffers[index % 2 === 0 ? 0 : 1]));
  let reading = read(0);
  let writing: Promise<void> = Promise.resolve();
  try {
    for (let index = 0; index < pump.segments; index++) {
      pump.signal?.throwIfAborted();
      const piece = await reading;
      if (index + 1 < pump.segments) reading = read(index + 1);
      const result = pump.work(index, piece);
      await writing;
      writing = handled(pump.write(index, result));
    }
    await writing;
  } finally {
    await Promise.allSettled([reading, writing]); // nothing may touch a file that is about to be closed
  }
}

/** Marks a failure as seen: it is awaited, but maybe only after it came. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
