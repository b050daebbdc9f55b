import { downloadMemoryBytes, keptSmallPieces, largePieceBytes, smallPieceBytes } from "./limits.ts";

/**
 * The memory that the downloads of a process read their pieces into. A piece goes into a large buffer while there is one; all downloads
 * share so many. Readers that are slow may come to hold all of them: the other downloads then go on in small buffers, so that nobody
 * waits for anybody. Both are kept for the next piece: memory that is new for every download is given back to the system late or never.
 */
export class PieceBuffers {
  readonly #freeLarge: Uint8Array[] = [];
  readonly #freeSmall: Uint8Array[] = [];
  #largeOnes = 0;
  #running = 0;

  /** Downloads that have begun and not ended. */
  get running(): number {
    return this.#running;
  }

  /** Begins a download of so many bytes, which ends when its buffers are disposed of. */
  begin(bytes: number): DownloadBuffers {
    this.#running++;
    const taken = new Set<Uint8Array>();
    return {
      takeLarge: () => {
        const large = bytes > smallPieceBytes ? this.#takeLarge() : null;
        if (large !== null) taken.add(large);
        return large;
      },
      takeSmall: () => {
        const small = this.#freeSmall.pop() ?? new Uint8Array(smallPieceBytes);
        taken.add(small);
        return small;
      },
      giveBack: (buffer) => {
        if (taken.delete(buffer)) this.#keep(buffer);
      },
      [Symbol.dispose]: () => {
        this.#running--;
        for (const { length } of taken) if (length === largePieceBytes) this.#largeOnes--;
        taken.clear();
      },
    };
  }

  #takeLarge(): Uint8Array | null {
    const free = this.#freeLarge.pop();
    if (free !== undefined) return free;
    if ((this.#largeOnes + 1) * largePieceBytes > downloadMemoryBytes) return null;
    this.#largeOnes++;
    return new Uint8Array(largePieceBytes);
  }

  #keep(buffer: Uint8Array): void {
    if (buffer.length === largePieceBytes) this.#freeLarge.push(buffer);
    else if (this.#freeSmall.length < keptSmallPieces) this.#freeSmall.push(buffer);
  }
}

/** The buffers of one download. One that is not given back before the end may still be read from: nobody else gets it. */
export interface DownloadBuffers extends Disposable {
  /** Null when the others have them all, and for a range that fits into a small one. */
  takeLarge(): Uint8Array | null;
  takeSmall(): Uint8Array;
  /** Lets another piece have a buffer, from which nothing reads any more. */
  giveBack(buffer: Uint8Array): void;
}
