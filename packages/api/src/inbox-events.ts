import { maxMessageBytes } from "@sealane/link";
import { formatBase64Url, parseBase64Url, SealaneError } from "@sealane/wire";
import { apiErrors } from "./errors.ts";
import type { InboxMessage } from "./inbox.ts";

/**
 * The inbox as a stream of server-sent events (HTML Living Standard, section 9.2): each waiting message is one event, whose `id` is the
 * position in decimal digits and whose `data` is the link message in base64url.
 */

/** A comment: nothing but a sign of life. Every stream begins with one. */
export const inboxHeartbeat = ":\n\n";

/** An event as a parser of event streams gives it. */
export interface InboxEvent {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly data: string;
}

const eventType = "message";

/** The event of a message, as it is sent. */
export function formatInboxEvent({ position, message }: InboxMessage): string {
  return `id: ${position}\nevent: ${eventType}\ndata: ${formatBase64Url(message)}\n\n`;
}

/** The message of an event that {@link formatInboxEvent} made, and of no other. Error: API_REPLY_WRONG. */
export function parseInboxEvent({ id, event, data }: InboxEvent): InboxMessage {
  if (event !== eventType) throw apiErrors.error("API_REPLY_WRONG", { event: "type" });
  return { position: parsePosition(id), message: parseMessage(data) };
}

function parsePosition(id = ""): number {
  const position = /^[1-9]\d{0,15}$/.test(id) ? Number(id) : Number.NaN;
  if (!Number.isSafeInteger(position)) throw apiErrors.error("API_REPLY_WRONG", { event: "id" });
  return position;
}

function parseMessage(data: string): Uint8Array {
  try {
    const message = parseBase64Url(data);
    if (message.length > 0 && message.length <= maxMessageBytes) return message;
  } catch (error) {
    if (!(error instanceof SealaneError)) throw error;
  }
  throw apiErrors.error("API_REPLY_WRONG", { event: "data" });
}
