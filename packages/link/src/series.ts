import { Secret, type Suite, suiteNumbered } from "@sealane/crypto";
import {
  byteString,
  bytesAs,
  type Codec,
  decodeAs,
  encodeAs,
  literal,
  type TranscriptHash,
  transcriptHash,
  tuple,
  uint,
} from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { isPast } from "./freshness.ts";
import { expandKey } from "./key-schedule.ts";
import { purpose } from "./labels.ts";
import { maxSeriesIndex, maxSeriesJump, maxStateBytes } from "./limits.ts";

interface SeriesState {
  readonly suite: Suite;
  readonly th: TranscriptHash;
  readonly ratchet: Secret<"ratchet">;
  /** Of the next key. */
  readonly index: number;
  readonly expiresAtSeconds: number;
}

/** Makes the series of a link, for this package only. */
export let beginSeries: (state: SeriesState) => KeySeries;

/**
 * The series of session keys that both parties derive from one established secret, in step (KSER; docs/protocol.md, key schedule):
 * SK_i = Expand(R_i, "session key", i), R_(i+1) = Expand(R_i, "ratchet", i), R_i erased.
 *
 * A party that stores it writes {@link save} before a key is used: the index never goes back.
 *
 * ```ts
 * const { index, key } = sender.next(now); // save, encrypt under key, send index and ciphertext
 * const opened = receiver.use(index, now, (key) => open(key, ciphertext)); // save
 * ```
 */
export class KeySeries implements Disposable {
  #state: SeriesState;

  private constructor(state: SeriesState) {
    this.#state = state;
  }

  static {
    beginSeries = (state) => new KeySeries(state);
  }

  /** Reads what {@link save} wrote. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved series">): KeySeries {
    try {
      const {
        kind: _,
        suite,
        ratchet,
        ...rest
      } = saved.use((bytes) => decodeAs(savedCodec, bytes, { maxBytes: maxStateBytes, what: "series" }));
      return new KeySeries({ ...rest, suite: suiteNumbered(suite), ratchet: Secret.take("ratchet", ratchet) });
    } catch (cause) {
      throw linkErrors.error("LINK_STATE_WRONG", {}, cause);
    }
  }

  /** The index of the next key. */
  get index(): number {
    return this.#state.index;
  }

  /** The series for a store that keeps it encrypted. */
  save(): Secret<"saved series"> {
    const { suite, ratchet, ...rest } = this.#state;
    return Secret.take(
      "saved series",
      ratchet.use((bytes) => encodeAs(savedCodec, { kind: "series", ...rest, suite: suite.id, ratchet: bytes })),
    );
  }

  /** The next key, which nobody gets from this series again. Errors: LINK_EXPIRED, LINK_EXHAUSTED after 2^32 keys. */
  next(nowSeconds: number): { readonly index: number; readonly key: Secret<"session key"> } {
    this.#requireAlive(nowSeconds);
    const { index } = this.#state;
    const made = this.#keyAt(index);
    this.#advance(made.after);
    return { index, key: made.key };
  }

  /**
   * Lends the key of an index to `use`, at most 64 ahead and never one behind; the series moves on only when `use` returns, so that
   * a forged message changes nothing. `use` is synchronous: what it returns later finds the key wiped and the series moved on.
   * Errors: LINK_EXPIRED, LINK_EXHAUSTED, LINK_SERIES_OUT_OF_STEP; what `use` throws.
   */
  use<T>(index: number, nowSeconds: number, use: (key: Uint8Array) => T): T {
    this.#requireAlive(nowSeconds);
    const ahead = index - this.#state.index;
    if (!Number.isSafeInteger(index) || ahead < 0 || ahead > maxSeriesJump) {
      throw linkErrors.error("LINK_SERIES_OUT_OF_STEP", { index, expected: this.#state.index });
    }
    const made = this.#keyAt(index);
    using key = made.key;
    let result: T;
    try {
      result = key.use(use);
    } catch (error) {
      made.after.ratchet[Symbol.dispose]();
      throw error;
    }
    this.#advance(made.after);
    return result;
  }

  [Symbol.dispose](): void {
    this.#state.ratchet[Symbol.dispose]();
  }

  /** The key of an index that is not behind, and the state that follows it; this state stays as it is. */
  #keyAt(index: number): { readonly key: Secret<"session key">; readonly after: SeriesState } {
    if (index >= maxSeriesIndex) throw linkErrors.error("LINK_EXHAUSTED", { keys: maxSeriesIndex });
    let ratchet: Uint8Array = this.#state.ratchet.use((bytes) => Uint8Array.from(bytes));
    for (let at = this.#state.index; at < index; at++) {
      const following = this.#expand(ratchet, purpose.ratchet, at);
      ratchet.fill(0);
      ratchet = following;
    }
    const key = Secret.take("session key", this.#expand(ratchet, purpose.sessionKey, index));
    const following = this.#expand(ratchet, purpose.ratchet, index);
    ratchet.fill(0);
    return { key, after: { ...this.#state, ratchet: Secret.take("ratchet", following), index: index + 1 } };
  }

  #expand(key: Uint8Array, what: string, index: number): Uint8Array {
    const { suite, th } = this.#state;
    return expandKey(key, { purpose: [what, index], suite, th, length: 32 });
  }

  #advance(after: SeriesState): void {
    this.#state.ratchet[Symbol.dispose]();
    this.#state = after;
  }

  #requireAlive(nowSeconds: number): void {
    const { expiresAtSeconds } = this.#state;
    if (isPast(expiresAtSeconds, nowSeconds)) throw linkErrors.error("LINK_EXPIRED", { expiredSecondsAgo: nowSeconds - expiresAtSeconds });
  }
}

interface SavedSeries extends Omit<SeriesState, "suite" | "ratchet"> {
  readonly kind: "series";
  readonly suite: number;
  readonly ratchet: Uint8Array;
}

const savedCodec: Codec<SavedSeries> = tuple<SavedSeries>({
  kind: literal("series"),
  suite: uint(),
  th: bytesAs(transcriptHash),
  ratchet: byteString({ min: 32, max: 32 }),
  index: uint(maxSeriesIndex),
  expiresAtSeconds: uint(),
});
