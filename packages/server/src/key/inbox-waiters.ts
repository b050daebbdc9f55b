import type { Name } from "@sealane/wire";

/** A request that waits for messages; it leaves when it is disposed of. */
export interface Waiter extends Disposable {
  /** Aborted when the request is sent away: by a newer one of its terminal, or because the server stops. */
  readonly ended: AbortSignal;
  /**
   * Comes back when a message was announced since it did so last, when the request is sent away, at the latest after `seconds`, or when
   * `gone` says that the client went.
   */
  wait(seconds: number, gone: AbortSignal): Promise<void>;
}

/**
 * Inbox requests that wait in this process: long polls and event streams. A terminal that asks again, after it lost a connection that
 * this end still holds, is never turned away: its oldest request is ended.
 */
export class InboxWaiters {
  readonly #maxPerTerminal: number;
  readonly #waiting = new Map<Name, Set<Place>>();
  #isClosed = false;

  constructor(maxPerTerminal: number) {
    this.#maxPerTerminal = maxPerTerminal;
  }

  /** To be called before the inbox is read, so that no message falls between reading and waiting. */
  enter(terminal: Name): Waiter {
    const own = this.#waiting.get(terminal) ?? new Set();
    this.#waiting.set(terminal, own);
    const place = new Place(() => {
      own.delete(place);
      if (own.size === 0 && this.#waiting.get(terminal) === own) this.#waiting.delete(terminal);
    });
    own.add(place);
    for (const oldest of own) {
      if (own.size <= this.#maxPerTerminal) break;
      own.delete(oldest);
      oldest.end();
    }
    if (this.#isClosed) place.end();
    return place;
  }

  /** Tells a terminal's requests that a message waits. */
  wake(terminal: Name): void {
    for (const place of this.#waiting.get(terminal) ?? []) place.wake();
  }

  /** Tells all requests that a message may wait. */
  wakeAll(): void {
    for (const terminal of this.#waiting.keys()) this.wake(terminal);
  }

  /** Sends all requests away, those of now and those that come later. */
  close(): void {
    this.#isClosed = true;
    for (const place of [...this.#waiting.values()].flatMap((own) => [...own])) place.end();
  }

  /** Requests that wait. */
  get size(): number {
    return [...this.#waiting.values()].reduce((sum, own) => sum + own.size, 0);
  }
}

class Place implements Waiter {
  readonly #leave: () => void;
  readonly #ending = new AbortController();
  #isWoken = false;
  #resume: (() => void) | null = null;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  wake(): void {
    this.#isWoken = true;
    this.#resume?.();
  }

  end(): void {
    this.#ending.abort();
    this.#resume?.();
  }

  async wait(seconds: number, gone: AbortSignal): Promise<void> {
    if (!this.#isWoken && !this.ended.aborted && !gone.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, seconds * 1000);
      const onGone = (): void => resolve();
      gone.addEventListener("abort", onGone, { once: true });
      this.#resume = resolve;
      await promise;
      this.#resume = null;
      clearTimeout(timer);
      gone.removeEventListener("abort", onGone);
    }
    this.#isWoken = false;
  }

  [Symbol.dispose](): void {
    this.#leave();
  }
}
