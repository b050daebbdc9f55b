import type { Secret } from "@sealane/crypto";
import type { BroadcastLink as Broadcast, GroupLink as Group, PublicLink as Public } from "@sealane/link";
import type { Name } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import { type LicenceBinding, wrapBinding } from "./licence-binding.ts";
import { type LinkProperties, propertiesOf } from "./properties.ts";

/** The makers of both links, for this package only. */
export let publicLink: (link: Public, environment: Environment) => PublicLink;
export let groupLink: (link: Group, environment: Environment) => GroupLink;

/**
 * What a broadcast establishes. It has no records: every holder of its key could forge them. It carries content keys for the one
 * licence that the message brought: the licence vouches for the artefact, and the artefact for its content key.
 */
export abstract class BroadcastLink implements Disposable {
  readonly #link: Broadcast;
  readonly #environment: Environment;

  /** @internal */
  protected constructor(link: Broadcast, environment: Environment) {
    this.#link = link;
    this.#environment = environment;
  }

  /** Who sent and signed the message, as its certificate says. */
  get originator(): Name {
    return this.#link.originator;
  }

  /** The group that it is for; null for everybody. */
  get group(): { readonly groupId: Name; readonly epoch: number } | null {
    return this.#link.group;
  }

  /** The last second at which the link can be used. */
  get expiresAtSeconds(): number {
    return this.#link.keyExpiresAtSeconds;
  }

  /** What this link promises, and who else could read. */
  get properties(): LinkProperties {
    return propertiesOf(this.#link, { originator: this.#link.originator, recipient: null });
  }

  /**
   * Wraps a content key for whoever hears the broadcast.
   * Errors: LINK_EXPIRED, LINK_FIELD_WRONG for another licence than that of the message, LINK_EXHAUSTED after 2^20.
   */
  wrap(contentKey: Secret<"content key">, licence: LicenceBinding): Uint8Array {
    return this.#link.wrap(contentKey, wrapBinding(licence, this.#environment));
  }

  /**
   * Gives the content key that was wrapped for this broadcast and its licence; the caller wipes it.
   * Errors: LINK_EXPIRED, LINK_FIELD_WRONG, CRYPTO_OPEN_FAILED, COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, WIRE_*.
   */
  unwrap(wrapped: Uint8Array, licence: LicenceBinding): Secret<"content key"> {
    return this.#link.unwrap(wrapped, wrapBinding(licence, this.#environment));
  }

  [Symbol.dispose](): void {
    this.#link[Symbol.dispose]();
  }
}

/**
 * A link whose key anyone can obtain: it proves who sent the message and, by what the licence names, what is genuine. It keeps
 * nothing secret: a content key that is wrapped under it is public for ever. Wiped by `using`.
 */
export class PublicLink extends BroadcastLink {
  readonly grade = "public";

  private constructor(link: Public, environment: Environment) {
    super(link, environment);
  }

  static {
    publicLink = (link, environment) => new PublicLink(link, environment);
  }
}

/** A link whose key the members of a group can compute, and nobody else. Wiped by `using`. */
export class GroupLink extends BroadcastLink {
  readonly grade = "confidential";

  private constructor(link: Group, environment: Environment) {
    super(link, environment);
  }

  static {
    groupLink = (link, environment) => new GroupLink(link, environment);
  }
}
