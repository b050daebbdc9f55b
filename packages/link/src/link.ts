import { aeadKeyBytes, hmac, type Secret, type Suite, verifyHmac } from "@sealane/crypto";
import { concatBytes, type LinkId, linkId, type Name, type TranscriptHash } from "@sealane/wire";
import { otherRole } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { expandKey } from "./key-schedule.ts";
import { type MechanismName, purpose, type Role, recordType } from "./labels.ts";
import { maxWraps } from "./limits.ts";
import { type LinkState, loadLinkState, saveLinkState } from "./link-state.ts";
import { openRecord, sealRecord } from "./records.ts";
import { unwrapContentKey, type WrapBinding, wrapContentKey } from "./wrap.ts";

const confirmationBytes = 32;

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
    return linkId(this.state.prk.use((key) => expandKey(key, { ...this.binding, purpose: purpose.linkId, length: 16 })));
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

  protected get binding(): { readonly suite: Suite; readonly th: TranscriptHash } {
    return { suite: this.state.suite, th: this.state.th };
  }

  protected requireAlive(nowSeconds: number): void {
    const { keyExpiresAtSeconds } = this.state;
    if (nowSeconds > keyExpiresAtSeconds) throw linkErrors.error("LINK_EXPIRED", { expiredSecondsAgo: nowSeconds - keyExpiresAtSeconds });
  }

  /** HMAC(confirmation key of the originator, th). */
  protected originatorConfirmation<T>(use: (key: Uint8Array) => T): T {
    return this.state.prk.use((prk) => use(expandKey(prk, { ...this.binding, purpose: purpose.confirmation.originator, length: 32 })));
  }
}

/**
 * A link at its recipient, before the originator has proved that it holds the key. It can do one thing: take the originator's
 * first record.
 */
export class UnconfirmedLink extends AnyLink {
  static {
    makeUnconfirmedLink = (state) => {
      if (state.confirmed) throw linkErrors.error("LINK_STATE_WRONG");
      return new UnconfirmedLink(state);
    };
  }

  /** Reads a link saved by {@link save}. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved link">): UnconfirmedLink {
    return makeUnconfirmedLink(loadLinkState(saved));
  }

  /**
   * Opens the originator's first record, which begins with its confirmation, and gives the confirmed link and the record's data.
   * Errors: LINK_EXPIRED, LINK_RECORD_OUT_OF_ORDER, LINK_RECORD_WRONG, LINK_CONFIRMATION_WRONG, those of `decode`.
   */
  confirm(record: Uint8Array, nowSeconds: number): { readonly link: ConfidentialLink; readonly payload: Uint8Array } {
    this.requireAlive(nowSeconds);
    const sender = this.state.originatorRole;
    const plaintext = openRecord(this.state, { sender, sequence: 0, type: recordType.confirmation }, record);
    try {
      this.originatorConfirmation((key) => verifyHmac(key, this.state.th, plaintext.subarray(0, confirmationBytes)));
    } catch (cause) {
      throw linkErrors.error("LINK_CONFIRMATION_WRONG", {}, cause);
    }
    const link = makeConfidentialLink({ ...this.state, received: 1, confirmed: true });
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
    makeConfidentialLink = (state) => new ConfidentialLink(state);
  }

  /** Reads a link saved by {@link save}. Error: LINK_STATE_WRONG, also for one whose originator has not confirmed. */
  static load(saved: Secret<"saved link">): ConfidentialLink {
    const state = loadLinkState(saved);
    if (!state.confirmed && state.self !== state.originatorRole) throw linkErrors.error("LINK_STATE_WRONG");
    return makeConfidentialLink(state);
  }

  /**
   * Encrypts the next record; the originator's first one begins with its confirmation.
   * Errors: LINK_EXPIRED, LINK_RECORD_TOO_LARGE, LINK_EXHAUSTED.
   */
  seal(payload: Uint8Array, nowSeconds: number): Uint8Array {
    this.requireAlive(nowSeconds);
    const { self, sent, confirmed, th } = this.state;
    const type = confirmed ? recordType.data : recordType.confirmation;
    const plaintext = confirmed
      ? payload
      : concatBytes(
          this.originatorConfirmation((key) => hmac(key, th)),
          payload,
        );
    const record = sealRecord(this.state, { sender: self, sequence: sent, type }, plaintext);
    this.state = { ...this.state, sent: sent + 1, confirmed: true };
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

  private withWrapKey<T>(use: (key: Uint8Array) => T): T {
    return this.state.prk.use((prk) => {
      const key = expandKey(prk, { ...this.binding, purpose: purpose.wrapKey, length: aeadKeyBytes });
      try {
        return use(key);
      } finally {
        key.fill(0);
      }
    });
  }
}
