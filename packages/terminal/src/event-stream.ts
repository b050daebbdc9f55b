import { apiErrors, type InboxEvent, maxInboxEventCharacters } from "@sealane/api";
import { createParser } from "eventsource-parser";
import { maxStreamBytes } from "./limits.ts";

/** What a stream says: a comment shows that it lives. */
export type StreamPart = { readonly kind: "comment" } | ({ readonly kind: "event" } & InboxEvent);

/**
 * Reads an event stream (HTML Living Standard, section 9.2) and gives, for each chunk, what it completed: an empty list too, so that
 * whoever reads can look at the clock. What is incomplete at the end is dropped, as the standard has it, and fields that are not of the
 * standard are passed over.
 *
 * Errors: API_REPLY_WRONG for what is not UTF-8, a line or event beyond its bound, a stream beyond its own; those of `chunks`.
 */
export async function* partsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly StreamPart[], void, undefined> {
  const parts: StreamPart[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: maxInboxEventCharacters,
    onComment: () => void parts.push({ kind: "comment" }),
    onEvent: (event) => void parts.push({ kind: "event", ...event }),
    onError: ({ type }) => {
      isTooLong ||= type === "max-buffer-size-exceeded";
    },
  });
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxStreamBytes) throw apiErrors.error("API_REPLY_WRONG", { limit: maxStreamBytes });
    parser.feed(decodeText(decoder, chunk));
    yield parts.splice(0);
    if (isTooLong) throw apiErrors.error("API_REPLY_WRONG", { limit: maxInboxEventCharacters });
  }
}

function decodeText(decoder: TextDecoder, chunk: Uint8Array): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw apiErrors.error("API_REPLY_WRONG", { reason: "not UTF-8" }, cause);
  }
}
