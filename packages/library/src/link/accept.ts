import { acceptMessage, decodeMessage, defaultToleranceSeconds, defaultWindowSeconds, PublicLink as Public } from "@sealane/link";
import type { Name } from "@sealane/wire";
import type { AnonymousMechanism, MechanismName, ThirdMode } from "../mechanism.ts";
import { requireBytes } from "../own-arguments.ts";
import { plainBytes } from "../plain-bytes.ts";
import { type GroupLink, groupLink, type PublicLink, publicLink } from "./broadcast-links.ts";
import { type Challenge, closeChallenge } from "./challenge.ts";
import type { GroupMemberships } from "./group-memberships.ts";
import { type UnconfirmedLink, unconfirmedLink } from "./links.ts";
import { keepPending, type Own, pendingReference, recipientContext, requireMechanism } from "./party-context.ts";

/** How a message is accepted. */
export interface AcceptOptions<Mechanism extends MechanismName> {
  /** The mechanisms that are accepted: what comes back is typed by them. */
  readonly mechanisms?: readonly Mechanism[];
  /** Of a party without a clock: what it asked the originator with. A message must then answer it, and uses it up. */
  readonly challenge?: Challenge;
  /** `mutual-agreement`: the forms of the third message that are accepted; every one that is signed unless told. */
  readonly thirdModes?: readonly ThirdMode[];
  /** `group-broadcast`: the groups that this party is a member of. */
  readonly groups?: GroupMemberships;
}

/** A link that was accepted and answered. */
export interface AnsweredLink {
  readonly kind: "answered";
  /** For the originator. */
  readonly reply: Uint8Array;
  readonly link: UnconfirmedLink;
  /** The encoded licence that the message brought; proven, together with a release, by `verifyAuthorisation`. */
  readonly licence: Uint8Array | null;
}

/** A first message that was accepted, and of whose sender nothing is proven before its third message came. */
export interface WaitingLink {
  readonly kind: "waiting";
  /** For the originator. */
  readonly reply: Uint8Array;
  /** Names the pending state. */
  readonly reference: string;
  /** Who the originator says it is; unproven. */
  readonly claimedPeer: Name;
}

/** A broadcast that was heard: there is nothing to answer. */
export interface HeardBroadcast<Link extends PublicLink | GroupLink> {
  readonly kind: "heard";
  readonly link: Link;
  /** The encoded licence that the message brought; proven, together with a release, by `verifyAuthorisation`. */
  readonly licence: Uint8Array;
}

/** What the acceptance of a message of each mechanism gives. */
export interface AcceptedBy extends Record<AnonymousMechanism, AnsweredLink> {
  readonly "signed-transport": AnsweredLink;
  readonly "recovered-transport": AnsweredLink;
  readonly "signed-agreement": AnsweredLink;
  readonly "mutual-certified": AnsweredLink;
  readonly "mutual-nonce": WaitingLink;
  readonly "mutual-agreement": WaitingLink;
  readonly "open-broadcast": HeardBroadcast<PublicLink>;
  readonly "group-broadcast": HeardBroadcast<GroupLink>;
}

/** What was accepted, by the mechanisms that may come. */
export type AcceptedLink<Mechanism extends MechanismName> = AcceptedBy[Mechanism];

/** Accepts M1 of these mechanisms. Errors: as of `Party.accept`. */
export async function acceptLink(
  own: Own,
  message: Uint8Array,
  options: AcceptOptions<MechanismName> & { readonly mechanisms: readonly MechanismName[] },
): Promise<AcceptedLink<MechanismName>> {
  requireBytes("message", message);
  const { header } = decodeMessage(message);
  requireMechanism(header.mechanism, options.mechanisms);
  const accepted = await acceptMessage(recipientContext(own, header, options), message);
  const { environment } = own.options;
  using undo = new DisposableStack();
  undo.use(accepted.kind === "waiting" ? accepted.awaited : accepted.link);
  if (options.challenge !== undefined) closeChallenge(options.challenge);
  switch (accepted.kind) {
    case "answered": {
      undo.move();
      const { reply, licence } = accepted;
      return { kind: "answered", reply, link: unconfirmedLink(accepted.link, environment), licence: licence && plainBytes(licence) };
    }
    case "waiting": {
      const { reply, awaited } = accepted;
      const reference = pendingReference(awaited.reference, "third");
      const expiresAtSeconds = environment.clock.nowSeconds() + thirdSeconds(own);
      await keepPending(own, { reference, awaits: "third", expiresAtSeconds, saved: awaited.save() });
      return { kind: "waiting", reply, reference, claimedPeer: awaited.claimedOriginator };
    }
    case "broadcast": {
      undo.move();
      const { link } = accepted;
      const licence = plainBytes(accepted.licence);
      return link instanceof Public
        ? { kind: "heard", link: publicLink(link, environment), licence }
        : { kind: "heard", link: groupLink(link, environment), licence };
    }
  }
}

/** How long M3 is awaited: M2 and M3 may each take as long as an interactive message. */
function thirdSeconds({ options }: Own): number {
  const { windowSeconds = defaultWindowSeconds, toleranceSeconds = defaultToleranceSeconds } = options;
  return 2 * (windowSeconds + toleranceSeconds);
}
