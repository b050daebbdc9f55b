import assert from "node:assert/strict";
import { mediaType, routes } from "@sealane/api";
import type { Device } from "./device.ts";

/** An event as it came. */
export interface StreamedMessage {
  readonly position: number;
  readonly message: Uint8Array;
}

/** How a stream is asked for. */
export interface StreamWish {
  readonly after?: number;
  readonly wait?: number;
  readonly lastEventId?: string;
  readonly accept?: string;
  /** When the request was signed. */
  readonly issuedAtSeconds?: number;
  readonly signal?: AbortSignal;
}

export async function fetchStream(device: Device, wish: StreamWish = {}): Promise<Response> {
  const { after, wait, lastEventId, accept = mediaType.events, issuedAtSeconds, signal } = wish;
  const query = Object.entries({ after, wait }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const url = `${device.url}${routes.inbox}?${query.join("&")}`; // where it is now
  const body = await device.inboxRequest(issuedAtSeconds === undefined ? {} : { issuedAtSeconds });
  const seen = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  return await fetch(url, {
    method: "POST",
    headers: { "content-type": mediaType.cbor, accept, ...seen },
    body: Uint8Array.from(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The event stream of a device's inbox, read by hand: blocks of lines, each ended by an empty one. */
export class InboxStream {
  readonly response: Response;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #text = "";

  constructor(response: Response) {
    assert.ok(response.body !== null);
    this.response = response;
    this.#chunks = response.body[Symbol.asyncIterator]();
  }

  /** Comes back when the stream has shown that it lives. */
  static async open(device: Device, wish: StreamWish = {}): Promise<InboxStream> {
    const stream = new InboxStream(await fetchStream(device, wish));
    assert.equal(stream.response.status, 200);
    assert.equal(await stream.block(), ":");
    return stream;
  }

  /** The next block without the empty line; null at the end, where nothing may be left. */
  async block(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end !== -1) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const { done, value } = await this.#chunks.next();
      if (done === true) {
        assert.equal(this.#text, "");
        return null;
      }
      this.#text += Buffer.from(value).toString("latin1");
    }
  }

  /** The next event; null at the end. Signs of life are passed over. */
  async message(): Promise<StreamedMessage | null> {
    let block = await this.block();
    while (block === ":") block = await this.block();
    if (block === null) return null;
    const [, position, data] = /^id: (\d+)\nevent: message\ndata: ([\w-]+)$/.exec(block) ?? assert.fail(block);
    return { position: Number(position), message: Buffer.from(data ?? "", "base64url") };
  }

  /** Positions of all events until the end. */
  async positions(): Promise<readonly number[]> {
    const found: number[] = [];
    for (let next = await this.message(); next !== null; next = await this.message()) found.push(next.position);
    return found;
  }
}
