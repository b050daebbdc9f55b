import type { VerifiedCertificate } from "@sealane/pki";
import type { Identity } from "../identity/identity.ts";
import { type MechanismName, namedMechanisms } from "../mechanism.ts";
import { argumentWrong } from "../own-arguments.ts";
import { type AcceptedLink, type AcceptOptions, acceptLink } from "./accept.ts";
import {
  type BroadcastOptions,
  broadcastToAll,
  broadcastToMembers,
  type GroupBroadcastOptions,
  type OriginatedBroadcast,
} from "./broadcast.ts";
import type { GroupLink, PublicLink } from "./broadcast-links.ts";
import type { GroupRecord } from "./group-secret.ts";
import { type OriginatedLink, type OriginateOptions, originateLink } from "./originate.ts";
import { type CommonPartyOptions, type Own, requirePartyOptions } from "./party-context.ts";
import { type LinkMechanism, type ReceivedLink, type ReceiveOptions, receiveLink } from "./receive.ts";

/** What a party needs. */
export interface PartyOptions extends CommonPartyOptions {
  readonly identity: Identity;
}

/**
 * A party with a name, that originates links and accepts them.
 *
 * ```ts
 * const { message } = await alice.originate(bobsCertificates); // message goes to Bob
 * const { reply, link } = await bob.accept(message); // reply comes back
 * const { link: established } = await alice.receive(reply);
 * ```
 *
 * Other mechanisms than `signed-transport` are asked for by name: the originator says which one it uses, the recipient which ones it
 * takes. What both methods give back is typed by these names:
 *
 * ```ts
 * const mechanisms = ["mutual-agreement"] as const;
 * const { message } = await alice.originate(bobsCertificates, { mechanism: "mutual-agreement" });
 * const { reply } = await bob.accept(message, { mechanisms });
 * const received = await alice.receive(reply, { mechanisms, content: { artefactId, licence } });
 * if (received.kind === "replied") received.message; // goes to Bob, who receives it
 * ```
 */
export class Party {
  readonly #own: Own;

  /** Error: LIBRARY_ARGUMENT_WRONG, above all for a party that trusts nobody. */
  constructor({ identity, ...options }: PartyOptions) {
    if (!Array.isArray(identity?.signing)) throw argumentWrong("identity", "the party's name with its certified keys");
    requirePartyOptions(options);
    this.#own = { self: identity, options };
  }

  /**
   * Makes the first message of a link, and keeps the pending state.
   *
   * `to` are the recipient's certificates, of which the mechanism takes those that it needs: for decryption, or for agreement
   * (`certificatesOf`). Errors: LIBRARY_ARGUMENT_WRONG, also for a mechanism that this role does not originate and a licence that is too
   * large; CRYPTO_SUITE_UNKNOWN when a certificate is missing for the suite, LINK_FIELD_WRONG for a recipient of the same name,
   * CRYPTO_SHARE_WRONG, what key handles and stores throw.
   */
  async originate(to: readonly VerifiedCertificate[], options: OriginateOptions = {}): Promise<OriginatedLink> {
    const { mechanism = "signed-transport", suite, ...rest } = options;
    return await originateLink(this.#own, to, {
      mechanism,
      allowed: namedMechanisms,
      suite,
      options: { sendCertificate: true, ...rest },
    });
  }

  /**
   * Makes a broadcast for everybody who trusts this party's authority: authentic, and not secret. Nobody answers it.
   *
   * `licence` is an encoded licence for the artefact that is announced; its content key becomes public.
   * Errors: LIBRARY_ARGUMENT_WRONG, also for a licence that is empty or too large; CRYPTO_SUITE_UNKNOWN, what the key handle throws.
   */
  async broadcast(licence: Uint8Array, options: BroadcastOptions = {}): Promise<OriginatedBroadcast<PublicLink>> {
    return await broadcastToAll(this.#own, licence, options);
  }

  /**
   * Makes a broadcast that the members of a group can use, from a server.
   *
   * `licence` is an encoded licence, which everybody can read. Errors: LINK_EXPIRED when the epoch is over, LINK_MECHANISM_UNKNOWN
   * from a terminal, LIBRARY_ARGUMENT_WRONG for a licence that is empty or too large, CRYPTO_SHARE_WRONG for a record that is none, what the
   * key handle throws.
   */
  async broadcastToGroup(
    group: GroupRecord,
    licence: Uint8Array,
    options: GroupBroadcastOptions = {},
  ): Promise<OriginatedBroadcast<GroupLink>> {
    return await broadcastToMembers(this.#own, group, { ...options, licence });
  }

  /**
   * Accepts the first message of a link, or a broadcast: opens it and checks certificate, signature, names, time and replay, in this
   * order. Who sent it stands in `link.peer`, or `link.originator`: whether that party may do what it asks for, the caller decides.
   *
   * Takes `signed-transport` alone unless told. A broadcast that was heard before is LINK_MESSAGE_REPLAYED: pass it over.
   *
   * Errors: LIBRARY_ARGUMENT_WRONG; LINK_VERSION_UNKNOWN, LINK_MECHANISM_UNKNOWN also for one that is not taken here,
   * LINK_MESSAGE_UNEXPECTED, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, LINK_RECIPIENT_WRONG, LINK_FIELD_WRONG, LINK_MESSAGE_STALE, LINK_MESSAGE_FUTURE,
   * LINK_MESSAGE_EXPIRED, LINK_CHALLENGE_WRONG, LINK_MESSAGE_REPLAYED, LINK_REPLAY_CACHE_FULL, LINK_GROUP_UNKNOWN,
   * CRYPTO_SUITE_UNKNOWN, CRYPTO_OPEN_FAILED, CRYPTO_SIGNATURE_WRONG, CRYPTO_SHARE_WRONG, COSE_*, PKI_*, WIRE_*; what key handles
   * and stores throw. Tell the sender none of these apart.
   */
  accept<const Mechanism extends MechanismName = "signed-transport">(
    message: Uint8Array,
    options?: AcceptOptions<Mechanism>,
  ): Promise<AcceptedLink<Mechanism>>;
  async accept(message: Uint8Array, options: AcceptOptions<MechanismName> = {}): Promise<AcceptedLink<MechanismName>> {
    return await acceptLink(this.#own, message, { ...options, mechanisms: options.mechanisms ?? ["signed-transport"] });
  }

  /**
   * Receives the message that a link waits for, in this process or in another one with the same pending states: the reply at its
   * originator, the third message at its recipient. A wrong message leaves the pending state as it was.
   *
   * Errors: LIBRARY_ARGUMENT_WRONG; LINK_MESSAGE_UNEXPECTED when none is awaited or it was received before, LINK_MECHANISM_UNKNOWN,
   * LINK_ANSWER_WRONG, LINK_EXPIRED, LINK_STATE_WRONG, LINK_VERSION_UNKNOWN, LINK_RECIPIENT_WRONG, LINK_PEER_UNKNOWN, LINK_PEER_WRONG,
   * LINK_FIELD_WRONG (also for content that the mechanism does not carry), LINK_MESSAGE_STALE, LINK_MESSAGE_FUTURE, LINK_RECORD_WRONG,
   * LINK_RECORD_OUT_OF_ORDER, LINK_RECORD_TOO_LARGE, LINK_CONFIRMATION_WRONG, CRYPTO_OPEN_FAILED, CRYPTO_SIGNATURE_WRONG,
   * CRYPTO_SHARE_WRONG, COSE_*, PKI_*, WIRE_*; what key handles and stores throw.
   */
  receive<const Mechanism extends LinkMechanism = "signed-transport">(
    message: Uint8Array,
    options?: ReceiveOptions<Mechanism>,
  ): Promise<ReceivedLink<Mechanism>>;
  async receive(message: Uint8Array, options: ReceiveOptions<LinkMechanism> = {}): Promise<ReceivedLink<LinkMechanism>> {
    return await receiveLink(this.#own, message, { ...options, mechanisms: options.mechanisms ?? ["signed-transport"] });
  }
}
