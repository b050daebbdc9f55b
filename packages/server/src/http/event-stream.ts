import { mediaType } from "@sealane/api";
import type { FastifyReply } from "fastify";
import { failureOf } from "./failure.ts";
import { write } from "./write.ts";

/**
 * `no-transform` and `x-accel-buffering` (nginx) ask those on the way to pass on what comes at once. The connection ends with the
 * stream: kept alive, it would keep a server waiting that stops.
 */
const headers = {
  "content-type": mediaType.events,
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
  connection: "close",
} as const;

export interface EventStreamOptions {
  /** Ends a piece that the client has not taken yet; between pieces the events end by themselves. */
  readonly ended: AbortSignal;
  /** How long a client may take for one piece. */
  readonly stallSeconds: number;
}

/**
 * Sends an event stream (HTML Living Standard, section 9.2), each piece when the one before has left this process, so that it holds no
 * more than one piece for a client that does not read; such a client is cut off. What the events throw ends the stream, and is for the
 * log alone: the status has gone out.
 */
export async function sendEvents(reply: FastifyReply, events: AsyncIterable<string>, options: EventStreamOptions): Promise<void> {
  const { raw, request } = reply;
  const { ended, stallSeconds } = options;
  let isWriting = false;
  const cut = (): void => void (isWriting && raw.destroy());
  ended.addEventListener("abort", cut, { once: true });
  reply.hijack();
  raw.writeHead(200, headers);
  try {
    for await (const piece of events) {
      isWriting = true;
      const stall = setTimeout(cut, stallSeconds * 1000);
      const isTaken = await write(raw, Buffer.from(piece));
      clearTimeout(stall);
      isWriting = false;
      if (!isTaken) break;
    }
  } catch (error) {
    request.failure = failureOf(error);
  } finally {
    ended.removeEventListener("abort", cut);
  }
  raw.end();
}
