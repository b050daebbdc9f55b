import { aeadKeyBytes, cryptoErrors, Secret, type Suite } from "@sealane/crypto";
import { concatBytes, type LinkId, linkId, type Name, type TranscriptHash } from "@sealane/wire";
import { otherRole } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { isPast } from "./freshness.ts";
import {
  type Confirming,
  confirmationBytes,
  expandKey,
  type KeyBinding,
  lendKey,
  makeConfirmation,
  verifyConfirmation,
} from "./key-schedule.ts";
import { type MechanismName, purpose, type Role, recordType } from "./labels.ts";
import { maxExportBytes, maxWraps } from "./limits.ts";
import { type LinkState, loadLinkState, movedState, saveLinkState } from "./link-state.ts";
import { openRecord, sealRecord } from "./records.ts";
import { beginSeries, type KeySeries } from "./series.ts";
import { unwrapContentKey, type WrapBinding, wrapContentKey } from "./wrap.ts";

/** What an exported key is for. */
export interface ExportInput {
  /** Of the application that uses the key. */
  readonly label: string;
  /** Data that both parties know. */
  readonly context: Uint8Array;
  /** Bytes. */
  readonly length: number;
  readonly nowSeconds: number;
}

/** The makers of both states, for the mechanisms of this package only: elsewhere a link comes from a mechanism or from a store. */
export let makeUnconfirmedLink: (state: LinkState) => UnconfirmedLink;
export let makeConfidentialLink: (state: LinkState) => ConfidentialLink;

/** The identity of a link, common to all its states. */
abstract class AnyLink implements Disposable {
  protected state: LinkState;

  protected constructor(state: LinkState) {
    this.state = state;
  }

  /** 16 bytes that both parties derive; not secret. */
  get id(): LinkId {
    return linkId(this.state.prk.use((prk) => expandKey(prk, this.bound(purpose.linkId, 16))));
  }

  get mechanism(): MechanismName {
    return this.state.mechanism;
  }

  get suite(): Suite {
    return this.state.suite;
  }

  get originatorRole(): Role {
    return this.state.originatorRole;
  }

  /** The party at the other end, as its certificate names it; null where it is anonymous. */
  get peer(): Name | null {
    return this.state.self === this.state.originatorRole ? this.state.recipient : this.state.originator;
  }

  /** Both parties, as their certificates name them; null for one that is anonymous. */
  get parties(): { readonly originator: Name | null; readonly recipient: Name | null } {
    const { originator, recipient } = this.state;
    return { originator, recipient };
  }

  get th(): TranscriptHash {
    return this.state.th;
  }

  get keyExpiresAtSeconds(): number {
    return this.state.keyExpiresAtSeconds;
  }

  /** The link as bytes for a store that keeps them encrypted. */
  save(): Secret<"saved link"> {
    return saveLinkState(this.state);
  }

  [Symbol.dispose](): void {
    this.state.prk[Symbol.dispose]();
  }

  /** What a key of this link is bound to. */
  protected bound(what: KeyBinding["purpose"], length: number): KeyBinding {
    const { suite, th } = this.state;
    return { purpose: what, suite, th, length };
  }

  protected requireAlive(nowSeconds: number): void {
    const { keyExpiresAtSeconds } = this.state;
    if (isPast(keyExpiresAtSeconds, nowSeconds))
      throw linkErrors.error("LINK_EXPIRED", { expiredSecondsAgo: nowSeconds - keyExpiresAtSeconds });
  }

  /** The confirmation of one side. */
  protected confirming(side: Role): Confirming {
    const { originatorRole, prk, suite, th } = this.state;
    return { whose: side === originatorRole ? "originator" : "recipient", prk, suite, th };
  }
}

/**
 * A link whose peer has not proved yet that it holds the key: the recipient's after a one-message mechanism, the originator's after
 * `mutual-agreement`. It can do one thing, once: take the peer's first record.
 */
export class UnconfirmedLink extends AnyLink {
  static {
    makeUnconfirmedLink = (state) => {
      if (!state.awaitsConfirmation) throw linkErrors.error("LINK_STATE_WRONG");
      return new UnconfirmedLink(state);
    };
  }

  /** Reads a link saved by {@link save}. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved link">): UnconfirmedLink {
    return makeUnconfirmedLink(loadLinkState(saved));
  }

  /**
   * Opens the peer's first record, which begins with its confirmation, and gives the confirmed link and the record's data. A right
   * record uses this state up: of two confirmed links, each would send a first record of its own under one key and sequence number.
   * Errors: LINK_EXPIRED, LINK_RECORD_OUT_OF_ORDER, LINK_RECORD_WRONG, LINK_CONFIRMATION_WRONG, those of `decode`; CRYPTO_SECRET_GONE
   * when it was confirmed before.
   */
  confirm(record: Uint8Array, nowSeconds: number): { readonly link: ConfidentialLink; readonly payload: Uint8Array } {
    this.requireAlive(nowSeconds);
    const { self, received } = this.state;
    const sender = otherRole(self);
    const plaintext = openRecord(this.state, { sender, sequence: received, type: recordType.confirmation }, record);
    verifyConfirmation(this.confirming(sender), plaintext.subarray(0, confirmationBytes));
    const link = makeConfidentialLink({ ...movedState(this.state), received: received + 1, awaitsConfirmation: false });
    return { link, payload: plaintext.subarray(confirmationBytes) };
  }
}

/**
 * An established link of grade "confidential": both parties hold the key and nobody else does, as far as the mechanism promises.
 * Each use advances it; a party that stores it saves it before what it made leaves the party.
 */
export class ConfidentialLink extends AnyLink {
  readonly grade = "confidential";

  static {
    makeConfidentialLink = (state) => {
      if (state.awaitsConfirmation) throw linkErrors.error("LINK_STATE_WRONG");
      return new ConfidentialLink(state);
    };
  }

  /** Reads a link saved by {@link save}. Error: LINK_STATE_WRONG, also for one whose peer has not confirmed. */
  static load(saved: Secret<"saved link">): ConfidentialLink {
    return makeConfidentialLink(loadLinkState(saved));
  }

  /**
   * Encrypts the next record; where the mechanism asks for it, the first one begins with this party's confirmation.
   * Errors: LINK_EXPIRED, LINK_RECORD_TOO_LARGE, LINK_EXHAUSTED.
   */
  seal(payload: Uint8Array, nowSeconds: number): Uint8Array {
    this.requireAlive(nowSeconds);
    const { self, sent, owesConfirmation } = this.state;
    const type = owesConfirmation ? recordType.confirmation : recordType.data;
    const confirmation = owesConfirmation ? makeConfirmation(this.confirming(self)) : null;
    const plaintext = confirmation === null ? payload : concatBytes(confirmation, payload);
    const record = sealRecord(this.state, { sender: self, sequence: sent, type }, plaintext);
    this.state = { ...this.state, sent: sent + 1, owesConfirmation: false };
    return record;
  }

  /**
   * Opens the peer's next record. A record that fails leaves the link as it was.
   * Errors: LINK_EXPIRED, LINK_RECORD_OUT_OF_ORDER, LINK_RECORD_WRONG, LINK_EXHAUSTED, those of `decode`.
   */
  open(record: Uint8Array, nowSeconds: number): Uint8Array {
    this.requireAlive(nowSeconds);
    const { self, received } = this.state;
    const plaintext = openRecord(this.state, { sender: otherRole(self), sequence: received, type: recordType.data }, record);
    this.state = { ...this.state, received: received + 1 };
    return plaintext;
  }

  /** Wraps a content key for the peer (docs/protocol.md, key schedule). Errors: LINK_EXPIRED, LINK_EXHAUSTED. */
  wrap(contentKey: Secret<"content key">, binding: WrapBinding): Uint8Array {
    this.requireAlive(binding.nowSeconds);
    if (this.state.wraps >= maxWraps) throw linkErrors.error("LINK_EXHAUSTED", { wraps: maxWraps });
    const wrapped = this.withWrapKey((key) => wrapContentKey(key, contentKey, { ...binding, th: this.state.th, recipient: this.peer }));
    this.state = { ...this.state, wraps: this.state.wraps + 1 };
    return wrapped;
  }

  /** Gives the content key that the peer wrapped for this party. Errors: LINK_EXPIRED, CRYPTO_OPEN_FAILED, COSE_*. */
  unwrap(wrapped: Uint8Array, binding: Omit<WrapBinding, "random">): Secret<"content key"> {
    this.requireAlive(binding.nowSeconds);
    const { self, originatorRole, originator, recipient, th } = this.state;
    const own = self === originatorRole ? originator : recipient;
    return this.withWrapKey((key) => unwrapContentKey(key, wrapped, { ...binding, th, recipient: own }));
  }

  /**
   * A key that both parties can make of this link and of data known to both (KDER): 1 to 8,160 bytes, bound to the label and the
   * context. It is neither a key of this link nor tells anything of one, nor of the key of another length.
   * Errors: LINK_EXPIRED, CRYPTO_LENGTH_EXCEEDED.
   */
  exportKey(input: ExportInput): Secret<"exported key"> {
    this.requireAlive(input.nowSeconds);
    const { label, context, length } = input;
    if (!Number.isInteger(length) || length < 1 || length > maxExportBytes) {
      throw cryptoErrors.error("CRYPTO_LENGTH_EXCEEDED", { bytes: length, limit: maxExportBytes });
    }
    const named = [purpose.exporter, label, context, length];
    return this.state.prk.use((prk) => Secret.take("exported key", expandKey(prk, this.bound(named, length))));
  }

  /**
   * The series of session keys of this link (KSER), from its beginning: the same at both parties. A link gives it once, for a second
   * one would give every key again. Whoever keeps the link can make the series anew: its keys are gone for good with the link.
   * Errors: LINK_EXPIRED, LINK_EXHAUSTED.
   */
  series(nowSeconds: number): KeySeries {
    this.requireAlive(nowSeconds);
    const { prk, suite, th, keyExpiresAtSeconds, seriesBegun } = this.state;
    if (seriesBegun) throw linkErrors.error("LINK_EXHAUSTED", { series: 1 });
    const seed = prk.use((bytes) => expandKey(bytes, this.bound(purpose.seriesSeed, 32)));
    this.state = { ...this.state, seriesBegun: true };
    return beginSeries({ suite, th, ratchet: Secret.take("ratchet", seed), index: 0, expiresAtSeconds: keyExpiresAtSeconds });
  }

  private withWrapKey<T>(use: (key: Uint8Array) => T): T {
    return lendKey(this.state.prk, this.bound(purpose.wrapKey, aeadKeyBytes), use);
  }
}
