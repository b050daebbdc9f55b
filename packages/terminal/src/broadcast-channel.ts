import { type BroadcastItem, broadcastChannelCodec, maxChannelBytes, maxInboxWaitSeconds, mediaType, routes } from "@sealane/api";
import { type HttpClient, urlOf } from "@sealane/http";
import { decodeAs } from "@sealane/wire";

/** Reads the broadcast channel of a server, which is not told who asks. */
export class ChannelReader {
  readonly #http: HttpClient;
  readonly #url: URL;
  #after = 0;

  constructor(http: HttpClient, url: URL) {
    this.#http = http;
    this.#url = url;
  }

  /**
   * Gives what has come since the last call, the oldest first; without anything it waits for the first, at most 25 seconds.
   * Errors: those of the HTTP client, WIRE_*.
   */
  async read(waitSeconds: number): Promise<readonly BroadcastItem[]> {
    const wait = Math.max(0, Math.min(maxInboxWaitSeconds, waitSeconds));
    const url = urlOf(this.#url, routes.broadcasts, { after: this.#after, wait });
    const bytes = await this.#http.exchange({ method: "GET", url, waitSeconds: wait }, { type: mediaType.cbor, maxBytes: maxChannelBytes });
    const { position, items } = decodeAs(broadcastChannelCodec, bytes, { maxBytes: maxChannelBytes, what: "channel" });
    if (position < this.#after) this.#after = 0; // the server was made anew, and counts from its beginning
    const fresh = items.filter((item) => item.position > this.#after); // anybody on the way may repeat a reply
    this.#after = Math.max(this.#after, ...fresh.map((item) => item.position));
    return fresh;
  }
}
