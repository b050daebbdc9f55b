import { challengeBytes } from "@sealane/link";
import { byteString, type Codec, tuple, uint } from "@sealane/wire";

/** M0: what a terminal whose clock is not to be trusted asks for before it sends M1 (FCLOCK; docs/protocol.md, freshness). */
export interface Challenge {
  /** Stands in M1 in place of the time; good once, for 60 seconds. */
  readonly challenge: Uint8Array;
  /** The server's clock. Nobody has proved it: it bounds the life of a key, and decides nothing. */
  readonly nowSeconds: number;
}

export const challengeCodec: Codec<Challenge> = tuple<Challenge>({
  challenge: byteString({ min: challengeBytes, max: challengeBytes }),
  nowSeconds: uint(),
});
