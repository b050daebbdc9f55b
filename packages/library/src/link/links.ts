import type { Secret } from "@sealane/crypto";
import { ConfidentialLink as Confidential, UnconfirmedLink as Unconfirmed } from "@sealane/link";
import type { Name } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import { plainBytes } from "../plain-bytes.ts";
import { type KeySeries, keySeries } from "./key-series.ts";
import { type LicenceBinding, wrapBinding } from "./licence-binding.ts";
import { type LinkProperties, propertiesOf } from "./properties.ts";

/** What an exported key is for. */
export interface ExportInput {
  /** Of the application that uses the key: two applications never get one key. */
  readonly label: string;
  /** Data that both parties know; none unless told. */
  readonly context?: Uint8Array;
  /** 1 to 8,160; 32 unless told. Keys of different lengths have nothing in common. */
  readonly bytes?: number;
}

/** Makers of both links, for this package only. */
export let unconfirmedLink: (link: Unconfirmed, environment: Environment) => UnconfirmedLink;
export let confidentialLink: (link: Confidential, environment: Environment) => ConfidentialLink;

/**
 * A link whose peer has not proved yet that it holds the key: at the recipient of M1, or at the originator of `mutual-agreement`. It
 * can do one thing: take the peer's first record. Wiped by `using`.
 */
export class UnconfirmedLink implements Disposable {
  readonly #link: Unconfirmed;
  readonly #environment: Environment;

  private constructor(link: Unconfirmed, environment: Environment) {
    this.#link = link;
    this.#environment = environment;
  }

  static {
    unconfirmedLink = (link, environment) => new UnconfirmedLink(link, environment);
  }

  /** Reads what {@link UnconfirmedLink.save} gave. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved link">, environment: Environment): UnconfirmedLink {
    return new UnconfirmedLink(Unconfirmed.load(saved), environment);
  }

  /** 32 hexadecimal digits that both parties derive and that name the link; not secret. */
  get id(): string {
    return this.#link.id.toHex();
  }

  /** The party at the other end, as its certificate names it; null where it is anonymous. */
  get peer(): Name | null {
    return this.#link.peer;
  }

  /** The link for a store that keeps it encrypted; the caller wipes it. */
  save(): Secret<"saved link"> {
    return this.#link.save();
  }

  /**
   * Opens the peer's first record, which proves that it holds the key; gives the link and the record's data. This object must not
   * be used any more afterwards. A record that fails leaves it as it was.
   * Errors: LINK_EXPIRED, LINK_RECORD_OUT_OF_ORDER, LINK_RECORD_WRONG, LINK_CONFIRMATION_WRONG, WIRE_*.
   */
  confirm(record: Uint8Array): { readonly link: ConfidentialLink; readonly payload: Uint8Array } {
    const { link, payload } = this.#link.confirm(record, this.#environment.clock.nowSeconds());
    return { link: confidentialLink(link, this.#environment), payload: plainBytes(payload) };
  }

  [Symbol.dispose](): void {
    this.#link[Symbol.dispose]();
  }
}

/**
 * An established link: both parties hold its key and nobody else does, as far as its mechanism promises ({@link LinkProperties}).
 * Each use advances it; a party that stores it saves it before what it made leaves the party. Wiped by `using`.
 */
export class ConfidentialLink implements Disposable {
  readonly grade = "confidential";
  readonly #link: Confidential;
  readonly #environment: Environment;

  private constructor(link: Confidential, environment: Environment) {
    this.#link = link;
    this.#environment = environment;
  }

  static {
    confidentialLink = (link, environment) => new ConfidentialLink(link, environment);
  }

  /** Reads what {@link ConfidentialLink.save} gave. Error: LINK_STATE_WRONG, also for a link that is not confirmed yet. */
  static load(saved: Secret<"saved link">, environment: Environment): ConfidentialLink {
    return new ConfidentialLink(Confidential.load(saved), environment);
  }

  /** 32 hexadecimal digits that both parties derive and that name the link; not secret. */
  get id(): string {
    return this.#link.id.toHex();
  }

  /** The party at the other end, as its certificate names it; null where it is anonymous. */
  get peer(): Name | null {
    return this.#link.peer;
  }

  /** The last second at which the link can be used. */
  get expiresAtSeconds(): number {
    return this.#link.keyExpiresAtSeconds;
  }

  /** What this link promises, and who else could read. */
  get properties(): LinkProperties {
    return propertiesOf(this.#link, this.#link.parties);
  }

  /** The link for a store that keeps it encrypted; the caller wipes it. */
  save(): Secret<"saved link"> {
    return this.#link.save();
  }

  /** Encrypts the next record, of up to 64 KiB. Errors: LINK_EXPIRED, LINK_RECORD_TOO_LARGE, LINK_EXHAUSTED after 2^24 records. */
  seal(payload: Uint8Array): Uint8Array {
    return this.#link.seal(payload, this.#environment.clock.nowSeconds());
  }

  /**
   * Opens the peer's next record; they are opened in the order in which they were sealed. A record that fails leaves the link as
   * it was. Errors: LINK_EXPIRED, LINK_RECORD_OUT_OF_ORDER, LINK_RECORD_WRONG, LINK_EXHAUSTED, WIRE_*.
   */
  open(record: Uint8Array): Uint8Array {
    return plainBytes(this.#link.open(record, this.#environment.clock.nowSeconds()));
  }

  /** Wraps a content key for the peer and one licence. Errors: LINK_EXPIRED, LINK_EXHAUSTED. */
  wrap(contentKey: Secret<"content key">, licence: LicenceBinding): Uint8Array {
    return this.#link.wrap(contentKey, wrapBinding(licence, this.#environment));
  }

  /**
   * Gives the content key that the peer wrapped for this party and this licence; the caller wipes it.
   * Errors: LINK_EXPIRED, CRYPTO_OPEN_FAILED, COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, WIRE_*.
   */
  unwrap(wrapped: Uint8Array, licence: LicenceBinding): Secret<"content key"> {
    return this.#link.unwrap(wrapped, wrapBinding(licence, this.#environment));
  }

  /**
   * A further key that both parties make of this link and of data known to both; the caller wipes it. It is no key of the link, and
   * tells nothing of one. Errors: LINK_EXPIRED, CRYPTO_LENGTH_EXCEEDED.
   */
  exportKey({ label, context = new Uint8Array(0), bytes: length = 32 }: ExportInput): Secret<"exported key"> {
    return this.#link.exportKey({ label, context, length, nowSeconds: this.#environment.clock.nowSeconds() });
  }

  /**
   * The link's series of session keys from its beginning, the same at both parties. A link gives it once, for a second one would give
   * every key again: save the series as well as the link. Errors: LINK_EXPIRED, LINK_EXHAUSTED when it was given.
   */
  series(): KeySeries {
    const { clock } = this.#environment;
    return keySeries(this.#link.series(clock.nowSeconds()), clock);
  }

  [Symbol.dispose](): void {
    this.#link[Symbol.dispose]();
  }
}
