/**
 * Requests to the broadcast channel that wait in this process. Who they are is not known: they are counted, and when there are more than
 * may wait the oldest is ended, whose listener asks again.
 */
export class ChannelWaiters {
  readonly #max: number;
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(max: number) {
    this.#max = max;
  }

  /** To be called before the channel is read, so that nothing falls between reading and waiting. */
  enter(): ChannelWaiter {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    for (const oldest of this.#waiting) {
      if (this.#waiting.size <= this.#max) break;
      this.#waiting.delete(oldest);
      oldest();
    }
    if (this.#isClosed) resolve();
    return {
      wait: async (seconds, signal) => await untilFirst(promise, seconds, signal),
      [Symbol.dispose]: () => void this.#waiting.delete(resolve),
    };
  }

  /** Ends all waiting of now. */
  wakeAll(): void {
    for (const resolve of this.#waiting) resolve();
  }

  /** Ends all waiting, now and later. */
  close(): void {
    this.#isClosed = true;
    this.wakeAll();
  }

  /** Requests that wait. */
  get size(): number {
    return this.#waiting.size;
  }
}

/** A request that waits; it leaves when it is disposed of. */
export interface ChannelWaiter extends Disposable {
  /** Ends when something stands on the channel, at the latest after `seconds`, or when `signal` says that the client went. */
  wait(seconds: number, signal: AbortSignal): Promise<void>;
}

async function untilFirst(woken: Promise<void>, seconds: number, gone: AbortSignal): Promise<void> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const timer = setTimeout(end, seconds * 1000);
  const onGone = (): void => end();
  gone.addEventListener("abort", onGone, { once: true });
  try {
    if (!gone.aborted) await Promise.race([woken, over]);
  } finally {
    clearTimeout(timer);
    gone.removeEventListener("abort", onGone);
  }
}
