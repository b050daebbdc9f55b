import type { MaybePromise } from "@sealane/crypto";
import type { Credential } from "@sealane/pki";
import type { Nonce } from "@sealane/wire";
import type { MechanismName } from "./labels.ts";

/** What makes a message unique, and how long it must be remembered. */
export interface ReplayEntry {
  readonly mechanism: MechanismName;
  /** The originator's signing credential. */
  readonly originator: Credential;
  readonly nonce: Nonce;
  /** Second after which no clock within tolerance accepts the message any more. */
  readonly rememberUntilSeconds: number;
}

/**
 * Remembers accepted messages (FNONCE), also across a restart. `insert` is one transaction: "fresh" at most once for an entry
 * until it is forgotten, whichever process asks; "full" when the originator's quota is used up.
 */
export interface ReplayCache {
  insert(entry: ReplayEntry): MaybePromise<"fresh" | "seen" | "full">;
}
