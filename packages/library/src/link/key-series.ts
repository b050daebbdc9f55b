import type { Secret } from "@sealane/crypto";
import { KeySeries as Series } from "@sealane/link";
import type { Clock } from "../environment.ts";

/** The maker, for this package only. */
export let keySeries: (series: Series, clock: Clock) => KeySeries;

/**
 * Session keys of 32 bytes that both parties of a link derive in step, each from the one before, which is erased: who steals the
 * series learns no earlier key. Both parties have the same keys, so that only one of them sends under a series, or they settle who
 * uses which index.
 *
 * A party that stores it saves it before a key is used: the index never goes back, and a series loaded from an old copy uses a key
 * twice. Wiped by `using`.
 *
 * ```ts
 * const { index, key } = sending.next(); // save; encrypt under key; send index and ciphertext
 * const opened = receiving.use(index, (key) => decrypt(key, ciphertext)); // save
 * ```
 */
export class KeySeries implements Disposable {
  readonly #series: Series;
  readonly #clock: Clock;

  private constructor(series: Series, clock: Clock) {
    this.#series = series;
    this.#clock = clock;
  }

  static {
    keySeries = (series, clock) => new KeySeries(series, clock);
  }

  /** Reads what {@link KeySeries.save} gave. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved series">, clock: Clock): KeySeries {
    return new KeySeries(Series.load(saved), clock);
  }

  /** The index of the next key. */
  get index(): number {
    return this.#series.index;
  }

  /** The series for a store that keeps it encrypted; the caller wipes it. */
  save(): Secret<"saved series"> {
    return this.#series.save();
  }

  /**
   * The next key, which this series gives only once; the caller wipes it.
   * Errors: LINK_EXPIRED when the life of the link's keys is over, LINK_EXHAUSTED after 2^32 keys.
   */
  next(): { readonly index: number; readonly key: Secret<"session key"> } {
    return this.#series.next(this.#clock.nowSeconds());
  }

  /**
   * Lends the key of an index to `reader`, which must not keep it: an index up to 64 ahead, never one behind. The series moves on
   * only when `reader` returns, so that a forged message changes nothing.
   * Errors: LINK_SERIES_OUT_OF_STEP, LINK_EXPIRED, LINK_EXHAUSTED; what `reader` throws.
   */
  use<T>(index: number, reader: (key: Uint8Array) => T): T {
    return this.#series.use(index, this.#clock.nowSeconds(), reader);
  }

  [Symbol.dispose](): void {
    this.#series[Symbol.dispose]();
  }
}
