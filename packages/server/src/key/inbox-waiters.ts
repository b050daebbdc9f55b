import type { Name } from "@sealane/wire";

/** A request that waits for a message; it leaves when it is disposed of. */
export interface Waiter extends Disposable {
  /** Ends when the terminal is woken or sent away, at the latest after `seconds`, or when `signal` says that the client went. */
  wait(seconds: number, signal: AbortSignal): Promise<void>;
}

/**
 * Inbox requests that wait in this process. A terminal that asks again, after it lost a connection that this end still holds, is
 * never turned away: its oldest request is ended.
 */
export class InboxWaiters {
  readonly #maxPerTerminal: number;
  readonly #waiting = new Map<Name, Set<() => void>>();
  #isClosed = false;

  constructor(maxPerTerminal: number) {
    this.#maxPerTerminal = maxPerTerminal;
  }

  /** To be called before the inbox is read, so that no message falls between reading and waiting. */
  enter(terminal: Name): Waiter {
    const { promise, resolve } = Promise.withResolvers<void>();
    const own = this.#waiting.get(terminal) ?? new Set();
    this.#waiting.set(terminal, own);
    own.add(resolve);
    for (const oldest of own) {
      if (own.size <= this.#maxPerTerminal) break;
      own.delete(oldest);
      oldest();
    }
    if (this.#isClosed) resolve();
    return {
      wait: async (seconds, signal) => await untilFirst(promise, seconds, signal),
      [Symbol.dispose]: () => {
        own.delete(resolve);
        if (own.size === 0 && this.#waiting.get(terminal) === own) this.#waiting.delete(terminal);
      },
    };
  }

  /** Ends the waiting of a terminal's requests. */
  wake(terminal: Name): void {
    for (const resolve of this.#waiting.get(terminal) ?? []) resolve();
  }

  /** Ends all waiting, now and later. */
  close(): void {
    this.#isClosed = true;
    for (const terminal of this.#waiting.keys()) this.wake(terminal);
  }

  /** Requests that wait. */
  get size(): number {
    return [...this.#waiting.values()].reduce((sum, own) => sum + own.size, 0);
  }
}

async function untilFirst(woken: Promise<void>, seconds: number, signal: AbortSignal): Promise<void> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const timer = setTimeout(end, seconds * 1000);
  const onAbort = (): void => end();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (!signal.aborted) await Promise.race([woken, over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
