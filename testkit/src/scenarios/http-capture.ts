import { demand } from "./failure.ts";
import type { RecordedConnection } from "./recording-relay.ts";

/** One HTTP message as it stood on the wire. */
export interface CapturedMessage {
  /** The request line or the status line. */
  readonly start: string;
  /** Names as they were written, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** A request with its reply. */
export interface CapturedExchange {
  readonly request: CapturedMessage;
  readonly reply: CapturedMessage;
}

/** Reads the HTTP/1.1 exchanges of a connection that was recorded. A stream of pieces may have been left before its end. */
export function exchangesOf({ sent, received }: RecordedConnection): readonly CapturedExchange[] {
  const requests = messagesOf(sent);
  const replies = messagesOf(received);
  demand(requests.length === replies.length, `A connection has ${requests.length} requests and ${replies.length} replies.`);
  return requests.flatMap((request, index) => {
    const reply = replies[index];
    return reply === undefined ? [] : [{ request, reply }];
  });
}

function messagesOf(bytes: Uint8Array): readonly CapturedMessage[] {
  const messages: CapturedMessage[] = [];
  const all = Buffer.from(bytes);
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf("\r\n\r\n", at);
    demand(end !== -1, "A recorded message has no end of its head.");
    const [start = "", ...lines] = all.subarray(at, end).toString("latin1").split("\r\n");
    const headers = lines.map(headerOf);
    const begin = end + 4;
    const isInPieces = headers.some(([name]) => name.toLowerCase() === "transfer-encoding");
    const length = Number(headers.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? 0);
    at = isInPieces ? endOfPieces(all, begin) : begin + length;
    demand(at <= all.length, `A recorded message was cut: ${start}`);
    messages.push({ start, headers, body: all.subarray(begin, at) });
  }
  return messages;
}

/** Behind the last of the pieces of a body (RFC 9112, section 7.1), each behind its length in hexadecimal digits. */
function endOfPieces(all: Buffer, begin: number): number {
  for (let at = begin; ; ) {
    const line = all.indexOf("\r\n", at);
    if (line === -1) return all.length;
    const length = Number.parseInt(all.subarray(at, line).toString("latin1"), 16);
    demand(length >= 0, "A recorded piece has no length.");
    at = line + 2 + length + 2;
    if (length === 0 || at >= all.length) return Math.min(at, all.length);
  }
}

function headerOf(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
