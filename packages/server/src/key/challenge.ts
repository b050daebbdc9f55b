import { challengeCodec } from "@sealane/api";
import { challengeBytes, challengeSeconds, type FreshnessPolicy, linkErrors } from "@sealane/link";
import { encodeAs } from "@sealane/wire";
import type { KeyStores } from "../storage/stores.ts";
import type { KeyRole } from "./key-role.ts";

/** Gives a challenge that a terminal without a clock puts into M1 in place of the time (FCLOCK). Errors: STORE_*. */
export async function giveChallenge(role: KeyRole): Promise<Uint8Array> {
  const challenge = role.random.bytes(challengeBytes);
  const nowSeconds = role.now();
  await role.atomically(async (stores) => await stores.challenges.add(challenge, nowSeconds + challengeSeconds));
  return encodeAs(challengeCodec, { challenge, nowSeconds });
}

/** Notes the challenge of one message when everything else was checked, to take it in the transaction that has the message's effect. */
export class DeferredChallenge {
  #challenge: Uint8Array | null = null;

  readonly isChallenge: NonNullable<FreshnessPolicy["isChallenge"]> = (challenge) => {
    this.#challenge = challenge;
    return true;
  };

  /** Takes it, once and in its time. Error: LINK_CHALLENGE_WRONG. */
  async takeFrom({ challenges }: KeyStores, nowSeconds: number): Promise<void> {
    if (this.#challenge === null) return;
    if (!(await challenges.take(this.#challenge, nowSeconds))) throw linkErrors.error("LINK_CHALLENGE_WRONG");
  }
}
