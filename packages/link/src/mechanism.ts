import type { MaybePromise } from "@sealane/crypto";
import type { AwaitedReply, AwaitedThird } from "./awaited.ts";
import type { BroadcastLink } from "./broadcast-link.ts";
import type { Message } from "./envelope.ts";
import type { MechanismName, Role } from "./labels.ts";
import type { UnconfirmedLink } from "./link.ts";
import type { OriginateOptions, OriginatorContext, RecipientContext } from "./parties.ts";

/** M1 as it was made. */
export type OriginatedLink =
  | { readonly kind: "sent"; readonly message: Uint8Array; readonly awaited: AwaitedReply }
  | { readonly kind: "broadcast"; readonly message: Uint8Array; readonly link: BroadcastLink };

/** M1 as it was accepted, and what is to be sent back. */
export type AcceptedLink =
  | {
      readonly kind: "answered";
      /** The answer, or M2 of `mutual-certified`. */
      readonly reply: Uint8Array;
      readonly link: UnconfirmedLink;
      /** LC; not verified. */
      readonly licence: Uint8Array | null;
    }
  | { readonly kind: "waiting"; readonly reply: Uint8Array; readonly awaited: AwaitedThird }
  | { readonly kind: "broadcast"; readonly link: BroadcastLink; readonly licence: Uint8Array };

/** Which of a party's keys a mechanism needs. */
export type KeyNeed = "sign" | "decrypt" | "agree" | "group";

/** What a mechanism is and promises; screens and documents take their words from here. */
export interface Mechanism {
  readonly name: MechanismName;
  /** Requirement ids by originator; only those stand here that make sense (DIR). */
  readonly equations: Readonly<Partial<Record<Role, string>>>;
  readonly messages: string;
  readonly grade: "confidential" | "public";
  /** Who has no name to the other: nobody, the originator, the recipients, or both to outsiders only. */
  readonly anonymous: "no" | "originator" | "recipient" | "outsiders";
  readonly broadcast: boolean;
  readonly forwardSecret: "no" | "yes" | "originator";
  /** The originator vouches for software and licence in M3. */
  readonly vouches: boolean;
  /** Keys that an originator needs of its own, and those of the recipient's that it must know. */
  readonly needs: { readonly originator: readonly KeyNeed[]; readonly recipient: readonly KeyNeed[] };
  /** What the link promises, as a sentence about {originator} and {recipient}. */
  readonly promise: string;
  /** Who else could read, now or later. */
  readonly readers: string;
  originate(context: OriginatorContext, options: OriginateOptions): MaybePromise<OriginatedLink>;
  accept(context: RecipientContext, message: Message): MaybePromise<AcceptedLink>;
}
