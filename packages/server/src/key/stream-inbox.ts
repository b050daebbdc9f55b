import { formatInboxEvent, inboxHeartbeat } from "@sealane/api";
import type { KeyRole } from "./key-role.ts";
import { type InboxQuery, type InboxReader, readFor } from "./read-inbox.ts";

/**
 * Gives the pieces of an event stream: a sign of life at once and whenever nothing else was sent for a while, and every message that
 * waits or comes. It holds one message at a time, and gives none whose time was over when its turn came. Reading removes nothing.
 *
 * It ends when nothing waits and the time to wait is over; in any case after `inboxStreamSeconds`, or when the statement that opened it
 * is no longer accepted; when the client went; and when the request is sent away.
 *
 * Errors: SERVER_TERMINAL_INACTIVE when the terminal was enrolled anew meanwhile; STORE_*.
 */
export async function* inboxEvents(role: KeyRole, reader: InboxReader, query: InboxQuery): AsyncGenerator<string, void, undefined> {
  const { waiter, gone } = query;
  const { inboxHeartbeatSeconds, inboxStreamSeconds } = role.limits;
  const startedAt = performance.now();
  const endsAt = startedAt + 1000 * Math.min(inboxStreamSeconds, reader.acceptedSeconds);
  const waitsUntil = Math.min(endsAt, startedAt + 1000 * query.waitSeconds);
  const nextBeat = (): number => performance.now() + 1000 * inboxHeartbeatSeconds;

  yield inboxHeartbeat;
  let beatAt = nextBeat();
  for (let { after } = query; !gone.aborted && !waiter.ended.aborted && performance.now() < endsAt; ) {
    const position = after;
    const message = await readFor(role, reader, async (inbox, nowSeconds) => await inbox.next(reader.name, position, nowSeconds));
    if (message !== null) {
      yield formatInboxEvent(message);
      after = message.position;
    } else if (performance.now() >= waitsUntil) {
      return;
    } else if (performance.now() >= beatAt) {
      yield inboxHeartbeat;
    } else {
      await waiter.wait((Math.min(beatAt, waitsUntil) - performance.now()) / 1000, gone);
      continue;
    }
    beatAt = nextBeat();
  }
}
