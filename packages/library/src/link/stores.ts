import type { MaybePromise, Secret } from "@sealane/crypto";

/** A message that was accepted. */
export interface ReplayEntry {
  /** Names the message: two entries of one key are one message. */
  readonly key: string;
  /** Who sent it, for the quota of one sender. */
  readonly sender: string;
  /** The second after which it need not be remembered any more. */
  readonly rememberUntilSeconds: number;
}

/**
 * Remembers accepted messages, so that none is accepted twice: also across a restart and by all processes of one party. In a
 * database it is a table with `key` as primary key.
 */
export interface ReplayCache {
  /**
   * Inserts an entry in one transaction: "fresh" for the first, "seen" for any later one of its key, "full" when its sender has
   * as many as you allow. A cache without a quota lets one sender fill it.
   */
  insert(entry: ReplayEntry): MaybePromise<"fresh" | "seen" | "full">;
}

/** A link that waits for the peer's next message. */
export interface PendingState {
  /** Names it: the awaited message carries the same. */
  readonly reference: string;
  /** "reply" where this party has originated the link; "third" where it has accepted a message that anybody could have sent. */
  readonly awaits: "reply" | "third";
  /** The second after which it can be forgotten. */
  readonly expiresAtSeconds: number;
  /** What the awaited message is checked with. A store on disk keeps it encrypted. */
  readonly saved: Secret<"saved pending link">;
}

/**
 * Holds links until the awaited message comes; any process that reaches the store may receive it. In a database it is a table with
 * `reference` as primary key.
 */
export interface PendingStates {
  /**
   * Keeps a state in one transaction, and `saved` is the store's from here on: "fresh" when it is kept; else it is dropped, for there
   * is one of its reference already ("seen") or there are as many as you allow ("full"). A store that does not bound the states that
   * await a "third" message lets strangers fill it.
   */
  insert(state: PendingState): MaybePromise<"fresh" | "seen" | "full">;
  /** Gives a copy of the saved state, which the caller wipes, or null. */
  find(reference: string): MaybePromise<Secret<"saved pending link"> | null>;
  /** Removes a state: true for one caller, false for all others. */
  remove(reference: string): MaybePromise<boolean>;
}
