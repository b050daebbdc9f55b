import { linkErrors } from "@sealane/link";
import type { Clock, Environment } from "../environment.ts";
import { plainBytes } from "../plain-bytes.ts";

const challengeBytes = 32;
const lifeSeconds = 60;

/** For this package only: the bytes of a challenge that is still open, and its end. Error of both: LINK_CHALLENGE_WRONG. */
export let openChallenge: (challenge: Challenge) => Uint8Array;
export let closeChallenge: (challenge: Challenge) => void;

/**
 * What a party without a trustworthy clock asks with: 32 random bytes, good for one message within 60 seconds. The originator puts
 * them in the place of its time stamp. Seconds are those that pass on the party's clock, whatever date it shows; certificates are
 * still judged by that date.
 *
 * ```ts
 * const challenge = new Challenge(environment); // challenge.bytes goes to the originator
 * const { message } = await office.originate(to, { challenge: bytes }); // message comes back
 * const accepted = await gateway.accept(message, { challenge });
 * ```
 */
export class Challenge {
  readonly #bytes: Uint8Array;
  readonly #clock: Clock;
  readonly #madeAtSeconds: number;
  #isOpen = true;

  constructor({ clock, random }: Environment) {
    this.#bytes = random.bytes(challengeBytes);
    this.#clock = clock;
    this.#madeAtSeconds = clock.nowSeconds();
  }

  static {
    openChallenge = (challenge) => {
      challenge.#requireOpen();
      return challenge.#bytes;
    };
    closeChallenge = (challenge) => {
      challenge.#requireOpen();
      challenge.#isOpen = false;
    };
  }

  /** For the originator; not secret. */
  get bytes(): Uint8Array {
    return plainBytes(this.#bytes).slice();
  }

  #requireOpen(): void {
    const ageSeconds = this.#clock.nowSeconds() - this.#madeAtSeconds;
    if (!this.#isOpen || ageSeconds < 0 || ageSeconds > lifeSeconds) throw linkErrors.error("LINK_CHALLENGE_WRONG");
  }
}
