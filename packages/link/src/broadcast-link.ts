import { aeadKeyBytes, type Secret, type Suite, sha256 } from "@sealane/crypto";
import { equalBytes, type Name, type TranscriptHash } from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { isPast } from "./freshness.ts";
import type { GroupReference } from "./group.ts";
import { lendKey } from "./key-schedule.ts";
import { type MechanismName, purpose, type Role } from "./labels.ts";
import { maxWraps } from "./limits.ts";
import { unwrapContentKey, type WrapBinding, wrapContentKey } from "./wrap.ts";

/** What one broadcast has settled. */
export interface BroadcastState {
  readonly mechanism: MechanismName;
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly originator: Name;
  readonly group: GroupReference | null;
  readonly th: TranscriptHash;
  readonly prk: Secret<"link key">;
  /** When M1 was signed, by its signer's clock; null where a challenge stands in its place. */
  readonly issuedAtSeconds: number | null;
  readonly keyExpiresAtSeconds: number;
  /** LC, which alone vouches for what is wrapped under the key. */
  readonly licence: Uint8Array;
}

/** The makers of both links, for the mechanisms of this package only. */
export let makePublicLink: (state: BroadcastState) => PublicLink;
export let makeGroupLink: (state: BroadcastState) => GroupLink;

/**
 * What a broadcast establishes: no records and no tickets, for every holder of the key could forge them. It carries wrapped content
 * keys of the one licence that M1 has signed: the artefact that the licence names commits to its content key, so that another key is
 * noticed.
 */
abstract class AnyBroadcastLink implements Disposable {
  readonly #state: BroadcastState;
  #wraps = 0;

  protected constructor(state: BroadcastState) {
    this.#state = state;
  }

  get mechanism(): MechanismName {
    return this.#state.mechanism;
  }

  get suite(): Suite {
    return this.#state.suite;
  }

  get originatorRole(): Role {
    return this.#state.originatorRole;
  }

  /** Who signed M1. */
  get originator(): Name {
    return this.#state.originator;
  }

  /** The group that it is for; null for everybody. */
  get group(): GroupReference | null {
    return this.#state.group;
  }

  get th(): TranscriptHash {
    return this.#state.th;
  }

  /** When M1 was signed: what it says of versions is as old as that. Null where it answers a challenge. */
  get issuedAtSeconds(): number | null {
    return this.#state.issuedAtSeconds;
  }

  get keyExpiresAtSeconds(): number {
    return this.#state.keyExpiresAtSeconds;
  }

  /** LC as M1 has it; not verified. */
  get licence(): Uint8Array {
    return this.#state.licence;
  }

  /** Wraps a content key for whoever hears the broadcast. Errors: LINK_EXPIRED, LINK_EXHAUSTED, LINK_FIELD_WRONG for another licence. */
  wrap(contentKey: Secret<"content key">, binding: WrapBinding): Uint8Array {
    this.#requireUsable(binding);
    if (this.#wraps >= maxWraps) throw linkErrors.error("LINK_EXHAUSTED", { wraps: maxWraps });
    this.#wraps += 1;
    return this.#withWrapKey((key) => wrapContentKey(key, contentKey, { ...binding, th: this.th, recipient: null }));
  }

  /** Gives the content key that the originator wrapped. Errors: LINK_EXPIRED, LINK_FIELD_WRONG, CRYPTO_OPEN_FAILED, COSE_*. */
  unwrap(wrapped: Uint8Array, binding: Omit<WrapBinding, "random">): Secret<"content key"> {
    this.#requireUsable(binding);
    return this.#withWrapKey((key) => unwrapContentKey(key, wrapped, { ...binding, th: this.th, recipient: null }));
  }

  [Symbol.dispose](): void {
    this.#state.prk[Symbol.dispose]();
  }

  #requireUsable({ nowSeconds, licenceDigest }: Omit<WrapBinding, "random">): void {
    const { keyExpiresAtSeconds, licence } = this.#state;
    if (isPast(keyExpiresAtSeconds, nowSeconds))
      throw linkErrors.error("LINK_EXPIRED", { expiredSecondsAgo: nowSeconds - keyExpiresAtSeconds });
    if (!equalBytes(licenceDigest, sha256(licence))) throw linkErrors.error("LINK_FIELD_WRONG", { field: "licence" });
  }

  #withWrapKey<T>(use: (key: Uint8Array) => T): T {
    const { prk, suite, th } = this.#state;
    return lendKey(prk, { purpose: purpose.wrapKey, suite, th, length: aeadKeyBytes }, use);
  }
}

/** A link whose key anyone can obtain: it proves origin and, by what its licence names, integrity. Never confidential. */
export class PublicLink extends AnyBroadcastLink {
  readonly grade = "public";

  static {
    makePublicLink = (state) => new PublicLink(state);
  }
}

/** A link whose key the members of a group hold, and nobody else. */
export class GroupLink extends AnyBroadcastLink {
  readonly grade = "confidential";

  static {
    makeGroupLink = (state) => new GroupLink(state);
  }
}

/** What a broadcast gives. */
export type BroadcastLink = PublicLink | GroupLink;
