import { downloadMemoryBytes, largePieceBytes, smallPieceBytes } from "./limits.ts";

/**
 * The memory that the downloads of a process read their pieces into. A piece goes into a large buffer while there is one; all downloads
 * share so many. Readers that are slow may come to hold all of them: the other downloads then go on in a small buffer each, so that
 * nobody waits for anybody. Large ones are kept for the next download.
 */
export class PieceBuffers {
  readonly #free: Uint8Array[] = [];
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
    let small: Uint8Array | null = null;
    return {
      takeLarge: () => {
        const large = bytes > smallPieceBytes ? this.#take() : null;
        if (large !== null) taken.add(large);
        return large;
      },
      get small() {
        small ??= new Uint8Array(Math.min(bytes, smallPieceBytes));
        return small;
      },
      giveBack: (large) => {
        if (taken.delete(large)) this.#free.push(large);
      },
      [Symbol.dispose]: () => {
        this.#running--;
        this.#largeOnes -= taken.size;
        taken.clear();
      },
    };
  }

  #take(): Uint8Array | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if ((this.#largeOnes + 1) * largePieceBytes > downloadMemoryBytes) return null;
    this.#largeOnes++;
    return new Uint8Array(largePieceBytes);
  }
}

/** The buffers of one download. A large one that is not given back before the end may still be read from: nobody else gets it. */
export interface DownloadBuffers extends Disposable {
  /** Null when the others have them all, and for a range that fits into a small one. */
  takeLarge(): Uint8Array | null;
  /** The download's own. */
  readonly small: Uint8Array;
  /** Lets another piece have a large one, from which nothing reads any more. */
  giveBack(large: Uint8Array): void;
}
