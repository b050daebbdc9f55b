import type { VerifiedCertificate } from "@sealane/pki";
import { anonymousMechanisms, type BroadcastMechanism, type MechanismName, type Role } from "../mechanism.ts";
import { type AcceptedLink, type AcceptOptions, acceptLink } from "./accept.ts";
import { type AnonymousOriginateOptions, type OriginatedLink, originateLink } from "./originate.ts";
import { type CommonPartyOptions, type Own, requirePartyOptions } from "./party-context.ts";
import { type EstablishedLink, receiveLink } from "./receive.ts";

/** What a party without a name needs. */
export interface AnonymousPartyOptions extends CommonPartyOptions {
  /** `terminal` unless told. A server without a name proves nothing of itself to the terminal. */
  readonly role?: Role;
}

/**
 * A party without a name and keys: it originates links that do not tell who it is, and hears broadcasts. The recipient of its links
 * is proven as ever.
 *
 * What carries its messages must not tell either: a connection of its own, without cookie, client certificate or account.
 *
 * ```ts
 * const { message } = await somebody.originate(serversCertificates);
 * const { link } = await somebody.receive(reply); // link.peer is the server
 * ```
 */
export class AnonymousParty {
  readonly #own: Own;

  /** Error: LIBRARY_ARGUMENT_WRONG, above all for a party that trusts nobody. */
  constructor({ role = "terminal", ...options }: AnonymousPartyOptions) {
    requirePartyOptions(options);
    this.#own = { self: { name: null, role }, options };
  }

  /**
   * Makes the first message of a link, which says nothing of its sender, and keeps the pending state. A licence in it must not name
   * its holder. `to`: as of `Party.originate`.
   * Errors: LIBRARY_ARGUMENT_WRONG (`anonymous-transport` is originated by terminals only), CRYPTO_SUITE_UNKNOWN, CRYPTO_SHARE_WRONG,
   * what the store throws.
   */
  async originate(to: readonly VerifiedCertificate[], options: AnonymousOriginateOptions = {}): Promise<OriginatedLink> {
    const { mechanism = "anonymous-transport", suite, ...rest } = options;
    return await originateLink(this.#own, to, { mechanism, allowed: anonymousMechanisms, suite, options: rest });
  }

  /**
   * Receives the answer to a message of this party; a wrong one leaves the pending state as it was.
   * Errors: LINK_MESSAGE_UNEXPECTED when none is awaited or it was received before, LINK_MECHANISM_UNKNOWN, LINK_ANSWER_WRONG,
   * LINK_EXPIRED, LINK_STATE_WRONG, LINK_VERSION_UNKNOWN, CRYPTO_SUITE_UNKNOWN, WIRE_*; what the store throws.
   */
  async receive(answer: Uint8Array): Promise<EstablishedLink> {
    return await receiveLink(this.#own, answer, { mechanisms: anonymousMechanisms });
  }

  /** Hears a broadcast: `open-broadcast` alone unless told. Checks and errors: as of `Party.accept`. */
  accept<const Mechanism extends BroadcastMechanism = "open-broadcast">(
    message: Uint8Array,
    options?: AcceptOptions<Mechanism>,
  ): Promise<AcceptedLink<Mechanism>>;
  async accept(message: Uint8Array, options: AcceptOptions<MechanismName> = {}): Promise<AcceptedLink<MechanismName>> {
    return await acceptLink(this.#own, message, { ...options, mechanisms: options.mechanisms ?? ["open-broadcast"] });
  }
}
