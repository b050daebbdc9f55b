import { cryptoErrors } from "./errors.ts";

/**
 * Secret bytes of one kind. Prints as its kind, refuses JSON, lends its bytes to a function and is wiped by `using`.
 *
 * ```ts
 * using secret = Secret.take("content key", random.bytes(32));
 * const sealed = secret.use((bytes) => seal(bytes));
 * ```
 * Errors: CRYPTO_SECRET_GONE after it was wiped, CRYPTO_SECRET_EXPOSED on JSON.
 */
export class Secret<Kind extends string = string> implements Disposable {
  readonly kind: Kind;
  #bytes: Uint8Array | null;

  private constructor(kind: Kind, bytes: Uint8Array) {
    this.kind = kind;
    this.#bytes = bytes;
  }

  /** Takes over `bytes` (the caller must not keep them). */
  static take<Kind extends string>(kind: Kind, bytes: Uint8Array): Secret<Kind> {
    return new Secret(kind, bytes);
  }

  /** Makes a secret of a copy of `bytes`. */
  static copy<Kind extends string>(kind: Kind, bytes: Uint8Array): Secret<Kind> {
    return new Secret(kind, Uint8Array.from(bytes));
  }

  get length(): number {
    return this.#held().length;
  }

  /** Lends the bytes to `reader`, which must not keep them. */
  use<T>(reader: (bytes: Uint8Array) => T): T {
    return reader(this.#held());
  }

  [Symbol.dispose](): void {
    this.#bytes?.fill(0);
    this.#bytes = null;
  }

  toString(): string {
    return `[secret ${this.kind}]`;
  }

  toJSON(): never {
    throw cryptoErrors.error("CRYPTO_SECRET_EXPOSED", { kind: this.kind });
  }

  #held(): Uint8Array {
    if (this.#bytes === null) throw cryptoErrors.error("CRYPTO_SECRET_GONE", { kind: this.kind });
    return this.#bytes;
  }
}
