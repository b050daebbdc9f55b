import type { MaybePromise, Secret } from "@sealane/crypto";
import type { ArtefactId, Name } from "@sealane/wire";
import type { MechanismName, Role } from "./labels.ts";
import type { ConfidentialLink, UnconfirmedLink } from "./link.ts";
import type { ContinueContext } from "./parties.ts";
import { type StateForm, saveState } from "./saved-state.ts";
import type { ThirdMode } from "./third-mode.ts";

/** What a party that waits for a message can do; each awaited message has a type of its own that is one of these. */
interface Awaited extends Disposable {
  readonly mechanism: MechanismName;
  readonly originatorRole: Role;
  /** Names M1, as every later message of the link does. */
  readonly reference: Uint8Array;
  /** The pending state for a store that keeps it encrypted (`loadAwaitedReply`, `loadAwaitedThird`). */
  save(): Secret<"saved pending link">;
}

/** A wait: what a party keeps until the peer's message comes. It is saved as it is, and the message that is right uses it up. */
export abstract class Waiting<State extends { readonly originatorRole: Role; readonly reference: Uint8Array }> {
  protected readonly state: State;
  readonly #form: StateForm<State>;

  protected constructor(form: StateForm<State>, state: State) {
    this.#form = form;
    this.state = state;
  }

  get originatorRole(): Role {
    return this.state.originatorRole;
  }

  get reference(): Uint8Array {
    return this.state.reference;
  }

  save(): Secret<"saved pending link"> {
    return saveState(this.#form, this.state);
  }
}

/** What the originator vouches for in M3 of `mutual-agreement`; all null where nothing is delivered with it. */
export interface ThirdContent {
  readonly artefactId: ArtefactId | null;
  /** LC: an encoded licence. */
  readonly licence: Uint8Array | null;
  /** The publisher's release of the software: an encoded statement, which the link does not read. */
  readonly release: Uint8Array | null;
}

/** M3 that delivers nothing. */
export const nothingVouched: ThirdContent = { artefactId: null, licence: null, release: null };

/** An originator that has sent M1 and waits for the answer, or for M2. */
export interface AwaitedReply extends Awaited {
  /**
   * Checks the reply and gives the link; a wrong reply leaves the pending state as it was.
   * Errors: those of `decodeMessage`, LINK_MESSAGE_UNEXPECTED, LINK_ANSWER_WRONG, LINK_EXPIRED, those of the mechanism.
   */
  receive(context: ContinueContext, reply: Uint8Array, content?: ThirdContent): MaybePromise<EstablishedLink>;
}

/** A link at its originator, and M3 to be sent now where the mechanism has one. */
export type EstablishedLink =
  | { readonly link: ConfidentialLink; readonly message: null }
  | { readonly link: ConfidentialLink | UnconfirmedLink; readonly message: Uint8Array };

/** A recipient that has sent M2 and waits for M3. */
export interface AwaitedThird extends Awaited {
  /** Whose M3 is awaited; proven only when it came. */
  readonly claimedOriginator: Name;
  /** How M3 vouches for what it brings: policy may ask for more of a class of software. Null where M3 brings nothing. */
  readonly third: ThirdMode | null;
  /** Checks M3 and gives the link, and what the originator vouched for. Errors: as of {@link AwaitedReply.receive}. */
  receive(context: ContinueContext, message: Uint8Array): MaybePromise<ThirdContent & { readonly link: ConfidentialLink }>;
}
