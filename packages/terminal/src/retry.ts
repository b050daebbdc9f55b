import { hasCode, SealaneError } from "@sealane/wire";
import { firstPauseMilliseconds, longestPauseMilliseconds, maxAttempts } from "./limits.ts";
import type { Terminal } from "./terminal.ts";

/** Whether the same request may succeed after a pause: the network or the server failed, not the content. */
export function isPassing(error: unknown): error is SealaneError {
  return error instanceof SealaneError && passing.some((code) => hasCode(error, code));
}

const passing = ["API_SERVER_UNREACHABLE", "API_SERVER_BUSY", "API_SERVER_FAILED", "API_RATE_EXCEEDED"] as const;

/**
 * Counts the attempts of one piece of work and pauses between them: 0.5 s, doubled each time up to 30 s, with up to a half more at
 * random, so that a thousand terminals do not come back at once. What Retry-After asks for comes before that, up to a minute.
 */
export class Attempts {
  readonly #terminal: Terminal;
  #made = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Pauses after a failure that may pass, or throws it: when it is of another kind, or the attempts are used up. */
  async pauseAfter(error: unknown): Promise<void> {
    this.#made++;
    if (!isPassing(error) || this.#made >= maxAttempts) throw error;
    const afterSeconds = retryAfterOf(error);
    if (afterSeconds > longestAskedSeconds) throw error; // whoever began this may come again then
    const pauseMilliseconds = afterSeconds * 1000 + this.#pause();
    this.#terminal.onEvent({ kind: "retry", code: error.code, attempt: this.#made + 1, pauseMilliseconds });
    await this.#terminal.clock.sleep(pauseMilliseconds);
  }

  /** Something was gained: the count begins again. */
  reset(): void {
    this.#made = 0;
  }

  #pause(): number {
    const [chance = 0] = this.#terminal.random.bytes(1);
    const base = Math.min(firstPauseMilliseconds * 2 ** (this.#made - 1), longestPauseMilliseconds);
    return Math.round(base * (1 + chance / 510));
  }
}

/** The longest Retry-After that a command waits for; our own servers ask for at most as much. */
const longestAskedSeconds = 60;

function retryAfterOf({ details }: SealaneError): number {
  const { retryAfterSeconds } = details;
  return typeof retryAfterSeconds === "number" ? retryAfterSeconds : 0;
}

/** Repeats work that may be repeated, while its failures may pass. */
export async function retrying<T>(terminal: Terminal, work: () => Promise<T>): Promise<T> {
  const attempts = new Attempts(terminal);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await attempts.pauseAfter(error);
    }
  }
}
