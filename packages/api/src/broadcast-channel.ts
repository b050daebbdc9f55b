import { maxMessageBytes, maxReleaseBytes } from "@sealane/link";
import { byteString, type Codec, listOf, tuple, uint } from "@sealane/wire";
import { maxBroadcastItems } from "./limits.ts";

/** The broadcast channel: what a server says to whoever listens, the same to everybody. */

/** One broadcast as it is now; a renewed one stands at a new position. */
export interface BroadcastItem {
  readonly position: number;
  /** M1 of `open-broadcast` or `group-broadcast`, with the licence for "*" in it. */
  readonly message: Uint8Array;
  /** The content key of the licence's artefact, wrapped under M1's link (`BroadcastLink.wrap`). */
  readonly wrap: Uint8Array;
  /** The publisher's release of that artefact. */
  readonly release: Uint8Array;
}

/** What stands on the channel behind a position, the oldest first. */
export interface BroadcastChannel {
  /** The highest position that was ever given; who asked for what is behind a higher one begins anew. */
  readonly position: number;
  readonly items: readonly BroadcastItem[];
}

/** Bytes of an encoded channel: its items, each with heads. */
export const maxChannelBytes: number = maxBroadcastItems * (maxMessageBytes + maxReleaseBytes + 512);

/** Bytes of a wrapped content key: 32 key bytes, tag, IV and headers. */
const maxWrapBytes = 256;

export const broadcastChannelCodec: Codec<BroadcastChannel> = tuple<BroadcastChannel>({
  position: uint(),
  items: listOf(
    tuple<BroadcastItem>({
      position: uint(),
      message: byteString({ min: 1, max: maxMessageBytes }),
      wrap: byteString({ min: 1, max: maxWrapBytes }),
      release: byteString({ min: 1, max: maxReleaseBytes }),
    }),
    { max: maxBroadcastItems },
  ),
});
